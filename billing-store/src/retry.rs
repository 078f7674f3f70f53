//! The one loop in which work is done again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::StoreError;

/// How often work is tried before it is given up.
pub(crate) const MAX_ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Does `work` at most `attempts` times, again only after an error that `may_pass`.
pub(crate) async fn retry<T, F>(
    attempts: u32,
    may_pass: fn(&StoreError) -> bool,
    mut work: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if attempt < attempts && may_pass(&error) => {
                tracing::debug!(%error, attempt, "the transaction is tried again");
                tokio::time::sleep(jittered(pause)).await;
                pause = pause.saturating_mul(2);
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Between half of the pause and all of it, so that two servers do not meet again.
fn jittered(pause: Duration) -> Duration {
    let percent = 50 + RandomState::new().hash_one(0) % 51;
    pause * u32::try_from(percent).unwrap_or(100) / 100
}
