//! Reading transactions, and taking those whose providers are to be asked again.

use billing_core::{
    ids::{TransactionId, UserId},
    payment::{Provider, Transaction, TransactionStatus},
};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;

use super::{
    super::{Tx, dialect},
    turn_after,
};
use crate::{
    StoreError, TransactionFilter,
    rows::{TransactionRow, WebhookRow},
    schema::payment_transactions,
    sql_types::{DbTimestamp, DbUuid},
};

/// Transactions, newest first: their ids begin with their time.
pub(super) async fn list(
    tx: &mut Tx,
    filter: TransactionFilter,
    after: Option<TransactionId>,
    limit: i64,
) -> Result<Vec<Transaction>, StoreError> {
    let mut query = payment_transactions::table
        .order(payment_transactions::id.desc())
        .limit(limit)
        .select(TransactionRow::as_select())
        .into_boxed();
    if let Some(user_id) = filter.user_id {
        query = query.filter(payment_transactions::user_id.eq(user_id.into_string()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(payment_transactions::kind.eq(kind.name()));
    }
    if let Some(status) = filter.status {
        query = query.filter(payment_transactions::status.eq(status.name()));
    }
    if let Some(invoice_id) = filter.invoice_id {
        // JSON as text has ids as they are written, on both databases.
        let pays_it = sql::<Bool>("CAST(allocations AS TEXT) LIKE ")
            .bind::<Text, _>(format!("%{}%", invoice_id.uuid()));
        query = query.filter(pays_it);
    }
    if filter.is_open {
        let open = TransactionStatus::OPEN.map(TransactionStatus::name);
        query = query.filter(payment_transactions::status.eq_any(open));
    }
    if filter.needs_attention {
        query = query.filter(payment_transactions::attention.is_not_null());
    }
    if let Some(after) = after {
        query = query.filter(payment_transactions::id.lt(DbUuid(after.uuid())));
    }
    domain(query.load(&mut tx.conn).await?)
}

/// A user's transactions that may still succeed.
pub(super) async fn open(tx: &mut Tx, user_id: &UserId) -> Result<Vec<Transaction>, StoreError> {
    with_status(tx, user_id, &TransactionStatus::OPEN).await
}

/// A user's transactions with one of some statuses.
pub(super) async fn with_status(
    tx: &mut Tx,
    user_id: &UserId,
    statuses: &[TransactionStatus],
) -> Result<Vec<Transaction>, StoreError> {
    let names = statuses.iter().map(|status| status.name());
    let names: Vec<_> = names.collect();
    let rows = payment_transactions::table
        .filter(payment_transactions::user_id.eq(user_id.as_str()))
        .filter(payment_transactions::status.eq_any(names))
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    domain(rows)
}

/// The transaction of a provider's object.
pub(super) async fn of_object(
    tx: &mut Tx,
    provider: Provider,
    reference: String,
) -> Result<Option<Transaction>, StoreError> {
    let row: Option<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::provider_reference.eq(reference))
        .filter(payment_transactions::provider.eq(provider.name()))
        .select(TransactionRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.map(Transaction::try_from).transpose()
}

/// A webhook is noted with the turn that it gives, or not at all.
pub(super) async fn note_webhook(
    tx: &mut Tx,
    provider: Provider,
    event_id: String,
    event_type: String,
    charge: Option<String>,
) -> Result<(), StoreError> {
    // Whoever stores what was read before this webhook is done by now, or sees it.
    if let Some(charge) = &charge
        && let Some(of) = of_object(tx, provider, charge.clone()).await?
    {
        tx.hold(&of.user_id).await?;
    }
    let now = DbTimestamp(tx.now());
    let row = WebhookRow {
        provider: provider.name().to_owned(),
        id: event_id,
        event_type,
        received_at: now,
    };
    let is_new = dialect::insert_new(&mut tx.conn, vec![row]).await? > 0;
    if let Some(charge) = charge.filter(|_| is_new) {
        let about = payment_transactions::table
            .filter(payment_transactions::provider_reference.eq(charge))
            .filter(payment_transactions::provider.eq(provider.name()));
        diesel::update(about)
            .set(payment_transactions::next_look_at.eq(now))
            .execute(&mut tx.conn)
            .await?;
    }
    Ok(())
}

/// Whoever changes a turn first has taken it.
pub(super) async fn take_due(tx: &mut Tx, limit: i64) -> Result<Vec<Transaction>, StoreError> {
    let now = tx.now();
    let due: Vec<TransactionRow> = payment_transactions::table
        .filter(payment_transactions::next_look_at.le(DbTimestamp(now)))
        .order(payment_transactions::next_look_at)
        .limit(limit)
        .select(TransactionRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let mut taken = Vec::with_capacity(due.len());
    for row in due {
        let end = row.expires_at.map(|end| end.0);
        let next = turn_after(row.created_at.0, end, now).map(DbTimestamp);
        let as_it_was = payment_transactions::table
            .find((&row.user_id, row.id))
            .filter(payment_transactions::next_look_at.eq(row.next_look_at));
        let changed = diesel::update(as_it_was)
            .set(payment_transactions::next_look_at.eq(next))
            .execute(&mut tx.conn)
            .await?;
        if changed > 0 {
            taken.push(row.try_into()?);
        }
    }
    Ok(taken)
}

pub(super) fn domain(rows: Vec<TransactionRow>) -> Result<Vec<Transaction>, StoreError> {
    rows.into_iter().map(Transaction::try_from).collect()
}
