//! Fields of a JSON body that hold what they must not.

use integration_tests::{Backend, on_both_databases};
use serde_json::{Value, json};

use super::{COST, IMPORT, PRICES, USAGE, everything, start, usage};
use crate::support::{assert_refused, with};

on_both_databases!(
    a_faulty_model_call_is_refused_and_names_every_field,
    a_faulty_price_is_refused_and_names_every_field,
);

const NO_INTEGERS: &str = r#"["x", "", 1.5, true, [1], {}, "1e-3", -1, 1000000001,
    9223372036854775807, 18446744073709551615, -9223372036854775808]"#;
const NO_IDS: &str = r#"[5, false, ["a"], {}, " a", "a ", "\u00a0a", "a\nb", "a\u0000b", "\u007f",
    "a\u0085b", "\t"]"#;
const NO_TIMES: &str = r#"["", "yesterday", "2024-11-15", "2024-11-15T10:00:00", 5, {},
    "2024-02-30T00:00:00Z", "2016-12-31T23:59:60Z", "2024-11-15T10:35:00.000001Z",
    "9999-12-31T23:59:59Z", "1999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"]"#;
const NO_PRICES: &str = r#"[-1, "-0.1", "x", "", "1,5", "NaN", true, [], {}, "0.0000000000001",
    "10000.01", "1e400", "99999999999999999999999999999999999999"]"#;
const MISSING: &str = r#"["", null]"#;

/// The values of a list, and what is wrong with an id only by its length.
fn values(list: &str) -> Vec<Value> {
    let mut values: Vec<_> = serde_json::from_str(list).expect("the list is JSON");
    if list == NO_IDS {
        let long = ["x".repeat(129), "é".repeat(65), "x".repeat(10_000)];
        values.extend(long.map(Value::from));
    }
    values
}

/// Values of one field of a model call that are refused by naming it.
const FAULTY_USAGE: [(&str, &[&str]); 11] = [
    ("user_id", &[NO_IDS]),
    ("request_id", &[NO_IDS, MISSING]),
    ("model", &[NO_IDS, MISSING]),
    ("provider", &[NO_IDS]),
    ("prompt_tokens", &[NO_INTEGERS]),
    ("completion_tokens", &[NO_INTEGERS]),
    ("cached_prompt_tokens", &[NO_INTEGERS, "[2]"]),
    ("cache_write_tokens", &[NO_INTEGERS]),
    ("reasoning_tokens", &[NO_INTEGERS, "[2]"]),
    ("total_tokens", &[NO_INTEGERS, "[1, 3]"]),
    ("created_at", &[NO_TIMES]),
];

/// Values of one field of a price that are refused by naming it.
const FAULTY_PRICES: [(&str, &[&str]); 9] = [
    ("model_id", &[NO_IDS, MISSING]),
    ("provider", &[NO_IDS]),
    ("prompt_price_per_k", &[NO_PRICES, MISSING]),
    ("completion_price_per_k", &[NO_PRICES, MISSING]),
    ("cached_prompt_price_per_k", &[NO_PRICES]),
    ("cache_write_price_per_k", &[NO_PRICES]),
    ("reasoning_price_per_k", &[NO_PRICES]),
    ("effective_from", &[r#"["x", "1969-12-31T23:59:59Z", 5]"#]),
    ("allow_backdate", &[r#"["true", 1]"#]),
];

async fn a_faulty_model_call_is_refused_and_names_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let before = everything(&rest).await;
    for (field, lists) in FAULTY_USAGE {
        for value in lists.iter().copied().flat_map(values) {
            let faulty = with(usage(), field, value);
            let answer = rest.post(USAGE, &faulty.to_string()).await;
            assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
            if ["request_id", "total_tokens"].contains(&field) {
                continue;
            }
            let mut faulty = faulty;
            faulty.as_object_mut().unwrap().remove("request_id");
            let answer = rest.post(COST, &faulty.to_string()).await;
            assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
        }
    }
    let both = json!({"cached_prompt_tokens": 1, "cache_write_tokens": 1});
    let many = json!({
        "user_id": " ", "request_id": "", "model": "a\nb", "provider": " x", "prompt_tokens": -1,
        "completion_tokens": 1_000_000_001, "created_at": "1999-01-01T00:00:00Z",
    });
    for (fields, expected) in [
        (both, vec!["cached_prompt_tokens"]),
        (
            many,
            vec![
                "prompt_tokens",
                "completion_tokens",
                "provider",
                "created_at",
                "user_id",
                "request_id",
                "model",
            ],
        ),
        // Types are checked first, and all at once too.
        (
            json!({"prompt_tokens": "x", "model": 5}),
            vec!["model", "prompt_tokens"],
        ),
    ] {
        let mut faulty = usage();
        for (field, value) in fields.as_object().unwrap() {
            faulty[field] = value.clone();
        }
        let answer = rest.post(USAGE, &faulty.to_string()).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &expected);
    }
    for path in [USAGE, COST] {
        let mut unknown = with(usage(), "model", "M");
        if path == COST {
            unknown.as_object_mut().unwrap().remove("request_id");
        }
        let answer = rest.post(path, &unknown.to_string()).await;
        assert_refused(&answer, 404, "MODEL_NOT_FOUND", &[]);
    }
    assert_eq!(everything(&rest).await, before);
}

async fn a_faulty_price_is_refused_and_names_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let before = everything(&rest).await;
    let price = || json!({"model_id": "new", "prompt_price_per_k": 1, "completion_price_per_k": 1});
    for (field, lists) in FAULTY_PRICES {
        for value in lists.iter().copied().flat_map(values) {
            let answer = rest
                .post(PRICES, &with(price(), field, value).to_string())
                .await;
            assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
        }
    }
    let many = json!({"model_id": "", "provider": " ", "prompt_price_per_k": -1});
    let answer = rest.post(PRICES, &many.to_string()).await;
    let all = [
        "model_id",
        "completion_price_per_k",
        "prompt_price_per_k",
        "provider",
    ];
    assert_refused(&answer, 400, "INVALID_FIELD", &all);

    let unknown = with(price(), "price", 1);
    for (path, body, code, field) in [
        (IMPORT, json!({}), "INVALID_FIELD", "prices"),
        (IMPORT, json!({"prices": []}), "INVALID_FIELD", "prices"),
        (
            IMPORT,
            json!({"prices": price()}),
            "INVALID_FIELD",
            "prices",
        ),
        (
            IMPORT,
            json!({"prices": [price(), 5]}),
            "INVALID_FIELD",
            "prices[1]",
        ),
        (
            IMPORT,
            json!({"prices": [unknown]}),
            "UNKNOWN_FIELD",
            "prices[0].price",
        ),
        (PRICES, unknown, "UNKNOWN_FIELD", "price"),
    ] {
        let answer = rest.post(path, &body.to_string()).await;
        assert_refused(&answer, 400, code, &[field]);
    }
    assert_eq!(everything(&rest).await, before);
}
