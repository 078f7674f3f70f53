//! What tells a repeat of a call from another call with the same ids.

use aws_lc_rs::digest::{Context, SHA256};
use billing_core::usage::Fingerprint;
use billing_proto::v1;
use chrono::{DateTime, Utc};

/// A digest of what the caller set, field by field with the API's field numbers. Fields that were
/// left out leave no trace, so that a field added later does not change older fingerprints; that it
/// is named here at all makes whoever adds one decide.
pub(super) fn fingerprint(
    request: &v1::RecordUsageRequest,
    created_at: Option<DateTime<Utc>>,
) -> Fingerprint {
    let v1::RecordUsageRequest {
        // The two ids are what a repeat has in common.
        user_id: _,
        request_id: _,
        model,
        provider,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        cached_prompt_tokens,
        cache_write_tokens,
        reasoning_tokens,
        // Taken as it is kept: to the microsecond.
        created_at: _,
    } = request;
    let mut context = Context::new(&SHA256);
    let mut add = |number: u8, value: &[u8]| {
        context.update(&[number]);
        context.update(&value.len().to_be_bytes());
        context.update(value);
    };
    for (number, text) in [(3, model), (4, provider)] {
        if !text.is_empty() {
            add(number, text.as_bytes());
        }
    }
    let set = |count: &i64| Some(*count).filter(|count| *count != 0);
    let counts = [
        (5, set(prompt_tokens)),
        (6, set(completion_tokens)),
        (7, *total_tokens),
        (8, set(cached_prompt_tokens)),
        (9, set(cache_write_tokens)),
        (10, set(reasoning_tokens)),
        (11, created_at.map(|time| time.timestamp_micros())),
    ];
    for (number, count) in counts {
        if let Some(count) = count {
            add(number, &count.to_be_bytes());
        }
    }
    let mut bytes = [0; 32];
    for (byte, digest) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *byte = *digest;
    }
    Fingerprint(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_fingerprints_stay_what_they_are() {
        let request = v1::RecordUsageRequest {
            user_id: "alice".to_owned(),
            request_id: "call-1".to_owned(),
            model: "gpt-4".to_owned(),
            prompt_tokens: 1_000,
            total_tokens: Some(0),
            ..v1::RecordUsageRequest::default()
        };
        let made_at = "2024-11-01T00:00:00.123456Z".parse().unwrap();
        let Fingerprint(bytes) = fingerprint(&request, Some(made_at));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            digits,
            "3d43d4107b2ff92c72f15cd03163326be27f45b2eaee3cacda7921814ce4db55"
        );
    }
}
