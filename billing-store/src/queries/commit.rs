//! The usage transaction: lock the accounts, let the rules decide, write, all in one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use billing_core::{
    account::Account,
    ids::RequestId,
    pricing::Catalog,
    rating::{Children, Outcome, UsageRecord, rate_batch},
    usage::Usage,
};

use super::{Conn, dialect, prices::CatalogCache, rollups};
use crate::{
    StoreError,
    rows::{AccountRow, AccountUpdate, RecordRow, RollupRow},
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
    let mut accounts = locked
        .accounts
        .into_iter()
        .map(Account::try_from)
        .collect::<Result<Vec<_>, _>>()?;

    let mut outcomes: Vec<Option<Outcome>> = batch.iter().map(|_| None).collect();
    let mut updates = Vec::new();
    for account in &mut accounts {
        let Some(positions) = by_user.get(account.user_id.as_str()) else {
            continue;
        };
        let children = Children {
            recorded: recorded
                .remove(account.user_id.as_str())
                .unwrap_or_default(),
        };
        let decided = decide(&catalog, account, &children, batch, positions, now);
        if decided
            .iter()
            .any(|(_, outcome)| matches!(outcome, Outcome::Recorded(_)))
        {
            updates.push(AccountUpdate::new(account, now));
        }
        for (position, outcome) in decided {
            if let Some(slot) = outcomes.get_mut(position) {
                *slot = Some(outcome);
            }
        }
    }
    let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
    let outcomes = outcomes
        .ok_or_else(|| StoreError::Failed("an account of the batch was not locked".into()))?;
    if !updates.is_empty() {
        write(conn, &outcomes, updates).await?;
    }
    Ok(outcomes)
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

fn decide(
    catalog: &Catalog,
    account: &mut Account,
    children: &Children,
    batch: &[Arc<Usage>],
    positions: &[usize],
    now: chrono::DateTime<chrono::Utc>,
) -> Vec<(usize, Outcome)> {
    let records = positions.iter().filter_map(|&position| batch.get(position));
    let outcomes = rate_batch(catalog, account, children, records.map(Arc::as_ref), now);
    positions.iter().copied().zip(outcomes).collect()
}

async fn write(
    conn: &mut Conn,
    outcomes: &[Outcome],
    accounts: Vec<AccountUpdate>,
) -> Result<(), StoreError> {
    let records: Vec<&UsageRecord> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Recorded(record) => Some(record),
            _ => None,
        })
        .collect();
    let expected = records.len();
    let changes = Changes {
        rollups: rollups::of_records(records.iter().copied())?,
        records: records.into_iter().map(RecordRow::from).collect(),
        accounts,
    };
    let inserted = dialect::write_usage(conn, changes).await?;
    if inserted != expected {
        // Someone recorded one of them without the account's lock: the batch is run again.
        return Err(StoreError::Contention(format!(
            "{inserted} of {expected} records were inserted"
        )));
    }
    Ok(())
}
