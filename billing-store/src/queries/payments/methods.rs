//! Saved methods, and the providers' customers.

use billing_core::{
    account::Account,
    ids::{PaymentMethodId, UserId},
    payment::{Consents, Payer, PaymentMethod, Provider},
    refusal::Refusal,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{Tx, accounts::Ready, dialect};
use crate::{
    StoreError,
    rows::{CustomerRow, MethodRow},
    schema::{payment_customers, payment_methods},
    sql_types::{DbTimestamp, DbUuid},
};

pub(super) async fn customer(
    tx: &mut Tx,
    user_id: UserId,
    provider: Provider,
    is_live: bool,
) -> Result<Option<String>, StoreError> {
    Ok(payment_customers::table
        .find((user_id.as_str(), provider.name(), is_live))
        .select(payment_customers::customer_id)
        .first(&mut tx.conn)
        .await
        .optional()?)
}

pub(super) async fn keep_customer(
    tx: &mut Tx,
    user_id: UserId,
    provider: Provider,
    is_live: bool,
    customer_id: String,
) -> Result<String, StoreError> {
    let row = CustomerRow {
        user_id: user_id.to_string(),
        provider: provider.name().to_owned(),
        is_live,
        customer_id: customer_id.clone(),
        created_at: DbTimestamp(tx.now()),
    };
    dialect::insert_new(&mut tx.conn, vec![row]).await?;
    let kept = customer(tx, user_id, provider, is_live).await?;
    Ok(kept.unwrap_or(customer_id))
}

pub(super) async fn of_user(
    tx: &mut Tx,
    user_id: &UserId,
) -> Result<Vec<PaymentMethod>, StoreError> {
    let rows: Vec<MethodRow> = payment_methods::table
        .filter(payment_methods::user_id.eq(user_id.as_str()))
        .order(payment_methods::id)
        .select(MethodRow::as_select())
        .load(&mut tx.conn)
        .await?;
    rows.into_iter().map(PaymentMethod::try_from).collect()
}

pub(super) async fn save(
    tx: &mut Tx,
    mut method: PaymentMethod,
) -> Result<PaymentMethod, StoreError> {
    let mut ready = tx.lock(&method.user_id).await?;
    let promised = ready.account.take_promised();
    method.topup_consent = method.topup_consent.or(promised.topup);
    method.collect_consent = method.collect_consent.or(promised.collect);
    let others = of_user(tx, &method.user_id).await?;
    let method = method.saved_beside(&others);
    if method.is_default {
        no_default(tx, &method.user_id).await?;
    }
    dialect::upsert(&mut tx.conn, vec![MethodRow::from(&method)]).await?;
    if method.is_default {
        ready.account.set_payer(Some(&method), ready.now);
    }
    store(tx, ready).await?;
    Ok(method)
}

/// Keeps what the user agreed to while a method is being saved.
pub(super) async fn promise(
    tx: &mut Tx,
    user_id: UserId,
    consents: Consents,
) -> Result<(), StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    ready.account.promise(consents);
    store(tx, ready).await
}

/// Has the user's methods say what the account says of consent to automatic top-ups.
pub(in super::super) async fn keep_topup_consent(
    tx: &mut Tx,
    user_id: &UserId,
    payer: Option<&Payer>,
) -> Result<(), StoreError> {
    let mut methods = of_user(tx, user_id).await?;
    let consent = payer.and_then(|payer| payer.consents.topup.as_ref());
    for method in &mut methods {
        let is_payer = payer.is_some_and(|payer| payer.method_id == method.id);
        match consent {
            Some(consent) if is_payer => method.topup_consent = Some(consent.clone()),
            Some(_) => {}
            None => method.topup_consent = None,
        }
    }
    let rows = methods.iter().map(MethodRow::from).collect();
    dialect::upsert(&mut tx.conn, rows).await
}

async fn store(tx: &mut Tx, ready: Ready<Account>) -> Result<(), StoreError> {
    let accounts = std::slice::from_ref(&ready.account);
    tx.save(accounts, &[], &ready.catalog, ready.now).await
}

pub(super) async fn set_default(
    tx: &mut Tx,
    user_id: UserId,
    id: PaymentMethodId,
) -> Result<PaymentMethod, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let mut methods = of_user(tx, &user_id).await?.into_iter();
    let found = methods.find(|method| method.id == id);
    let mut method = found.ok_or(Refusal::PaymentMethodMissing)?;
    method.is_default = true;
    no_default(tx, &user_id).await?;
    dialect::upsert(&mut tx.conn, vec![MethodRow::from(&method)]).await?;
    ready.account.set_payer(Some(&method), ready.now);
    store(tx, ready).await?;
    Ok(method)
}

pub(super) async fn remove(
    tx: &mut Tx,
    user_id: UserId,
    id: PaymentMethodId,
) -> Result<PaymentMethod, StoreError> {
    let mut ready = tx.lock(&user_id).await?;
    let methods = of_user(tx, &user_id).await?;
    let (mut removed, kept): (Vec<_>, Vec<_>) =
        methods.into_iter().partition(|method| method.id == id);
    let removed = removed.pop().ok_or(Refusal::PaymentMethodMissing)?;
    diesel::delete(payment_methods::table.find((user_id.as_str(), DbUuid(id.uuid()))))
        .execute(&mut tx.conn)
        .await?;
    if removed.is_default {
        let mut next = kept.into_iter().next();
        if let Some(next) = &mut next {
            next.is_default = true;
            dialect::upsert(&mut tx.conn, vec![MethodRow::from(&*next)]).await?;
        }
        ready.account.set_payer(next.as_ref(), ready.now);
    }
    store(tx, ready).await?;
    Ok(removed)
}

/// At most one of a user's methods may be the default, also in between.
async fn no_default(tx: &mut Tx, user_id: &UserId) -> Result<(), StoreError> {
    let of_user = payment_methods::table
        .filter(payment_methods::user_id.eq(user_id.as_str()))
        .filter(payment_methods::is_default);
    diesel::update(of_user)
        .set(payment_methods::is_default.eq(false))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}
