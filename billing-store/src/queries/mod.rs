//! Queries shared by both databases. `postgres.rs` and `sqlite.rs` each mount this directory after
//! defining `Conn` and `Backend`; nothing in here names a database.

mod accounts;
mod commit;
mod plans;
mod prices;
mod reports;
mod rollups;
mod settings;
mod usage;

use async_trait::async_trait;
use diesel::{IntoSql, sql_types::Integer};
use diesel_async::RunQueryDsl;

pub(super) use self::{
    commit::{Changes, Keys, Locked},
    prices::CatalogCache,
};
use super::{Backend, Conn, dialect};

use crate::{Store, StoreError};

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
