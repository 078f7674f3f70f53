//! Users' accounts and settings: locked, read and stored for all other rooms, and what is asked of
//! them directly.

mod lock;
mod relations;
mod save;
mod settings;

use async_trait::async_trait;
use billing_core::{
    account::{Account, AccountState, Needs, Tax},
    ids::UserId,
    money::Rate,
    refusal::Refusal,
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

pub(super) use self::{
    lock::{Held, Ready},
    relations::{redemptions_of, with_relations},
};
use super::{Backend, Tx};
use crate::{AccountStore, StoreError};

#[async_trait]
impl AccountStore for Backend {
    async fn account(&self, user_id: UserId) -> Result<Account, StoreError> {
        self.read(user_id, |tx, user_id| account(tx, user_id).boxed())
            .await
    }

    async fn set_discount_rate(
        &self,
        user_id: UserId,
        rate: Rate,
        effective_from: Option<DateTime<Utc>>,
    ) -> Result<Account, StoreError> {
        let order = (user_id, rate, effective_from);
        self.write(order, |tx, (user_id, rate, from)| {
            set_discount_rate(tx, user_id, rate, from).boxed()
        })
        .await
    }

    async fn set_tax(&self, user_id: UserId, tax: Tax) -> Result<Account, StoreError> {
        self.write((user_id, tax), |tx, (user_id, tax)| {
            set_tax(tx, user_id, tax).boxed()
        })
        .await
    }
}

/// What is answered needs every discount rate besides.
fn needs_discounts(state: &AccountState, now: DateTime<Utc>) -> Needs {
    Needs {
        discounts: true,
        ..state.needs(now, now)
    }
}

async fn account(tx: &mut Tx, user_id: UserId) -> Result<Account, StoreError> {
    let ready = tx.view_for(user_id, needs_discounts).await?;
    Ok(ready.account)
}

async fn set_discount_rate(
    tx: &mut Tx,
    user_id: UserId,
    rate: Rate,
    from: Option<DateTime<Utc>>,
) -> Result<Account, StoreError> {
    let held = tx.hold(&user_id).await?;
    change(tx, held, |account, now| {
        account.set_discount(rate, from, now);
        Ok(())
    })
    .await
}

async fn set_tax(tx: &mut Tx, user_id: UserId, tax: Tax) -> Result<Account, StoreError> {
    // Whatever changes settings locks the account first.
    let held = tx.hold(&user_id).await?;
    let settings = settings::find(tx, user_id).await?;
    change(tx, held, |account, _| account.set_tax(tax, &settings)).await
}

async fn change(
    tx: &mut Tx,
    held: Held,
    change: impl FnOnce(&mut Account, DateTime<Utc>) -> Result<(), Refusal> + Send,
) -> Result<Account, StoreError> {
    let needs = needs_discounts(&held.state, held.now);
    let mut ready = tx.ready(held, needs).await?;
    change(&mut ready.account, ready.now)?;
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    Ok(ready.account)
}
