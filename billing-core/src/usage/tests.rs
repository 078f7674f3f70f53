//! Drafts against the limits of the contract's chapter 4.

use rstest::rstest;

use super::*;
use crate::testing::{time, uuid};

fn now() -> DateTime<Utc> {
    time("2024-11-15T12:00:00Z")
}

fn tokens(counts: [i64; 5]) -> Tokens {
    let [prompt, completion, cached_prompt, cache_write, reasoning] = counts;
    Tokens {
        prompt,
        completion,
        cached_prompt,
        cache_write,
        reasoning,
    }
}

fn draft() -> UsageDraft {
    UsageDraft {
        user_id: "user-1".into(),
        request_id: "request-1".into(),
        model: "gpt-4".into(),
        tokens: tokens([1_000, 500, 0, 0, 0]),
        ..UsageDraft::default()
    }
}

fn validate(draft: UsageDraft) -> Result<Usage, Vec<Violation>> {
    draft.validate(RecordId::new(uuid("record-1")), Fingerprint([7; 32]), now())
}

fn fields(violations: &[Violation]) -> Vec<&'static str> {
    violations.iter().map(|violation| violation.field).collect()
}

/// The fields at fault, of which there are none in a valid draft.
fn refused_fields(draft: UsageDraft) -> Vec<&'static str> {
    validate(draft)
        .map(|_| Vec::new())
        .unwrap_or_else(|violations| fields(&violations))
}

#[test]
fn a_valid_draft_keeps_everything_that_was_sent() {
    let sent = time("2024-11-03T08:00:00Z");
    let usage = validate(UsageDraft {
        provider: "openai".into(),
        tokens: tokens([1_000, 500, 200, 100, 50]),
        total_tokens: Some(1_500),
        created_at: Some(sent),
        ..draft()
    })
    .unwrap();
    assert_eq!(
        usage,
        Usage {
            record_id: RecordId::new(uuid("record-1")),
            user_id: UserId::parse("user-1").unwrap(),
            call: Call {
                request_id: RequestId::parse("request-1").unwrap(),
                model: ModelId::parse("gpt-4").unwrap(),
                provider: "openai".into(),
                tokens: tokens([1_000, 500, 200, 100, 50]),
                created_at: sent,
                fingerprint: Fingerprint([7; 32]),
            },
            received_at: now(),
        }
    );
}

#[test]
fn a_call_without_a_time_was_made_now() {
    assert_eq!(validate(draft()).unwrap().call.created_at, now());
}

#[test]
fn every_violation_is_reported_at_once() {
    let violations = validate(UsageDraft {
        user_id: String::new(),
        request_id: "x".repeat(129),
        model: "gpt\n4".into(),
        provider: " openai".into(),
        tokens: tokens([-1, 1_000_000_001, i64::MIN, i64::MAX, -5]),
        total_tokens: Some(3),
        created_at: Some(time("1999-12-31T23:59:59Z")),
    })
    .unwrap_err();
    let range = "must be from 0 to 1000000000";
    let expected = [
        ("prompt_tokens", range),
        ("completion_tokens", range),
        ("cached_prompt_tokens", range),
        ("cache_write_tokens", range),
        ("reasoning_tokens", range),
        (
            "total_tokens",
            "must be prompt_tokens plus completion_tokens",
        ),
        ("provider", "must not begin or end with a space"),
        ("created_at", "must not be before 2000"),
        ("user_id", "must not be empty"),
        ("request_id", "must be at most 128 bytes"),
        ("model", "must not contain control characters"),
    ];
    assert_eq!(
        violations,
        expected.map(|(field, text)| Violation::new(field, text))
    );
}

#[rstest]
#[case::nothing([0, 0, 0, 0, 0])]
#[case::prompt_only([5, 0, 0, 0, 0])]
#[case::most([1_000_000_000, 1_000_000_000, 0, 0, 0])]
#[case::all_details([1_000_000_000, 1_000_000_000, 500_000_000, 500_000_000, 1_000_000_000])]
#[case::all_cached([10, 0, 10, 0, 0])]
fn counts_up_to_a_billion_are_valid(#[case] counts: [i64; 5]) {
    assert_eq!(tokens(counts).violations(), []);
}

