//! One row of a file, whatever the file's format.

use std::io;

use billing_client::Usage;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error};

/// A longer row is no record: its ids alone have limits far below.
pub(super) const MAX_ROW_BYTES: usize = 64 * 1024;

/// A row and the record it stands for, or why it stands for none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    pub(super) usage: Result<Usage, String>,
}

/// The rows of a file, until it cannot be read any further.
pub(super) type Rows = Box<dyn Iterator<Item = io::Result<Row>> + Send>;

/// The fields of `RecordUsageRequest`, as files give them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    user_id: Option<String>,
    request_id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    total_tokens: Option<i64>,
    cached_prompt_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    reasoning_tokens: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<DateTime<Utc>>,
}

impl Fields {
    /// Their names.
    pub(super) const NAMES: [&str; 11] = [
        "user_id",
        "request_id",
        "model",
        "provider",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cached_prompt_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "created_at",
    ];

    /// The record; `made_up` is its request id when the file has none.
    pub(super) fn usage(self, made_up: String) -> Result<Usage, String> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        // The service would bill the token's subject: this program.
        let user = filled(self.user_id).ok_or("user_id must not be empty")?;
        let request_id = filled(self.request_id).unwrap_or(made_up);
        let mut usage = Usage::new(user, request_id, self.model.unwrap_or_default())
            .provider(self.provider.unwrap_or_default())
            .prompt_tokens(self.prompt_tokens.unwrap_or_default())
            .completion_tokens(self.completion_tokens.unwrap_or_default())
            .cached_prompt_tokens(self.cached_prompt_tokens.unwrap_or_default())
            .cache_write_tokens(self.cache_write_tokens.unwrap_or_default())
            .reasoning_tokens(self.reasoning_tokens.unwrap_or_default());
        if let Some(total) = self.total_tokens {
            usage = usage.total_tokens(total);
        }
        if let Some(time) = self.created_at {
            usage = usage.created_at(time);
        }
        Ok(usage)
    }
}

/// Refuses rows that would fill the memory.
pub(super) fn check_length(bytes: usize) -> Result<(), String> {
    if bytes > MAX_ROW_BYTES {
        return Err(format!("must be at most {MAX_ROW_BYTES} bytes long"));
    }
    Ok(())
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text
        .filter(|text| !text.is_empty())
        .map(|text| DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc()));
    time.transpose()
        .map_err(|_| Error::custom("created_at must be a time such as 2024-11-01T00:00:00Z"))
}
