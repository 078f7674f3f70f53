//! Queries shared by both databases. `postgres.rs` and `sqlite.rs` each mount this directory after
//! defining `Conn` and `Backend`; nothing in here names a database.

mod accounts;
mod breakdown;
mod charges;
mod commit;
pub(super) mod coupons;
mod export;
mod invoice_changes;
mod invoices;
mod issuing;
mod month_end;
mod plans;
mod prices;
mod reconcile;
mod reports;
mod rollups;
mod settings;
mod subscriptions;
mod top_users;
mod usage;
mod users;
mod voids;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{IntoSql, sql_types::Integer};
use diesel_async::RunQueryDsl;
use futures_util::future::BoxFuture;

pub(super) use self::{
    commit::{Changes, Keys, Locked},
    prices::CatalogCache,
};
use super::{Backend, Conn, dialect};

use crate::{Store, StoreError};

/// How often a transaction is run before it is given up.
const MAX_ATTEMPTS: u32 = 4;

impl Backend {
    /// Runs `work` in a transaction, and again when another transaction was in its way.
    async fn write_again<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let work = Arc::new(work);
        let mut attempts = 1..=MAX_ATTEMPTS;
        loop {
            let more = attempts.next() < Some(MAX_ATTEMPTS);
            let work = Arc::clone(&work);
            match self.write(move |conn| work(conn)).await {
                // An outcome that is unknown is the caller's to find out.
                Err(error) if error.was_undone() && more => {
                    tracing::debug!(%error, "the transaction is run again");
                }
                result => return result,
            }
        }
    }
}

#[async_trait]
impl Store for Backend {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|conn| {
            Box::pin(async {
                let one = 1_i32.into_sql::<Integer>();
                diesel::select(one).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }
}
