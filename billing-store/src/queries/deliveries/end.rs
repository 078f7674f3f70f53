//! What deliveries have come to.

use std::sync::Arc;

use billing_core::{
    delivery::{AttemptResult, Delivery, Outlet, OutletHealth},
    event::{EndpointEvent, EventData},
    ids::{UserId, WebhookEndpointId},
    webhook::DisabledReason,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{super::webhooks, Tx, dialect};
use crate::{
    EndedDelivery, StoreError,
    rows::{AttemptRow, DeliveryRow, NOBODY, OutletRow},
    schema::deliveries,
    sql_types::DbUuid,
};

pub(super) async fn end(
    tx: &mut Tx,
    outlet: Outlet,
    lease: Uuid,
    ended: Vec<EndedDelivery>,
) -> Result<usize, StoreError> {
    tx.hold_outlet(outlet).await?;
    let now = tx.now();
    let mut health = tx.health(outlet).await?;
    let mut is_gone = false;
    let (mut rows, mut attempts) = (Vec::new(), Vec::new());
    for one in ended {
        let Some(mut row) = leased(tx, outlet, lease, &one).await? else {
            continue;
        };
        let mut delivery: Delivery = row.delivery()?;
        delivery.note(outlet, one.result, one.jitter, now);
        row.set(&delivery);
        note(&mut health, one.result, now);
        is_gone |= one.result == AttemptResult::Gone;
        attempts.push(AttemptRow::new(&row, one.report));
        rows.push(row);
    }
    let stored = rows.len();
    dialect::update(&mut tx.conn, rows).await?;
    dialect::insert(&mut tx.conn, attempts).await?;
    match outlet {
        Outlet::Endpoint(id) => judge(tx, id, health, is_gone, now).await?,
        Outlet::Mail | Outlet::Operator => {
            let row = OutletRow::new(outlet, &health);
            dialect::update(&mut tx.conn, vec![row]).await?;
        }
    }
    Ok(stored)
}

/// A delivery that is still under a lease.
async fn leased(
    tx: &mut Tx,
    outlet: Outlet,
    lease: Uuid,
    ended: &EndedDelivery,
) -> Result<Option<DeliveryRow>, StoreError> {
    let user_id = ended.user_id.as_ref().map_or(NOBODY, UserId::as_str);
    Ok(deliveries::table
        .find((user_id, ended.sequence, outlet.to_string()))
        .filter(deliveries::lease.eq(DbUuid(lease)))
        .select(DeliveryRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?)
}

fn note(health: &mut OutletHealth, result: AttemptResult, now: DateTime<Utc>) {
    match result {
        AttemptResult::Delivered => health.note_success(now),
        AttemptResult::Failed(_) | AttemptResult::Gone => health.note_failure(now),
        // They say nothing of the outlet.
        AttemptResult::Skipped | AttemptResult::Refused => {}
    }
}

/// Disables an endpoint of which nothing is expected any more, and tells of one that fails.
async fn judge(
    tx: &mut Tx,
    id: WebhookEndpointId,
    mut health: OutletHealth,
    is_gone: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let patience = tx.shared.deliveries.patience;
    let reason = if is_gone {
        Some(DisabledReason::Gone)
    } else {
        health
            .is_hopeless(patience, now)
            .then_some(DisabledReason::Failing)
    };
    let is_news = health.is_news(now);
    if reason.is_none() && !is_news {
        let row = OutletRow::new(Outlet::Endpoint(id), &health);
        return dialect::update(&mut tx.conn, vec![row]).await;
    }
    let mut endpoint = webhooks::lock(tx, id).await?;
    endpoint.health = health;
    let event = match reason {
        Some(reason) if endpoint.disabled.is_none() => {
            endpoint.disable(reason, now);
            Some(EndpointEvent::Disabled)
        }
        None if is_news => Some(EndpointEvent::Failing),
        _ => None,
    };
    webhooks::store(tx, &endpoint).await?;
    if endpoint.disabled.is_some() {
        tx.pause(Outlet::Endpoint(id)).await?;
    }
    if let Some(event) = event {
        tx.tell_all(EventData::Endpoint(event, Arc::new(endpoint)), now);
    }
    Ok(())
}
