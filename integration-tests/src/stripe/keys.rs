//! Idempotency keys: the first call's answer, for 24 hours.

use std::collections::HashMap;

use super::error::{Answer, Refusal};

/// How long a key is known, in seconds.
const LIFE: i64 = 24 * 60 * 60;

#[derive(Default)]
pub(super) struct Keys(HashMap<String, Known>);

struct Known {
    /// The method, the address and the parameters of the first call.
    call: String,
    made_at: i64,
    /// `None` while it is running.
    answer: Option<Answer>,
}

impl Keys {
    /// What the first call with a key was answered; `None` when this is the first.
    pub(super) fn begin(
        &mut self,
        key: &str,
        call: &str,
        now: i64,
    ) -> Result<Option<Answer>, Refusal> {
        let is_known = |known: &Known| now < known.made_at.saturating_add(LIFE);
        if let Some(known) = self.0.get(key).filter(|known| is_known(known)) {
            if known.call != call {
                return Err(Refusal::other_use_of_key());
            }
            return known
                .answer
                .clone()
                .map(Some)
                .ok_or_else(Refusal::key_in_use);
        }
        let known = Known {
            call: call.to_owned(),
            made_at: now,
            answer: None,
        };
        self.0.insert(key.to_owned(), known);
        Ok(None)
    }

    /// Keeps what the first call was answered.
    pub(super) fn finish(&mut self, key: &str, answer: &Answer) {
        if let Some(known) = self.0.get_mut(key) {
            known.answer = Some(answer.clone());
        }
    }

    /// Forgets a call whose parameters were not even valid.
    pub(super) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }
}
