//! Recording, repeating, reading back and asking for costs.

use integration_tests::{Backend, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::support::{assert_refused, call, digits, record, set_price, start, walk, with};

on_both_databases!(
    a_repeated_call_answers_with_the_first_record_and_charges_nothing,
    a_request_id_with_other_content_is_a_conflict,
    request_ids_of_one_user_do_not_block_another,
    records_are_listed_newest_first_page_by_page,
    filters_apply_together,
    token_details_have_their_own_prices_and_fall_back,
    a_cost_that_is_asked_for_is_what_recording_charges,
);

const USAGE: &str = "/v1/billing/usage";
const STATS: &str = "/v1/billing/stats?user_id=alice";

async fn a_repeated_call_answers_with_the_first_record_and_charges_nothing(backend: Backend) {
    let (mut server, rest) = start(backend).await;
    let usage = call("a", "gpt-4", 1_000, 500);
    let first = record(&rest, &usage).await.json();
    assert_eq!(first["duplicate"], false);
    // Neither a new price nor a restart makes it another call.
    set_price(&rest, "gpt-4", "1", "1").await;
    for restarted in [false, true] {
        if restarted {
            server.restart().await;
        }
        let again = record(&rest, &usage).await.json();
        assert_eq!(again["duplicate"], true);
        assert_eq!(again["record"], first["record"]);
    }
    let stats = rest.get(STATS).await;
    assert_eq!(digits(&stats, "total_cost"), "0.06");
    assert_eq!(digits(&stats, "current_month_tokens"), "1500");
}

async fn a_request_id_with_other_content_is_a_conflict(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let usage = call("a", "gpt-4", 1_000, 500);
    record(&rest, &usage).await;
    let before = rest.get(STATS).await;
    for (field, value) in [
        ("model", json!("gpt-3.5-turbo")),
        ("provider", json!("azure")),
        ("prompt_tokens", json!(1_001)),
        ("completion_tokens", json!(499)),
        ("total_tokens", json!(1_500)),
        ("cached_prompt_tokens", json!(1)),
        ("cache_write_tokens", json!(1)),
        ("reasoning_tokens", json!(1)),
        ("created_at", json!("2024-11-15T10:30:00Z")),
    ] {
        let other = with(usage.clone(), field, value);
        let answer = rest.post(USAGE, &other.to_string()).await;
        assert_refused(&answer, 409, "USAGE_CONFLICT", &[]);
    }
    assert_eq!(rest.get(STATS).await, before);
}

async fn request_ids_of_one_user_do_not_block_another(backend: Backend) {
    let (_server, rest) = start(backend).await;
    for user in ["alice", "Alice", "bob"] {
        let usage = with(call("same", "gpt-4", 1_000, 0), "user_id", user);
        assert_eq!(record(&rest, &usage).await.json()["duplicate"], false);
    }
    let stats = rest.get(STATS).await;
    assert_eq!(digits(&stats, "total_cost"), "0.03");
}

/// The request ids of all pages, and how many records each page had.
async fn request_ids(rest: &Rest, query: &str) -> (Vec<String>, Vec<usize>) {
    let path = format!("{USAGE}?user_id=alice&{query}");
    let (records, sizes) = walk(rest, &path, "records").await;
    let ids = records.iter().map(|r| r["request_id"].as_str().unwrap());
    (ids.map(String::from).collect(), sizes)
}

async fn records_are_listed_newest_first_page_by_page(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let expected: Vec<_> = (0..5).rev().map(|n| format!("r{n}")).collect();
    for n in 0..5 {
        record(&rest, &call(&format!("r{n}"), "gpt-4", n, 0)).await;
    }
    for (size, pages) in [
        (1, vec![1, 1, 1, 1, 1]),
        (2, vec![2, 2, 1]),
        (5, vec![5]),
        (0, vec![5]),
        (1_000, vec![5]),
        (100_000, vec![5]),
    ] {
        let (ids, sizes) = request_ids(&rest, &format!("page_size={size}")).await;
        assert_eq!((&ids, sizes), (&expected, pages), "{size}");
    }
    let first = rest
        .get(&format!("{USAGE}?user_id=alice&page_size=2"))
        .await;
    let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
    for other in ["user_id=bob", "user_id=alice&model=gpt-4"] {
        let answer = rest
            .get(&format!("{USAGE}?{other}&page_token={token}"))
            .await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["page_token"]);
    }
}

