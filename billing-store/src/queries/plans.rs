//! The plans on offer.

use async_trait::async_trait;
use billing_core::plan::{Plan, PlanVersion};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn};
use crate::{
    PlanStore, StoreError,
    rows::{PlanRow, PlanVersionRow},
    schema::{plan_versions, subscription_plans},
};

#[async_trait]
impl PlanStore for Backend {
    async fn plans(&self, include_inactive: bool) -> Result<Vec<Plan>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let mut query = subscription_plans::table
                    .order((subscription_plans::display_order, subscription_plans::id))
                    .select(PlanRow::as_select())
                    .into_boxed();
                if !include_inactive {
                    query = query.filter(subscription_plans::is_active);
                }
                let rows = query.load(conn).await?;
                rows.into_iter().map(Plan::try_from).collect()
            })
        })
        .await
    }
}

/// The terms of all plans over time, each with whether its plan is on offer.
pub(super) async fn versions(conn: &mut Conn) -> Result<Vec<(bool, PlanVersion)>, StoreError> {
    let rows: Vec<(bool, PlanVersionRow)> = plan_versions::table
        .inner_join(subscription_plans::table)
        .select((subscription_plans::is_active, PlanVersionRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(is_active, row)| Ok((is_active, PlanVersion::try_from(row)?)))
        .collect()
}
