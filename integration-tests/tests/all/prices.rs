//! Which price is in force when.

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::support::{advance, assert_refused, call, digits, operator, record, set_price, with};

on_both_databases!(
    the_first_price_of_a_model_reaches_back_to_1970,
    a_change_of_price_leaves_records_alone,
    a_price_in_the_past_needs_leave,
    a_scheduled_price_takes_effect_when_its_time_comes,
    an_import_counts_and_names_what_it_refuses,
    prices_are_listed_page_by_page,
    every_price_that_a_model_has_had_is_listed,
);

const PRICES: &str = "/v1/billing/prices";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    (server, rest)
}

fn price(prompt: &str, from: &str) -> Value {
    json!({
        "model_id": "m", "prompt_price_per_k": prompt, "completion_price_per_k": "0",
        "effective_from": from,
    })
}

/// What 1,000 prompt tokens at a time cost.
async fn cost_at(rest: &Rest, at: &str) -> String {
    let question = json!({"model": "m", "prompt_tokens": 1_000, "created_at": at});
    let answer = rest.post("/v1/billing/cost", &question.to_string()).await;
    digits(&answer, "final_cost").to_owned()
}

async fn the_first_price_of_a_model_reaches_back_to_1970(backend: Backend) {
    let (_server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "1").await;
    let stored = rest.get("/v1/billing/prices/m").await;
    assert_eq!(
        digits(&stored, "effective_from"),
        "\"1970-01-01T00:00:00Z\""
    );
    assert_eq!(cost_at(&rest, "2000-01-01T00:00:00Z").await, "1.00");
    let old = rest
        .get("/v1/billing/prices/m?at=1970-01-01T00:00:00Z")
        .await;
    assert_eq!(old.status, 200);
    let before = rest
        .get("/v1/billing/prices/m?at=1969-12-31T23:59:59Z")
        .await;
    assert_refused(&before, 404, "MODEL_NOT_FOUND", &[]);

    // Told otherwise it starts when it is told, also in the past: nothing is recorded before.
    let told = with(price("2", "2024-01-01T00:00:00Z"), "model_id", "told");
    assert_eq!(rest.post(PRICES, &told.to_string()).await.status, 200);
    let early = with(
        call("a", "told", 1, 0),
        "created_at",
        "2023-12-31T23:59:59Z",
    );
    let early = rest.post("/v1/billing/usage", &early.to_string()).await;
    assert_refused(&early, 404, "MODEL_NOT_FOUND", &[]);
}

async fn a_change_of_price_leaves_records_alone(backend: Backend) {
    let (server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "0").await;
    let first = record(&rest, &call("a", "m", 1_000, 0)).await;
    advance(&server, "2024-11-16T00:00:00Z").await;
    set_price(&rest, "m", "2", "0").await;

    let id = first.json()["record"]["id"].as_str().unwrap().to_owned();
    let kept = rest
        .get(&format!("/v1/billing/usage/{id}?user_id=alice"))
        .await;
    assert_eq!(kept.json(), first.json()["record"]);
    assert_eq!(cost_at(&rest, "2024-11-15T23:59:59.999999Z").await, "1.00");
    assert_eq!(cost_at(&rest, "2024-11-16T00:00:00Z").await, "2.00");
    // A late record costs what was in force when it was made.
    let late = with(
        call("b", "m", 1_000, 0),
        "created_at",
        "2024-11-15T12:00:00Z",
    );
    assert_eq!(digits(&record(&rest, &late).await, "final_cost"), "1.00");
    let old = rest
        .get("/v1/billing/prices/m?at=2024-11-15T10:30:00Z")
        .await;
    assert_eq!(digits(&old, "prompt_price_per_k"), "1");
    let new = rest.get("/v1/billing/prices/m").await;
    assert_eq!(digits(&new, "prompt_price_per_k"), "2");
    assert_eq!(digits(&new, "effective_from"), "\"2024-11-16T00:00:00Z\"");
    // Setting what is in force changes nothing.
    set_price(&rest, "m", "2.000", "0.0").await;
    assert_eq!(rest.get("/v1/billing/prices/m").await, new);
}

async fn a_price_in_the_past_needs_leave(backend: Backend) {
    let (_server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "0").await;
    let recorded = record(&rest, &call("a", "m", 1_000, 0)).await;
    let past = price("2", "2024-11-15T10:29:59.999999Z");
    let answer = rest.post(PRICES, &past.to_string()).await;
    assert_refused(&answer, 400, "PRICE_IN_PAST", &["effective_from"]);
    assert_eq!(cost_at(&rest, "2024-11-15T10:30:00Z").await, "1.00");

    let allowed = with(past, "allow_backdate", true);
    assert_eq!(rest.post(PRICES, &allowed.to_string()).await.status, 200);
    assert_eq!(cost_at(&rest, "2024-11-15T10:29:59.999998Z").await, "1.00");
    assert_eq!(cost_at(&rest, "2024-11-15T10:29:59.999999Z").await, "2.00");
    let kept = rest.get("/v1/billing/stats?user_id=alice").await;
    assert_eq!(digits(&kept, "total_cost"), digits(&recorded, "final_cost"));
}

