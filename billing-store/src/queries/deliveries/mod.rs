//! Carrying events to their outlets.

mod again;
mod begin;
mod end;
mod mails;
mod outlets;
mod prune;

use std::time::Duration;

use async_trait::async_trait;
use billing_core::{
    delivery::Outlet,
    ids::{EventId, WebhookEndpointId},
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use uuid::Uuid;

pub(super) use self::outlets::fan_out;
use super::{Backend, Tx, dialect};
use crate::{
    BegunDelivery, DeliveryStore, EndedDelivery, StoreError, StoredDelivery, StoredEvent,
    StoredMail,
};

#[async_trait]
impl DeliveryStore for Backend {
    async fn due_outlets(&self) -> Result<Vec<Outlet>, StoreError> {
        self.read((), |tx, ()| begin::due(tx).boxed()).await
    }

    async fn begin_deliveries(
        &self,
        outlet: Outlet,
        lease: Uuid,
        lease_for: Duration,
    ) -> Result<Vec<BegunDelivery>, StoreError> {
        self.write((outlet, lease, lease_for), |tx, (outlet, lease, time)| {
            begin::begin(tx, outlet, lease, time).boxed()
        })
        .await
    }

    async fn end_deliveries(
        &self,
        outlet: Outlet,
        lease: Uuid,
        ended: Vec<EndedDelivery>,
    ) -> Result<usize, StoreError> {
        self.write((outlet, lease, ended), |tx, (outlet, lease, ended)| {
            end::end(tx, outlet, lease, ended).boxed()
        })
        .await
    }

    async fn deliveries(&self, event: &StoredEvent) -> Result<Vec<StoredDelivery>, StoreError> {
        self.read(event.clone(), |tx, event| {
            again::of_event(tx, event).boxed()
        })
        .await
    }

    async fn redeliver(&self, id: EventId, outlet: Option<Outlet>) -> Result<usize, StoreError> {
        self.write((id, outlet), |tx, (id, outlet)| {
            again::one(tx, id, outlet).boxed()
        })
        .await
    }

    async fn redeliver_dead(
        &self,
        outlet: Option<Outlet>,
        limit: i64,
    ) -> Result<usize, StoreError> {
        self.write((outlet, limit), |tx, (outlet, limit)| {
            again::dead(tx, outlet, limit).boxed()
        })
        .await
    }

    async fn recover_endpoint(
        &self,
        id: WebhookEndpointId,
        since: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        self.write((id, since), |tx, (id, since)| {
            again::recover(tx, id, since).boxed()
        })
        .await
    }

    async fn tell_test(&self, id: WebhookEndpointId) -> Result<(), StoreError> {
        self.write(id, |tx, id| again::test(tx, id).boxed()).await
    }

    async fn prune_deliveries(
        &self,
        events_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, StoreError> {
        self.write((events_before, limit), |tx, (before, limit)| {
            prune::prune(tx, before, limit).boxed()
        })
        .await
    }

    async fn mail(
        &self,
        event: &StoredEvent,
        outlet: Outlet,
    ) -> Result<Option<StoredMail>, StoreError> {
        self.read((event.clone(), outlet), |tx, (event, outlet)| {
            mails::kept(tx, event, outlet).boxed()
        })
        .await
    }

    async fn keep_mail(
        &self,
        event: &StoredEvent,
        outlet: Outlet,
        mail: StoredMail,
    ) -> Result<StoredMail, StoreError> {
        let order = (event.clone(), outlet, mail);
        self.write(order, |tx, (event, outlet, mail)| {
            mails::keep(tx, event, outlet, mail).boxed()
        })
        .await
    }
}