async fn filters_apply_together(backend: Backend) {
    let (_server, rest) = start(backend).await;
    for (id, model, at) in [
        ("a", "gpt-4", "2024-10-31T23:59:59.999999Z"),
        ("b", "gpt-4", "2024-11-01T00:00:00Z"),
        ("c", "gpt-3.5-turbo", "2024-11-02T00:00:00Z"),
        ("d", "gpt-4", "2024-11-03T00:00:00Z"),
    ] {
        record(&rest, &with(call(id, model, 1, 0), "created_at", at)).await;
    }
    for (query, expected) in [
        ("billing_month=2024-10", vec!["a"]),
        ("billing_month=2024-11&model=gpt-4", vec!["d", "b"]),
        ("model=gpt-3.5-turbo", vec!["c"]),
        ("start_time=2024-11-01T00:00:00Z", vec!["d", "c", "b"]),
        ("end_time=2024-11-01T00:00:00Z", vec!["a"]),
        (
            "start_time=2024-11-01T00:00:00Z&end_time=2024-11-03T00:00:00Z",
            vec!["c", "b"],
        ),
        ("request_id=c", vec!["c"]),
        ("request_id=c&model=gpt-4", vec![]),
        ("requestId=d", vec!["d"]),
        ("billing_month=2030-01", vec![]),
    ] {
        let (ids, _) = request_ids(&rest, &format!("{query}&page_size=1")).await;
        assert_eq!(ids, expected, "{query}");
    }
}

async fn token_details_have_their_own_prices_and_fall_back(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let own = r#"{"model_id":"own/prices","provider":"house","prompt_price_per_k":1,"completion_price_per_k":2,"cached_prompt_price_per_k":0.1,"cache_write_price_per_k":1.25,"reasoning_price_per_k":4}"#;
    let none = r#"{"model_id":"no/prices","provider":"house","prompt_price_per_k":1,"completion_price_per_k":2}"#;
    let free = r#"{"model_id":"free","prompt_price_per_k":1,"completion_price_per_k":2,"cached_prompt_price_per_k":0,"reasoning_price_per_k":0}"#;
    for price in [own, none, free] {
        assert_eq!(rest.post("/v1/billing/prices", price).await.status, 200);
    }
    // 700 plain, 200 cached, 100 written; 60 plain, 40 reasoning.
    let detailed = |model: &str| {
        let mut usage = call(model, model, 1_000, 100);
        usage["cached_prompt_tokens"] = json!(200);
        usage["cache_write_tokens"] = json!(100);
        usage["reasoning_tokens"] = json!(40);
        usage
    };
    for (model, cost, provider) in [
        ("own/prices", "1.125", "\"house\""),
        ("no/prices", "1.20", "\"house\""),
        ("free", "0.92", "\"\""),
    ] {
        let answer = record(&rest, &detailed(model)).await;
        assert_eq!(digits(&answer, "cost_usd"), cost, "{model}");
        assert_eq!(digits(&answer, "provider"), provider, "{model}");
    }
    let named = with(call("x", "own/prices", 1, 0), "provider", "azure");
    assert_eq!(
        digits(&record(&rest, &named).await, "provider"),
        "\"azure\""
    );
}

async fn a_cost_that_is_asked_for_is_what_recording_charges(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let parts = [
        "cost_usd",
        "discount_rate",
        "covered_amount",
        "overage_tokens",
        "overage_cost",
        "discount_amount",
        "final_cost",
    ];
    for (index, (model, prompt, completion, at)) in [
        ("gpt-4", 1, 0, Value::Null),
        ("gpt-3.5-turbo", 350_333, 150_000, Value::Null),
        ("gpt-4", 0, 0, Value::Null),
        ("gpt-4", 1_000_000_000, 1_000_000_000, Value::Null),
        ("gpt-4", 7, 13, json!("2024-01-01T00:00:00Z")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut usage = with(
            call(&index.to_string(), model, prompt, completion),
            "created_at",
            at,
        );
        let before = rest.get(STATS).await;
        let mut question = usage.clone();
        question.as_object_mut().unwrap().remove("request_id");
        let cost = rest.post("/v1/billing/cost", &question.to_string()).await;
        assert_eq!(cost.status, 200, "{}", cost.body);
        assert_eq!(rest.get(STATS).await, before);
        let charged = record(&rest, &usage.take()).await;
        for part in parts {
            assert_eq!(digits(&cost, part), digits(&charged, part), "{part}");
        }
    }
}
