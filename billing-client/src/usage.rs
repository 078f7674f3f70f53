//! Requests to record model calls.

use billing_proto::{
    timestamp,
    v1::{CalculateCostRequest, RecordUsageRequest},
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One model call, as a [`RecordUsageRequest`] in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Usage(RecordUsageRequest);

impl Usage {
    /// A call of `model` that `user_id` pays; `request_id` is unique per user.
    pub fn new(
        user_id: impl Into<String>,
        request_id: impl Into<String>,
        model: impl Into<String>,
    ) -> Self {
        Self(RecordUsageRequest {
            user_id: user_id.into(),
            request_id: request_id.into(),
            model: model.into(),
            ..RecordUsageRequest::default()
        })
    }

    /// A call that has no id of its own: it gets a new one, which a clone of this value keeps. Ids
    /// begin with the time, so that the service finds them close together.
    pub fn for_user(user_id: impl Into<String>, model: impl Into<String>) -> Self {
        Self::new(user_id, Uuid::now_v7(), model)
    }

    /// Who ran the model, for information; the price's provider unless set.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider = provider.into();
        self
    }

    /// Tokens of the prompt, cached and cache-write tokens included.
    pub fn prompt_tokens(mut self, tokens: i64) -> Self {
        self.0.prompt_tokens = tokens;
        self
    }

    /// Tokens of the completion, reasoning tokens included.
    pub fn completion_tokens(mut self, tokens: i64) -> Self {
        self.0.completion_tokens = tokens;
        self
    }

    /// A check sum of prompt and completion tokens, which the service compares.
    pub fn total_tokens(mut self, tokens: i64) -> Self {
        self.0.total_tokens = Some(tokens);
        self
    }

    /// The part of the prompt tokens read from a cache.
    pub fn cached_prompt_tokens(mut self, tokens: i64) -> Self {
        self.0.cached_prompt_tokens = tokens;
        self
    }

    /// The part of the prompt tokens written to a cache.
    pub fn cache_write_tokens(mut self, tokens: i64) -> Self {
        self.0.cache_write_tokens = tokens;
        self
    }

    /// The part of the completion tokens spent on reasoning.
    pub fn reasoning_tokens(mut self, tokens: i64) -> Self {
        self.0.reasoning_tokens = tokens;
        self
    }

    /// When the call was made; when the service receives the record unless set.
    pub fn created_at(mut self, time: DateTime<Utc>) -> Self {
        self.0.created_at = Some(timestamp(time));
        self
    }

    /// The caller's id of the model call.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }
}

impl From<Usage> for RecordUsageRequest {
    fn from(Usage(request): Usage) -> Self {
        request
    }
}

/// Asks what the model call would cost; its request id and check sum are left out.
impl From<Usage> for CalculateCostRequest {
    fn from(Usage(usage): Usage) -> Self {
        Self {
            user_id: usage.user_id,
            model: usage.model,
            provider: usage.provider,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cached_prompt_tokens: usage.cached_prompt_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            created_at: usage.created_at,
        }
    }
}
