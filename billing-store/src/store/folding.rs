//! Folding records into rollups. It changes nothing that a reader can see.

use async_trait::async_trait;
use billing_core::ids::UserId;

use crate::StoreError;

/// An account with this many records behind its watermark has a long tail.
pub const LONG_TAIL: i64 = 256;

/// Folding: sums of the records behind accounts' watermarks move into the rollups, and the
/// watermarks rise. Accounts that are locked are left for another time.
#[async_trait]
pub trait FoldStore: Send + Sync {
    /// Folds accounts that this store has written records of and not folded since, and answers how
    /// many.
    ///
    /// # Errors
    /// When the database fails; what was not folded stays due.
    async fn fold_due(&self, which: Tails) -> Result<usize, StoreError>;

    /// Folds those of the next `limit` accounts by id that have a tail, whoever wrote it.
    ///
    /// # Errors
    /// When the database fails.
    async fn fold_sweep(&self, after: Option<UserId>, limit: i64) -> Result<Swept, StoreError>;
}

/// Which accounts are worth folding now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tails {
    /// Those with at least [`LONG_TAIL`] records behind their watermark.
    Long,
    /// All that have any.
    All,
}

/// What a page of a sweep did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// How many accounts were folded.
    pub folded: usize,
    /// The last account looked at; `None` when there was none left.
    pub last: Option<UserId>,
}