async fn a_scheduled_price_takes_effect_when_its_time_comes(backend: Backend) {
    let (server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "0").await;
    let scheduled = price("2", "2024-12-01T00:00:00Z");
    assert_eq!(rest.post(PRICES, &scheduled.to_string()).await.status, 200);
    for (now, cost) in [
        ("2024-11-15T10:30:00Z", "1.00"),
        ("2024-11-30T23:59:59.999999Z", "1.00"),
        ("2024-12-01T00:00:00Z", "2.00"),
    ] {
        advance(&server, now).await;
        let answer = record(&rest, &call(now, "m", 1_000, 0)).await;
        assert_eq!(digits(&answer, "final_cost"), cost, "{now}");
        let listed = rest.get(PRICES).await;
        let in_force = format!("{}.00", digits(&listed, "prompt_price_per_k"));
        assert_eq!(in_force, cost, "{now}");
    }
}

async fn an_import_counts_and_names_what_it_refuses(backend: Backend) {
    let (_server, rest) = start(backend).await;
    set_price(&rest, "m", "1", "0").await;
    let import = json!({"prices": [
        price("1", "2024-11-15T10:30:00Z"),
        with(price("1", "2024-11-15T10:30:00Z"), "model_id", "new"),
        price("2", "2024-01-01T00:00:00Z"),
        {"model_id": "", "prompt_price_per_k": -1},
        with(price("3", "2024-11-15T10:30:00Z"), "model_id", "new"),
    ]});
    let answer = rest
        .post("/v1/billing/prices-import", &import.to_string())
        .await
        .json();
    let counts = ["imported", "unchanged", "rejected"].map(|name| answer[name].as_i64().unwrap());
    assert_eq!(counts, [2, 1, 2], "{answer}");
    let problems = answer["problems"].as_array().unwrap();
    let found: Vec<_> = problems
        .iter()
        .map(|p| (p["code"].as_str().unwrap(), p["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("PRICE_IN_PAST", "prices[2].effective_from"),
            ("INVALID_FIELD", "prices[3].model_id"),
            ("INVALID_FIELD", "prices[3].completion_price_per_k"),
            ("INVALID_FIELD", "prices[3].prompt_price_per_k"),
        ]
    );
    let new = rest.get("/v1/billing/prices/new").await;
    assert_eq!(digits(&new, "prompt_price_per_k"), "3");
    // Again it changes nothing but what it refuses.
    let answer = rest
        .post("/v1/billing/prices-import", &import.to_string())
        .await
        .json();
    assert_eq!(answer["rejected"], 2);
}

async fn prices_are_listed_page_by_page(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let models = ["B", "a", "a/b", "a:b", "é", "模型"];
    for model in models.iter().rev() {
        set_price(&rest, model, "1", "0").await;
    }
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = rest
            .get(&format!("{PRICES}?page_size=4&page_token={token}"))
            .await
            .json();
        for price in page["prices"].as_array().unwrap() {
            listed.push(price["model_id"].as_str().unwrap().to_owned());
        }
        pages += 1;
        token = page["next_page_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((listed, pages), (models.map(String::from).to_vec(), 2));

    record(&rest, &call("x", "a", 1, 0)).await;
    record(&rest, &call("y", "a", 1, 0)).await;
    let records = rest
        .get("/v1/billing/usage?user_id=alice&page_size=1")
        .await
        .json();
    let foreign = records["next_page_token"].as_str().unwrap();
    for token in [foreign, "x", "AAAA"] {
        let answer = rest.get(&format!("{PRICES}?page_token={token}")).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["page_token"]);
    }
}

async fn every_price_that_a_model_has_had_is_listed(backend: Backend) {
    let (server, rest) = start(backend).await;
    let set = async |prompt: &str, from: &str| {
        let price = with(price(prompt, from), "allow_backdate", true);
        let answer = rest.post(PRICES, &price.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    set("1", "2024-01-01T00:00:00Z").await;
    set("3", "2025-01-01T00:00:00Z").await;
    set("2", "2024-06-01T00:00:00Z").await;
    let user = server.rest(&server.token("alice", "").await);
    let history = user.get("/v1/billing/prices-history/m").await;
    assert_eq!(history.status, 200, "{}", history.body);
    let history = history.json();
    let prices = history["prices"].as_array().expect("prices are listed");
    let row = |price: &Value| {
        let texts = ["id", "effective_from", "created_by"].map(|name| price[name].clone());
        (price["prompt_price_per_k"].clone(), texts)
    };
    let expected = |prompt: i32, id: &str, from: &str| {
        let from = format!("{from}T00:00:00Z");
        let texts = [id, from.as_str(), "operator"].map(Value::from);
        (json!(prompt), texts)
    };
    assert_eq!(
        prices.iter().map(row).collect::<Vec<_>>(),
        [
            expected(2, "price-3", "2024-06-01"),
            expected(3, "price-2", "2025-01-01"),
            expected(1, "price-1", "2024-01-01"),
        ]
    );
    let unknown = user.get("/v1/billing/prices-history/no/model").await;
    assert_refused(&unknown, 404, "MODEL_NOT_FOUND", &[]);
}
