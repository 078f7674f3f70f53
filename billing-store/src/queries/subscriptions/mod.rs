//! Users' subscriptions.

mod list;

use async_trait::async_trait;
use billing_core::{
    account::AccountChange,
    ids::{SubscriptionId, UserId},
    refusal::Refusal,
    subscription::{SubscriptionOrder, SubscriptionRecord, SubscriptionView},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::{Backend, Tx, dialect, invoices::charged_fee};
use crate::{
    StoreError, SubscriptionStore,
    rows::{InvoiceRow, SubscriptionRow},
    schema::{accounts, subscriptions},
    sql_types::{DbTimestamp, DbUuid},
};

#[async_trait]
impl SubscriptionStore for Backend {
    async fn order_subscription(
        &self,
        user_id: UserId,
        order: SubscriptionOrder,
    ) -> Result<SubscriptionView, StoreError> {
        self.write((user_id, order), |tx, (user_id, order)| {
            carry_out(tx, user_id, order).boxed()
        })
        .await
    }

    async fn live_subscription(&self, user_id: UserId) -> Result<SubscriptionView, StoreError> {
        self.read(user_id, |tx, user_id| live(tx, user_id).boxed())
            .await
    }

    async fn subscriptions(
        &self,
        user_id: Option<UserId>,
        after: Option<SubscriptionId>,
        limit: i64,
    ) -> Result<Vec<(UserId, SubscriptionView)>, StoreError> {
        self.read((user_id, after, limit), |tx, (user_id, after, limit)| {
            list::list(tx, user_id, after, limit).boxed()
        })
        .await
    }

    async fn renew_due(&self, limit: i64) -> Result<usize, StoreError> {
        self.write(limit, |tx, limit| renew_due(tx, limit).boxed())
            .await
    }
}

async fn carry_out(
    tx: &mut Tx,
    user_id: UserId,
    order: SubscriptionOrder,
) -> Result<SubscriptionView, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let live = ready.account.state.subscription.as_ref();
    let mut fee = match (&order, live) {
        (SubscriptionOrder::ChangePlan(_), Some(live)) => {
            charged_fee(tx, &user_id, live.id).await?
        }
        _ => None,
    };
    let view = ready
        .account
        .order(order, fee.as_mut(), &ready.catalog, ready.now)?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    if let Some(invoiced) = fee.and_then(|fee| fee.invoiced) {
        let row = InvoiceRow::try_from(&invoiced.invoice)?;
        dialect::upsert(&mut tx.conn, vec![row]).await?;
    }
    Ok(view)
}

async fn live(tx: &mut Tx, user_id: UserId) -> Result<SubscriptionView, StoreError> {
    let account = tx.view(user_id).await?.account;
    let live = account.state.subscription.as_ref();
    let live = live.ok_or(Refusal::SubscriptionNotFound)?;
    let row = subscriptions::table
        .find((account.id().as_str(), DbUuid(live.id.uuid())))
        .select(SubscriptionRow::as_select())
        .first(&mut tx.conn)
        .await?;
    Ok(account.view_subscription(SubscriptionRecord::try_from(row)?))
}

async fn renew_due(tx: &mut Tx, limit: i64) -> Result<usize, StoreError> {
    let due: Vec<String> = accounts::table
        .filter(accounts::subscription_id.is_not_null())
        .filter(accounts::window_end.le(DbTimestamp(tx.now())))
        .order(accounts::window_end)
        .limit(limit)
        .select(accounts::user_id)
        .load(&mut tx.conn)
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    let found = due.len();
    let mut ready = tx.lock_many(due).await?;
    // Usage or another server may have been faster with some.
    let renewed = |change| change == AccountChange::All;
    ready
        .account
        .retain(|account| renewed(account.pending().account));
    tx.save(&ready.account, &[], &ready.catalog, ready.now)
        .await?;
    Ok(found)
}
