//! Usage: what a caller sends about one model call and its validation, the record that it becomes,
//! and what records add up to.

mod record;
mod sums;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::{
    record::{Charge, Outcome, TokensTaken, UsageRecord, UsageStatus, WindowRef},
    sums::Sums,
};
use crate::{
    Violation,
    ids::{self, ModelId, RecordId, RequestId, UserId},
};

/// The most tokens of one kind in one record.
pub const MAX_TOKENS: i64 = 1_000_000_000;
/// How far ahead of the server's clock a record's time may lie.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// The first moment that a record may have: the year 2000.
#[must_use]
pub fn earliest() -> DateTime<Utc> {
    DateTime::from_timestamp(946_684_800, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Counted tokens. Cached and cache-write tokens are part of the prompt, reasoning tokens part of
/// the completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// All tokens of the prompt.
    pub prompt: i64,
    /// All tokens of the completion.
    pub completion: i64,
    /// Prompt tokens read from a cache.
    pub cached_prompt: i64,
    /// Prompt tokens written to a cache.
    pub cache_write: i64,
    /// Completion tokens spent on reasoning.
    pub reasoning: i64,
}

impl Tokens {
    /// Prompt and completion.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.prompt.saturating_add(self.completion)
    }

    /// Prompt tokens that touched no cache.
    #[must_use]
    pub const fn plain_prompt(&self) -> i64 {
        self.prompt
            .saturating_sub(self.cached_prompt)
            .saturating_sub(self.cache_write)
    }

    /// Completion tokens that were not spent on reasoning.
    #[must_use]
    pub const fn plain_completion(&self) -> i64 {
        self.completion.saturating_sub(self.reasoning)
    }

    /// The same tokens, taken back.
    #[must_use]
    pub const fn negated(&self) -> Self {
        Self {
            prompt: self.prompt.saturating_neg(),
            completion: self.completion.saturating_neg(),
            cached_prompt: self.cached_prompt.saturating_neg(),
            cache_write: self.cache_write.saturating_neg(),
            reasoning: self.reasoning.saturating_neg(),
        }
    }

    /// The tokens of both.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            cached_prompt: self.cached_prompt.saturating_add(other.cached_prompt),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    /// Every count at fault.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let counts = [
            ("prompt_tokens", self.prompt),
            ("completion_tokens", self.completion),
            ("cached_prompt_tokens", self.cached_prompt),
            ("cache_write_tokens", self.cache_write),
            ("reasoning_tokens", self.reasoning),
        ];
        let mut violations: Vec<_> = counts
            .into_iter()
            .filter(|(_, count)| !in_range(count))
            .map(|(field, _)| Violation::new(field, format!("must be from 0 to {MAX_TOKENS}")))
            .collect();
        // A sum over a count out of range says nothing new.
        let prompt = [self.prompt, self.cached_prompt, self.cache_write];
        if prompt.iter().all(in_range) && self.plain_prompt() < 0 {
            violations.push(Violation::new(
                "cached_prompt_tokens",
                "must not exceed prompt_tokens together with cache_write_tokens",
            ));
        }
        let completion = [self.completion, self.reasoning];
        if completion.iter().all(in_range) && self.plain_completion() < 0 {
            violations.push(Violation::new(
                "reasoning_tokens",
                "must not exceed completion_tokens",
            ));
        }
        violations
    }
}

fn in_range(count: &i64) -> bool {
    (0..=MAX_TOKENS).contains(count)
}

/// A digest of everything a caller set, by which a repeated call is told from another call under
/// the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// One model call as a caller sent it.
#[derive(Debug, Clone, Default)]
pub struct UsageDraft {
    /// Who is billed.
    pub user_id: String,
    /// The caller's id of the call.
    pub request_id: String,
    /// The model.
    pub model: String,
    /// The provider; empty takes the price's.
    pub provider: String,
    /// The tokens.
    pub tokens: Tokens,
    /// A check sum over prompt and completion tokens.
    pub total_tokens: Option<i64>,
    /// When the call was made; `None` means now.
    pub created_at: Option<DateTime<Utc>>,
}

/// A model call as its record keeps it: what a caller tells of it, whatever it costs and whoever
/// pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The caller's id of the call.
    pub request_id: RequestId,
    /// The model.
    pub model: ModelId,
    /// The provider; before the call is rated, empty stands for the price's.
    pub provider: String,
    /// The tokens.
    pub tokens: Tokens,
    /// When the call was made (UTC).
    pub created_at: DateTime<Utc>,
    /// What the caller set.
    pub fingerprint: Fingerprint,
}

/// One model call that may be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The id of the record that it becomes, or a lesser one than that.
    pub record_id: RecordId,
    /// Who is billed.
    pub user_id: UserId,
    /// The call.
    pub call: Call,
    /// When the server received the call (UTC).
    pub received_at: DateTime<Utc>,
}

impl UsageDraft {
    /// Checks everything that can be checked without the database.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn validate(
        self,
        record_id: RecordId,
        fingerprint: Fingerprint,
        now: DateTime<Utc>,
    ) -> Result<Usage, Vec<Violation>> {
        let mut violations = self.tokens.violations();
        if self
            .total_tokens
            .is_some_and(|total| total != self.tokens.total())
        {
            violations.push(Violation::new(
                "total_tokens",
                "must be prompt_tokens plus completion_tokens",
            ));
        }
        if let Err(error) = ids::check_optional(&self.provider) {
            violations.push(Violation::new("provider", error.to_string()));
        }
        let created_at = self.created_at.unwrap_or(now);
        violations.extend(time_violation(created_at, now));
        let user_id = checked("user_id", UserId::parse(self.user_id), &mut violations);
        let request_id = checked(
            "request_id",
            RequestId::parse(self.request_id),
            &mut violations,
        );
        let model = checked("model", ModelId::parse(self.model), &mut violations);
        match (user_id, request_id, model) {
            (Some(user_id), Some(request_id), Some(model)) if violations.is_empty() => Ok(Usage {
                record_id,
                user_id,
                call: Call {
                    request_id,
                    model,
                    provider: self.provider,
                    tokens: self.tokens,
                    created_at,
                    fingerprint,
                },
                received_at: now,
            }),
            _ => Err(violations),
        }
    }
}

fn checked<T>(
    field: &'static str,
    parsed: Result<T, ids::IdError>,
    violations: &mut Vec<Violation>,
) -> Option<T> {
    parsed
        .map_err(|error| violations.push(Violation::new(field, error.to_string())))
        .ok()
}

fn time_violation(created_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Violation> {
    if created_at < earliest() {
        Some(Violation::new("created_at", "must not be before 2000"))
    } else if created_at.signed_duration_since(now) > MAX_AHEAD {
        Some(Violation::new(
            "created_at",
            "must not be more than 5 minutes ahead",
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
