//! Where events are sent.

use async_trait::async_trait;
use billing_core::{
    delivery::Outlet,
    ids::WebhookEndpointId,
    refusal::Refusal,
    webhook::{EndpointChange, WebhookEndpoint, WebhookSecret},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::{Backend, Conn, Tx, dialect};
use crate::{
    StoreError, WebhookEndpointStore,
    rows::{OutletRow, WebhookEndpointRow},
    schema::webhook_endpoints,
    sql_types::DbUuid,
};

#[async_trait]
impl WebhookEndpointStore for Backend {
    async fn create_webhook_endpoint(
        &self,
        endpoint: WebhookEndpoint,
    ) -> Result<WebhookEndpoint, StoreError> {
        self.write(endpoint, |tx, endpoint| create(tx, endpoint).boxed())
            .await
    }

    async fn webhook_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: i64,
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        self.read((after, limit), |tx, (after, limit)| {
            list(tx, after, limit).boxed()
        })
        .await
    }

    async fn webhook_endpoint(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, StoreError> {
        self.read(id, |tx, id| get(tx, id).boxed()).await
    }

    async fn update_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        change: EndpointChange,
    ) -> Result<WebhookEndpoint, StoreError> {
        self.write((id, change), |tx, (id, change)| {
            update(tx, id, change).boxed()
        })
        .await
    }

    async fn delete_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpoint, StoreError> {
        self.write(id, |tx, id| delete(tx, id).boxed()).await
    }

    async fn rotate_webhook_secret(
        &self,
        id: WebhookEndpointId,
        secret: WebhookSecret,
        revoke_old: bool,
    ) -> Result<WebhookEndpoint, StoreError> {
        self.write((id, secret, revoke_old), |tx, (id, secret, revoke_old)| {
            rotate(tx, id, secret, revoke_old).boxed()
        })
        .await
    }
}

async fn create(tx: &mut Tx, endpoint: WebhookEndpoint) -> Result<WebhookEndpoint, StoreError> {
    store(tx, &endpoint).await?;
    Ok(endpoint)
}

async fn list(
    tx: &mut Tx,
    after: Option<WebhookEndpointId>,
    limit: i64,
) -> Result<Vec<WebhookEndpoint>, StoreError> {
    // Ids begin with their time, so the newest has the greatest.
    let mut query = webhook_endpoints::table
        .order(webhook_endpoints::id.desc())
        .limit(limit)
        .select(WebhookEndpointRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(webhook_endpoints::id.lt(DbUuid(after.uuid())));
    }
    let rows: Vec<WebhookEndpointRow> = query.load(&mut tx.conn).await?;
    let mut endpoints = Vec::with_capacity(rows.len());
    for row in rows {
        let health = tx.health(endpoint_outlet(&row)).await?;
        endpoints.push(row.into_endpoint(health)?);
    }
    Ok(endpoints)
}

const fn endpoint_outlet(row: &WebhookEndpointRow) -> Outlet {
    Outlet::Endpoint(WebhookEndpointId::new(row.id.0))
}

async fn get(tx: &mut Tx, id: WebhookEndpointId) -> Result<WebhookEndpoint, StoreError> {
    let row = find_endpoint(&mut tx.conn, id).await?;
    found(tx, id, row).await
}

async fn update(
    tx: &mut Tx,
    id: WebhookEndpointId,
    change: EndpointChange,
) -> Result<WebhookEndpoint, StoreError> {
    let mut endpoint = lock(tx, id).await?;
    endpoint.change(change, tx.now());
    store(tx, &endpoint).await?;
    if endpoint.disabled.is_none() {
        tx.resume(Outlet::Endpoint(id)).await?;
    } else {
        tx.pause(Outlet::Endpoint(id)).await?;
    }
    Ok(endpoint)
}

async fn delete(tx: &mut Tx, id: WebhookEndpointId) -> Result<WebhookEndpoint, StoreError> {
    let endpoint = lock(tx, id).await?;
    diesel::delete(webhook_endpoints::table.find(DbUuid(id.uuid())))
        .execute(&mut tx.conn)
        .await?;
    tx.forget(Outlet::Endpoint(id)).await?;
    Ok(endpoint)
}

async fn rotate(
    tx: &mut Tx,
    id: WebhookEndpointId,
    secret: WebhookSecret,
    revoke_old: bool,
) -> Result<WebhookEndpoint, StoreError> {
    let mut endpoint = lock(tx, id).await?;
    endpoint.rotate(secret, revoke_old, tx.now());
    store(tx, &endpoint).await?;
    Ok(endpoint)
}

/// Locks an endpoint: first its outlet, as whoever delivers does.
pub(super) async fn lock(
    tx: &mut Tx,
    id: WebhookEndpointId,
) -> Result<WebhookEndpoint, StoreError> {
    tx.hold_outlet(Outlet::Endpoint(id)).await?;
    let row = dialect::lock_endpoint(&mut tx.conn, id).await?;
    found(tx, id, row).await
}

/// Stores an endpoint, and how it fares.
pub(super) async fn store(tx: &mut Tx, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
    let outlet = OutletRow::new(Outlet::Endpoint(endpoint.id), &endpoint.health);
    dialect::upsert(&mut tx.conn, vec![outlet]).await?;
    dialect::upsert(&mut tx.conn, vec![WebhookEndpointRow::from(endpoint)]).await
}

async fn found(
    tx: &mut Tx,
    id: WebhookEndpointId,
    row: Option<WebhookEndpointRow>,
) -> Result<WebhookEndpoint, StoreError> {
    let row = row.ok_or_else(|| Refusal::WebhookEndpointNotFound(id.to_string()))?;
    let health = tx.health(Outlet::Endpoint(id)).await?;
    row.into_endpoint(health)
}

/// The endpoint with an id.
pub(crate) async fn find_endpoint(
    conn: &mut Conn,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpointRow>, StoreError> {
    let row = webhook_endpoints::table
        .find(DbUuid(id.uuid()))
        .select(WebhookEndpointRow::as_select())
        .first(conn)
        .await;
    Ok(row.optional()?)
}