#[rstest]
#[case::prompt(0, "prompt_tokens")]
#[case::completion(1, "completion_tokens")]
#[case::cached(2, "cached_prompt_tokens")]
#[case::cache_write(3, "cache_write_tokens")]
#[case::reasoning(4, "reasoning_tokens")]
fn a_count_out_of_range_is_the_only_one_named(
    #[case] index: usize,
    #[case] field: &str,
    #[values(-1, i64::MIN, 1_000_000_001, i64::MAX)] count: i64,
) {
    let mut counts = [10, 10, 0, 0, 0];
    counts[index] = count;
    assert_eq!(fields(&tokens(counts).violations()), [field]);
}

#[rstest]
#[case::cached([10, 5, 11, 0, 0], &["cached_prompt_tokens"])]
#[case::cache_write([10, 5, 0, 11, 0], &["cached_prompt_tokens"])]
#[case::both_together([10, 5, 6, 5, 0], &["cached_prompt_tokens"])]
#[case::reasoning([10, 5, 0, 0, 6], &["reasoning_tokens"])]
#[case::both_sides([10, 5, 11, 0, 6], &["cached_prompt_tokens", "reasoning_tokens"])]
#[case::beside_a_count_out_of_range([-1, 5, 0, 0, 6], &["prompt_tokens", "reasoning_tokens"])]
#[case::beside_the_other([10, -5, 11, 0, 0], &["completion_tokens", "cached_prompt_tokens"])]
fn details_must_fit_into_what_they_are_part_of(
    #[case] counts: [i64; 5],
    #[case] expected: &[&str],
) {
    assert_eq!(fields(&tokens(counts).violations()), expected);
}

#[rstest]
#[case::left_out(None, &[])]
#[case::the_sum(Some(1_500), &[])]
#[case::less(Some(1_499), &["total_tokens"])]
#[case::more(Some(1_501), &["total_tokens"])]
#[case::negative(Some(-1_500), &["total_tokens"])]
#[case::zero_is_a_total(Some(0), &["total_tokens"])]
fn a_total_must_be_the_sum(#[case] total_tokens: Option<i64>, #[case] expected: &[&str]) {
    let draft = UsageDraft {
        total_tokens,
        ..draft()
    };
    assert_eq!(refused_fields(draft), expected);
}

#[test]
fn a_wrong_total_is_named_beside_inconsistent_details() {
    let draft = UsageDraft {
        tokens: tokens([10, 5, 11, 0, 0]),
        total_tokens: Some(16),
        ..draft()
    };
    assert_eq!(
        refused_fields(draft),
        ["cached_prompt_tokens", "total_tokens"]
    );
}

#[rstest]
#[case::first_moment("2000-01-01T00:00:00Z", true)]
#[case::a_microsecond_before_2000("1999-12-31T23:59:59.999999Z", false)]
#[case::long_ago("0001-01-01T00:00:00Z", false)]
#[case::five_minutes_ahead("2024-11-15T12:05:00Z", true)]
#[case::a_microsecond_more("2024-11-15T12:05:00.000001Z", false)]
#[case::far_ahead("9999-12-31T23:59:59Z", false)]
fn times_reach_from_2000_to_five_minutes_ahead(#[case] created_at: &str, #[case] valid: bool) {
    let draft = UsageDraft {
        created_at: Some(time(created_at)),
        ..draft()
    };
    let expected: &[_] = if valid { &[] } else { &["created_at"] };
    assert_eq!(refused_fields(draft), expected);
}

#[test]
fn the_ends_of_the_calendar_are_refused_without_a_panic() {
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let draft = UsageDraft {
            created_at: Some(end),
            ..draft()
        };
        assert_eq!(refused_fields(draft), ["created_at"]);
    }
}
