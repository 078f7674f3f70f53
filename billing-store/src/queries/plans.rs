//! The plans on offer.

use async_trait::async_trait;
use billing_core::plan::Plan;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Backend;
use crate::{PlanStore, StoreError, rows::PlanRow, schema::subscription_plans};

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
