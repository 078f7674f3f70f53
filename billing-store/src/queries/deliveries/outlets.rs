//! Which outlets an event goes to, and how they fare.

use billing_core::{
    delivery::{Delivery, DeliveryStatus, Outlet, OutletHealth},
    event_type::EventType,
    ids::UserId,
    webhook::WebhookEndpoint,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Tx, dialect};
use crate::{
    MailOutlets, StoreError,
    rows::{DeliveryRow, EventRow, NOBODY, OutletRow},
    schema::{deliveries, outlets},
    sql_types::DbTimestamp,
};

/// Has events delivered, which have just got their places: one row per event and outlet.
pub(in super::super) async fn fan_out(tx: &mut Tx, placed: &[EventRow]) -> Result<(), StoreError> {
    let now = tx.now();
    let mut endpoints = Vec::new();
    for row in dialect::share_endpoints(&mut tx.conn).await? {
        // How it fares decides nothing here.
        endpoints.push(row.into_endpoint(OutletHealth::default())?);
    }
    let mails = tx.shared.deliveries.mail;
    let mut rows = Vec::new();
    for event in placed {
        let kind = EventType::named(&event.type_);
        let kind = kind.ok_or_else(|| StoreError::corrupt("events.type", &event.type_))?;
        let user_id = Some(&event.user_id).filter(|id| *id != NOBODY);
        let user_id = user_id.map(|id| UserId::trusted(id.clone()));
        for (outlet, status) in outlets_of(kind, user_id.as_ref(), &endpoints, mails) {
            let delivery = match (&event.fault, status) {
                (Some(_), _) => Delivery::ended(DeliveryStatus::Dead, now),
                (None, DeliveryStatus::Pending) => Delivery::new(now),
                (None, status) => Delivery::ended(status, now),
            };
            let key = (event.user_id.clone(), event.sequence);
            rows.push(DeliveryRow::new(key, outlet, &delivery, now));
        }
    }
    dialect::insert(&mut tx.conn, rows).await
}

/// The outlets of an event, and how its delivery begins.
fn outlets_of(
    kind: EventType,
    user_id: Option<&UserId>,
    endpoints: &[WebhookEndpoint],
    mails: MailOutlets,
) -> Vec<(Outlet, DeliveryStatus)> {
    // A test has one endpoint, and its delivery is written with it.
    if kind == EventType::EndpointTest {
        return Vec::new();
    }
    let wanted = endpoints.iter().filter(|of| of.filter.takes(kind, user_id));
    let wanted = wanted.map(|endpoint| {
        let status = match endpoint.disabled {
            Some(_) => DeliveryStatus::Paused,
            None => DeliveryStatus::Pending,
        };
        (Outlet::Endpoint(endpoint.id), status)
    });
    let mut outlets: Vec<_> = wanted.collect();
    if mails.users && user_id.is_some() && Outlet::mails(kind) {
        outlets.push((Outlet::Mail, DeliveryStatus::Pending));
    }
    if mails.operator && Outlet::mails_operator(kind) {
        outlets.push((Outlet::Operator, DeliveryStatus::Pending));
    }
    outlets
}

impl Tx {
    /// How an outlet fares; one of which nothing is known fares well.
    pub(in super::super) async fn health(
        &mut self,
        outlet: Outlet,
    ) -> Result<OutletHealth, StoreError> {
        let row: Option<OutletRow> = outlets::table
            .find(outlet.to_string())
            .select(OutletRow::as_select())
            .first(&mut self.conn)
            .await
            .optional()?;
        Ok(row.map(|row| row.health()).unwrap_or_default())
    }

    /// Keeps others from beginning and ending deliveries of an outlet.
    pub(in super::super) async fn hold_outlet(&mut self, outlet: Outlet) -> Result<(), StoreError> {
        dialect::lock_outlet(&mut self.conn, &outlet.to_string()).await?;
        Ok(())
    }

    /// Has what waits for an endpoint that is disabled wait until it is enabled again.
    pub(in super::super) async fn pause(&mut self, outlet: Outlet) -> Result<(), StoreError> {
        let now = Some(DbTimestamp(self.now()));
        self.set_open(outlet, DeliveryStatus::Pending, DeliveryStatus::Paused, now)
            .await
    }

    /// Has what waited for an endpoint that is enabled be due at once.
    pub(in super::super) async fn resume(&mut self, outlet: Outlet) -> Result<(), StoreError> {
        self.set_open(
            outlet,
            DeliveryStatus::Paused,
            DeliveryStatus::Pending,
            None,
        )
        .await
    }

    /// Forgets an outlet that is gone; nobody wants what waited for it.
    pub(in super::super) async fn forget(&mut self, outlet: Outlet) -> Result<(), StoreError> {
        let now = Some(DbTimestamp(self.now()));
        for status in [DeliveryStatus::Pending, DeliveryStatus::Paused] {
            self.set_open(outlet, status, DeliveryStatus::Skipped, now)
                .await?;
        }
        diesel::delete(outlets::table.find(outlet.to_string()))
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }

    async fn set_open(
        &mut self,
        outlet: Outlet,
        from: DeliveryStatus,
        to: DeliveryStatus,
        finished_at: Option<DbTimestamp>,
    ) -> Result<(), StoreError> {
        let now = DbTimestamp(self.now());
        let of_outlet = deliveries::table
            .filter(deliveries::outlet.eq(outlet.to_string()))
            .filter(deliveries::status.eq(from.name()));
        diesel::update(of_outlet)
            .set((
                deliveries::status.eq(to.name()),
                deliveries::next_at.eq(now),
                deliveries::finished_at.eq(finished_at),
            ))
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }
}
