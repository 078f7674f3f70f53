//! The usage transaction: lock the accounts, let the rules decide, write, all in one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use billing_core::{
    account::{Account, AccountChange, AccountState},
    catalog::Catalog,
    ids::RequestId,
    usage::{Outcome, Usage, UsageRecord},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{Tx, accounts::with_relations, dialect};
use crate::{
    StoreError,
    rows::{AccountRow, RecordRow, RedemptionRow},
    schema::accounts,
};

/// What the transaction reads under its locks.
pub(crate) struct Locked {
    /// The batch's accounts, created when missing.
    pub(crate) accounts: Vec<AccountRow>,
    /// The version of the prices.
    pub(crate) catalog_version: i64,
    /// Records that are stored under request ids of the batch.
    pub(crate) recorded: Vec<RecordRow>,
}

/// Which accounts and records a batch concerns.
pub(crate) struct Keys {
    /// The users, each once, sorted by bytes: the order in which everyone takes locks.
    pub(crate) users: Vec<String>,
    /// Users and request ids, one pair per record.
    pub(crate) requests: Vec<(String, String)>,
}

/// What a transaction writes of accounts that it has locked.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) records: Vec<RecordRow>,
    /// Accounts of which usage changed its part.
    pub(crate) counters: Vec<AccountRow>,
    /// Accounts of which anything changed.
    pub(crate) accounts: Vec<AccountRow>,
    pub(crate) redemptions: Vec<RedemptionRow>,
}

/// Positions in the batch by user: users sorted by bytes, positions in order of arrival.
type ByUser<'a> = BTreeMap<&'a str, Vec<usize>>;

pub(super) async fn commit(
    tx: &mut Tx,
    batch: Vec<Arc<Usage>>,
) -> Result<Vec<Outcome>, StoreError> {
    let mut by_user = ByUser::new();
    for (position, usage) in batch.iter().enumerate() {
        let positions = by_user.entry(usage.user_id.as_str()).or_default();
        positions.push(position);
    }
    let Some(now) = batch.iter().map(|usage| usage.received_at).max() else {
        return Ok(Vec::new());
    };
    let locked = dialect::lock_usage(&mut tx.conn, keys(&by_user, &batch), now).await?;
    let catalog = tx.catalog_at(locked.catalog_version).await?;
    let mut recorded = by_user_and_request(locked.recorded, &catalog)?;
    let unused = unused(&locked.accounts);
    let states = locked.accounts.into_iter().map(|row| {
        let state = row.into_state(&catalog)?;
        let needs = state.needs(earliest(&by_user, &state, &batch, now), now);
        Ok((state, needs))
    });
    let states = states.collect::<Result<_, StoreError>>()?;
    let mut accounts = with_relations(&mut tx.conn, &catalog, states).await?;

    let automatic = tx.automatic();
    let mut outcomes: Vec<Option<Outcome>> = batch.iter().map(|_| None).collect();
    for account in &mut accounts {
        let Some(positions) = by_user.get(account.id().as_str()) else {
            continue;
        };
        let recorded = recorded.remove(account.id().as_str()).unwrap_or_default();
        let records = positions.iter().filter_map(|&position| batch.get(position));
        let records = records.map(Arc::as_ref);
        let decided = account.rate_batch(&catalog, &recorded, records, now)?;
        for (position, outcome) in positions.iter().zip(decided) {
            if let Some(slot) = outcomes.get_mut(*position) {
                *slot = Some(outcome);
            }
        }
        let has_changed = account.pending().account != AccountChange::Nothing;
        if let Some(policy) = automatic.as_deref().filter(|_| has_changed) {
            account.top_up(policy, now);
        }
    }
    let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
    let outcomes = outcomes
        .ok_or_else(|| StoreError::Failed("an account of the batch was not locked".into()))?;
    accounts.retain(|account| account.pending().account != AccountChange::Nothing);
    forget(tx, unused, &accounts).await?;
    if !accounts.is_empty() {
        let records: Vec<_> = outcomes.iter().filter_map(new_record).collect();
        tx.save(&accounts, &records, &catalog, now).await?;
    }
    Ok(outcomes)
}

/// Users of whom nothing was stored yet: every change of an account raises its version.
fn unused(accounts: &[AccountRow]) -> Vec<String> {
    let unused = accounts.iter().filter(|row| row.version == 0);
    unused.map(|row| row.user_id.clone()).collect()
}

/// Deletes the rows of unused accounts that stay so, because all their records were refused.
async fn forget(
    tx: &mut Tx,
    mut unused: Vec<String>,
    changed: &[Account],
) -> Result<(), StoreError> {
    if unused.is_empty() {
        return Ok(());
    }
    let changed: HashSet<_> = changed
        .iter()
        .map(|account| account.id().as_str())
        .collect();
    unused.retain(|user_id| !changed.contains(user_id.as_str()));
    if unused.is_empty() {
        return Ok(());
    }
    diesel::delete(accounts::table.filter(accounts::user_id.eq_any(unused)))
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

/// The earliest time that a user's records of the batch are rated at.
fn earliest(
    by_user: &ByUser<'_>,
    account: &AccountState,
    batch: &[Arc<Usage>],
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let positions = by_user.get(account.user_id.as_str());
    let positions = positions.map(Vec::as_slice).unwrap_or_default();
    let times = positions.iter().filter_map(|&position| batch.get(position));
    times
        .map(|usage| usage.call.created_at)
        .min()
        .unwrap_or(now)
        .min(now)
}

fn new_record(outcome: &Outcome) -> Option<&UsageRecord> {
    match outcome {
        Outcome::Recorded(record) => Some(record),
        _ => None,
    }
}

fn keys(by_user: &ByUser<'_>, batch: &[Arc<Usage>]) -> Keys {
    Keys {
        users: by_user.keys().map(|&user| user.to_owned()).collect(),
        requests: batch
            .iter()
            .map(|usage| {
                let request_id = usage.call.request_id.as_str().to_owned();
                (usage.user_id.as_str().to_owned(), request_id)
            })
            .collect(),
    }
}

type Recorded = HashMap<String, HashMap<RequestId, UsageRecord>>;

fn by_user_and_request(rows: Vec<RecordRow>, catalog: &Catalog) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::new();
    for row in rows {
        let record = row.into_record(catalog)?;
        recorded
            .entry(record.user_id.as_str().to_owned())
            .or_default()
            .insert(record.call.request_id.clone(), record);
    }
    Ok(recorded)
}
