//! The usage transaction: lock the accounts, let the rules decide, write, all in one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use billing_core::{
    account::Account,
    ids::RequestId,
    rating::{Outcome, UsageRecord, rate_batch},
    usage::Usage,
    user::User,
};
use chrono::{DateTime, Utc};

use super::{Conn, dialect, prices::CatalogCache, users};
use crate::{
    StoreError,
    rows::{AccountRow, AccountUpdate, RecordRow, RedemptionRow, RollupRow},
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

/// What the transaction writes.
pub(crate) struct Changes {
    pub(crate) records: Vec<RecordRow>,
    pub(crate) rollups: Vec<RollupRow>,
    pub(crate) accounts: Vec<AccountUpdate>,
    pub(crate) redemptions: Vec<RedemptionRow>,
}

/// Positions in the batch by user: users sorted by bytes, positions in order of arrival.
type ByUser<'a> = BTreeMap<&'a str, Vec<usize>>;

pub(super) async fn usage_transaction(
    conn: &mut Conn,
    cache: &CatalogCache,
    batch: &[Arc<Usage>],
) -> Result<Vec<Outcome>, StoreError> {
    let mut by_user = ByUser::new();
    for (position, usage) in batch.iter().enumerate() {
        by_user
            .entry(usage.user_id.as_str())
            .or_default()
            .push(position);
    }
    let Some(now) = batch.iter().map(|usage| usage.received_at).max() else {
        return Ok(Vec::new());
    };
    let locked = dialect::lock_usage(conn, keys(&by_user, batch), now).await?;
    let catalog = cache.at_version(conn, locked.catalog_version).await?;
    let mut recorded = by_user_and_request(locked.recorded)?;
    let mut users = Vec::with_capacity(locked.accounts.len());
    let mut wanted = Vec::with_capacity(locked.accounts.len());
    for row in locked.accounts {
        let account = Account::try_from(row)?;
        wanted.push(account.wanted(earliest(&by_user, &account, batch, now), now));
        users.push(User::new(account));
    }
    users::read_children(conn, &mut users, &wanted).await?;

    let mut outcomes: Vec<Option<Outcome>> = batch.iter().map(|_| None).collect();
    let mut changed = Vec::new();
    for user in &mut users {
        let Some(positions) = by_user.get(user.id().as_str()) else {
            continue;
        };
        let recorded = recorded.remove(user.id().as_str()).unwrap_or_default();
        let records = positions.iter().filter_map(|&position| batch.get(position));
        let decided = rate_batch(&catalog, user, &recorded, records.map(Arc::as_ref), now)
            .map_err(|error| StoreError::Refused(format!("a fee {error}")))?;
        let is_new = |outcome: &Outcome| matches!(outcome, Outcome::Recorded(_));
        if user.effects.account_changed || decided.iter().any(is_new) {
            changed.push(&*user);
        }
        for (position, outcome) in positions.iter().zip(decided) {
            if let Some(slot) = outcomes.get_mut(*position) {
                *slot = Some(outcome);
            }
        }
    }
    let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
    let outcomes = outcomes
        .ok_or_else(|| StoreError::Failed("an account of the batch was not locked".into()))?;
    if !changed.is_empty() {
        let records: Vec<_> = outcomes.iter().filter_map(new_record).collect();
        users::store(conn, &changed, &records, now).await?;
    }
    Ok(outcomes)
}

/// The earliest time that a user's records of the batch are rated at.
fn earliest(
    by_user: &ByUser<'_>,
    account: &Account,
    batch: &[Arc<Usage>],
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let positions = by_user.get(account.user_id.as_str());
    let positions = positions.map(Vec::as_slice).unwrap_or_default();
    let times = positions.iter().filter_map(|&position| batch.get(position));
    times
        .map(|usage| usage.created_at)
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
                let request_id = usage.request_id.as_str().to_owned();
                (usage.user_id.as_str().to_owned(), request_id)
            })
            .collect(),
    }
}

type Recorded = HashMap<String, HashMap<RequestId, UsageRecord>>;

fn by_user_and_request(rows: Vec<RecordRow>) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::new();
    for row in rows {
        let record = UsageRecord::try_from(row)?;
        recorded
            .entry(record.user_id.as_str().to_owned())
            .or_default()
            .insert(record.request_id.clone(), record);
    }
    Ok(recorded)
}
