//! Folding: sums of the records behind accounts' watermarks move into the rollups.

use async_trait::async_trait;
use billing_core::ids::UserId;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

use super::super::{Backend, Tx, dialect};
use crate::{FoldStore, StoreError, Swept, Tails, schema::accounts, sql_types::DbUuid};

#[async_trait]
impl FoldStore for Backend {
    async fn fold_due(&self, which: Tails) -> Result<usize, StoreError> {
        let tails = &self.shared.tails;
        let mut due = tails.take(which);
        // The longest first.
        due.sort_unstable_by_key(|(_, records)| std::cmp::Reverse(*records));
        let mut folded = 0;
        while !due.is_empty() {
            let rest = due.split_off(due.len().min(dialect::FOLDED_AT_ONCE));
            let chunk = std::mem::replace(&mut due, rest);
            let user_ids: Vec<_> = chunk.iter().map(|(user_id, _)| user_id.clone()).collect();
            let done = match self.fold(user_ids).await {
                Ok(done) => done,
                Err(error) => {
                    tails.put_back(chunk.into_iter().chain(due));
                    return Err(error);
                }
            };
            folded += done.len();
            let locked = chunk
                .into_iter()
                .filter(|(user_id, _)| !done.contains(user_id));
            tails.put_back(locked);
        }
        Ok(folded)
    }

    async fn fold_sweep(&self, after: Option<UserId>, limit: i64) -> Result<Swept, StoreError> {
        let page = self.read((after, limit), |tx, (after, limit)| {
            next(tx, after, limit).boxed()
        });
        let page = page.await?;
        let last = page
            .last()
            .map(|(user_id, _)| UserId::trusted(user_id.clone()));
        let tails = page.into_iter().filter(|(_, has_tail)| *has_tail);
        let tails: Vec<_> = tails.map(|(user_id, _)| user_id).collect();
        let mut folded = 0;
        for chunk in tails.chunks(dialect::FOLDED_AT_ONCE) {
            folded += self.fold(chunk.to_vec()).await?.len();
        }
        Ok(Swept { folded, last })
    }
}

impl Backend {
    /// Folds accounts, and answers those that were not locked by others.
    async fn fold(&self, user_ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.write(user_ids, |tx, user_ids| {
            dialect::fold(&mut tx.conn, user_ids).boxed()
        })
        .await
    }
}

/// The next accounts by id, and whether they have a tail.
async fn next(
    tx: &mut Tx,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<(String, bool)>, StoreError> {
    type Watermark = (String, Option<DbUuid>, Option<DbUuid>);
    let after = after.map(UserId::into_string).unwrap_or_default();
    let rows: Vec<Watermark> = accounts::table
        .filter(accounts::user_id.gt(after))
        .order(accounts::user_id)
        .limit(limit)
        .select((
            accounts::user_id,
            accounts::last_record_id,
            accounts::folded_to,
        ))
        .load(&mut tx.conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(user_id, last, folded_to)| (user_id, last != folded_to))
        .collect())
}
