//! Which accounts this server has written records of, for the folding. Nothing is lost with it: a
//! sweep finds what it forgets.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{LONG_TAIL, Tails};

/// Users with the records behind their watermark, as they were last seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct TailNotes(Arc<Mutex<HashMap<String, i64>>>);

impl TailNotes {
    /// Notes that accounts have these tails now.
    pub(crate) fn note(&self, tails: impl IntoIterator<Item = (String, i64)>) {
        self.lock().extend(tails);
    }

    /// Notes tails that are due still, unless the accounts were written to meanwhile.
    pub(crate) fn put_back(&self, tails: impl IntoIterator<Item = (String, i64)>) {
        let mut noted = self.lock();
        for (user_id, records) in tails {
            noted.entry(user_id).or_insert(records);
        }
    }

    /// Takes the notes that are due.
    pub(crate) fn take(&self, which: Tails) -> Vec<(String, i64)> {
        let mut noted = self.lock();
        match which {
            Tails::All => mem::take(&mut *noted).into_iter().collect(),
            Tails::Long => noted.extract_if(|_, tail| *tail >= LONG_TAIL).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
