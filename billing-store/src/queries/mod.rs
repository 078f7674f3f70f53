//! Queries shared by both databases, one room per aggregate. `postgres.rs` and `sqlite.rs` each
//! mount this directory after defining `Conn` and `Backend`; nothing in here names a database, and
//! no room decides: a query loads, lets the rules decide, and writes.

mod accounts;
mod cache;
mod catalog;
pub(super) mod coupons;
mod deliveries;
mod events;
mod invoices;
mod payments;
mod reports;
mod subscriptions;
mod sums;
mod tx;
mod usage;
pub(super) mod webhooks;

use async_trait::async_trait;
use diesel::{IntoSql, sql_types::Integer};
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

pub(super) use self::{
    tx::{Shared, Tx},
    usage::{Changes, Keys, Locked},
};
use super::{Backend, Conn, dialect};
use crate::{Store, StoreError};

#[async_trait]
impl Store for Backend {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read((), |tx, ()| ping(tx).boxed()).await
    }
}

async fn ping(tx: &mut Tx) -> Result<(), StoreError> {
    let one = 1_i32.into_sql::<Integer>();
    diesel::select(one).execute(&mut tx.conn).await?;
    Ok(())
}
