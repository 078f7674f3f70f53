//! What operators list over all users, and what lists are narrowed by.

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::support::{advance, assert_refused, call, record, set_price, start, user, walk, with};

on_both_databases!(
    operators_list_what_all_users_have,
    nobody_else_lists_what_all_users_have,
    pages_of_all_users_stay_as_they_are_while_rows_are_added,
    what_stands_for_all_users_is_no_user,
    invoices_are_narrowed_by_month_time_and_what_is_unpaid,
    a_record_tells_its_prices_and_the_invoice_that_carries_it,
);

const BILLING: &str = "/v1/billing";
/// The lists, and what their entries are called.
const LISTS: [(&str, &str); 5] = [
    ("usage", "records"),
    ("subscriptions", "subscriptions"),
    ("coupons/redemptions", "redemptions"),
    ("credit-notes", "credit_notes"),
    ("invoices", "invoices"),
];

async fn post(rest: &Rest, path: &str, body: Value) -> Value {
    let (path, body) = (format!("{BILLING}/{path}"), body.to_string());
    let answer = rest.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
    answer.json()
}

async fn listed(rest: &Rest, query: &str, entries: &str) -> Vec<Value> {
    let answer = rest.get(&format!("{BILLING}/{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let found = answer.json()[entries].as_array().cloned();
    found.expect("a list has entries")
}

fn field<'a>(entries: &'a [Value], name: &str) -> Vec<&'a str> {
    let texts = entries.iter().map(|entry| entry[name].as_str());
    texts.map(|text| text.expect("it is a text")).collect()
}

/// Usage, a plan and a redeemed coupon of a user in November.
async fn live(rest: &Rest, name: &str) {
    let usage = with(call("call", "gpt-4", 100_000, 0), "user_id", name);
    record(rest, &usage).await;
    let body = json!({"user_id": name, "plan_id": "plan-basic"});
    post(rest, "subscription", body).await;
    let body = json!({"user_id": name, "coupon_code": "TEN"});
    post(rest, "coupons/apply", body).await;
}

/// The user's invoice of November, and a credit note of it.
async fn invoice(rest: &Rest, name: &str) -> Value {
    let body = json!({"user_id": name, "billing_month": "2024-11"});
    let invoice = post(rest, "invoices/generate", body).await;
    let path = format!("invoices/{}/credit-notes", invoice["id"].as_str().unwrap());
    post(rest, &path, json!({"user_id": name, "amount": "1.00"})).await;
    invoice
}

/// A server in December with users that have something of everything.
async fn december(backend: Backend, users: &[&str]) -> (TestServer, Rest) {
    let (server, rest) = start(backend).await;
    let coupon = json!({
        "code": "TEN", "type": "percentage", "value": 10, "valid_from": "2024-11-01T00:00:00Z",
    });
    post(&rest, "coupons", coupon).await;
    for name in users {
        live(&rest, name).await;
    }
    advance(&server, "2024-12-01T00:00:00Z").await;
    for name in users {
        invoice(&rest, name).await;
    }
    (server, rest)
}

async fn operators_list_what_all_users_have(backend: Backend) {
    let (_server, rest) = december(backend, &["bob", "alice"]).await;
    for (path, entries) in LISTS {
        let all = listed(&rest, &format!("{path}?user_id=-"), entries).await;
        // All are newest first but the invoices, whose pages are counted.
        let expected = match path {
            "invoices" => ["bob", "alice"],
            _ => ["alice", "bob"],
        };
        assert_eq!(field(&all, "user_id"), expected, "{path}");
        for entry in all {
            let name = entry["user_id"].as_str().unwrap().to_owned();
            let own = listed(&rest, &format!("{path}?user_id={name}"), entries).await;
            assert_eq!(own, [entry], "{path}");
        }
    }
}

async fn nobody_else_lists_what_all_users_have(backend: Backend) {
    let server = TestServer::start(backend).await;
    let services = server.token("gateway", "usage:write").await;
    for rest in [user(&server, "alice").await, server.rest(&services)] {
        for (path, _) in LISTS {
            let answer = rest.get(&format!("{BILLING}/{path}?user_id=-")).await;
            assert_refused(&answer, 403, "OTHER_USER", &[]);
        }
    }
}

async fn pages_of_all_users_stay_as_they_are_while_rows_are_added(backend: Backend) {
    let users = ["carol", "alice", "bob"];
    let (server, rest) = december(backend, &users).await;
    let all: Vec<_> = users.into_iter().map(str::to_owned).collect();
    let newest_first: Vec<_> = all.iter().rev().cloned().collect();
    let mut first = Vec::new();
    for (path, entries) in LISTS {
        let page = format!("{BILLING}/{path}?user_id=-&page_size=2");
        let page = rest.get(&page).await.json();
        let names = field(page[entries].as_array().unwrap(), "user_id");
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        first.push((names, page["next_page_token"].as_str().map(str::to_owned)));
    }
    // A user whose name sorts before all others, in the month before too.
    let late = call("late", "gpt-4", 100_000, 0);
    let late = with(late, "user_id", "aaron");
    record(&rest, &with(late, "created_at", "2024-11-30T00:00:00Z")).await;
    let body = json!({"user_id": "aaron", "plan_id": "plan-basic"});
    post(&rest, "subscription", body).await;
    post(
        &rest,
        "coupons/apply",
        json!({"user_id": "aaron", "coupon_code": "TEN"}),
    )
    .await;
    invoice(&rest, "aaron").await;

    for ((path, entries), (mut names, token)) in LISTS.into_iter().zip(first) {
        let rest_of = match &token {
            Some(token) => format!("{path}?user_id=-&page_size=2&page_token={token}"),
            None => format!("{path}?user_id=-&page_size=2&page=2"),
        };
        let others = listed(&rest, &rest_of, entries).await;
        names.extend(field(&others, "user_id").into_iter().map(str::to_owned));
        match token {
            Some(_) => assert_eq!(names, newest_first, "{path}"),
            None => assert_eq!(names, [all.clone(), vec!["aaron".to_owned()]].concat()),
        }
    }
    // A token of all users is none of one user's.
    let path = format!("{BILLING}/usage?user_id=-&page_size=1");
    let page = rest.get(&path).await.json();
    let token = page["next_page_token"].as_str().unwrap();
    let path = format!("{BILLING}/usage?user_id=bob&page_size=1&page_token={token}");
    assert_refused(
        &rest.get(&path).await,
        400,
        "INVALID_FIELD",
        &["page_token"],
    );
    drop(server);
}

async fn what_stands_for_all_users_is_no_user(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let call = with(call("call", "gpt-4", 1, 0), "user_id", "-").to_string();
    let dash =
        r#"{"user_id":"-","plan_id":"plan-basic","coupon_code":"TEN","billing_month":"2024-11"}"#;
    let refused = [
        rest.post("/v1/billing/usage", &call).await,
        rest.put("/v1/billing/settings?user_id=-", "{}").await,
        rest.get("/v1/billing/settings?user_id=-").await,
        rest.get("/v1/billing/stats?user_id=-").await,
        rest.get("/v1/billing/subscription?user_id=-").await,
        rest.get("/v1/billing/accounts/-").await,
        rest.get("/v1/billing/reports/usage?month=2024-11&user_id=-")
            .await,
    ];
    for answer in refused {
        assert_refused(&answer, 400, "INVALID_FIELD", &["user_id"]);
    }
    let only = |path: &str, fields: &[&str]| {
        let mut body: Value = serde_json::from_str(dash).unwrap();
        let object = body.as_object_mut().unwrap();
        object.retain(|name, _| name == "user_id" || fields.contains(&name.as_str()));
        (format!("{BILLING}/{path}"), body.to_string())
    };
    for (path, body) in [
        only("subscription", &["plan_id"]),
        only("coupons/apply", &["coupon_code"]),
        only("invoices/generate", &["billing_month"]),
    ] {
        let answer = rest.post(&path, &body).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["user_id"]);
    }
}

async fn invoices_are_narrowed_by_month_time_and_what_is_unpaid(backend: Backend) {
    let (server, rest) = start(backend).await;
    for (name, at) in [("alice", "2024-10-05"), ("bob", "2024-11-05")] {
        let usage = with(call("call", "gpt-4", 100_000, 0), "user_id", name);
        record(&rest, &with(usage, "created_at", format!("{at}T00:00:00Z"))).await;
    }
    let generate = async |name: &str, month: &str| {
        let body = json!({"user_id": name, "billing_month": month});
        post(&rest, "invoices/generate", body).await
    };
    let paid = generate("alice", "2024-10").await;
    advance(&server, "2024-12-02T00:00:00Z").await;
    generate("bob", "2024-11").await;
    let path = format!("invoices/{}/mark-paid", paid["id"].as_str().unwrap());
    post(&rest, &path, json!({"user_id": "alice"})).await;

    let cases: [(&str, &[&str]); 9] = [
        ("", &["alice", "bob"]),
        ("&billing_month=2024-10", &["alice"]),
        ("&billing_month=2024-12", &[]),
        ("&unpaid=true", &["bob"]),
        ("&unpaid=true&billing_month=2024-10", &[]),
        ("&status=paid", &["alice"]),
        ("&issued_after=2024-12-02T00:00:00Z", &["bob"]),
        ("&issued_before=2024-12-02T00:00:00Z", &["alice"]),
        (
            "&issued_after=2024-11-15T00:00:00Z&issued_before=2024-11-16T00:00:00Z",
            &["alice"],
        ),
    ];
    for (narrow, expected) in cases {
        let query = format!("{BILLING}/invoices?user_id=-{narrow}");
        let found = rest.get(&query).await.json();
        let names = field(found["invoices"].as_array().unwrap(), "user_id");
        assert_eq!(names, expected, "{narrow}");
        assert_eq!(found["total"], expected.len(), "{narrow}");
    }
    let wrong = "invoices?user_id=-&billing_month=november";
    let answer = rest.get(&format!("{BILLING}/{wrong}")).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["billing_month"]);
}

async fn a_record_tells_its_prices_and_the_invoice_that_carries_it(backend: Backend) {
    let (server, rest) = start(backend).await;
    let recorded = record(&rest, &call("first", "gpt-4", 100_000, 0))
        .await
        .json();
    set_price(&rest, "gpt-4", "0.01", "0.02").await;
    record(&rest, &call("second", "gpt-4", 100_000, 0)).await;
    advance(&server, "2024-12-01T00:00:00Z").await;
    let body = json!({"user_id": "alice", "billing_month": "2024-11"});
    let invoice = post(&rest, "invoices/generate", body).await;
    let late = with(
        call("late", "gpt-4", 1_000, 0),
        "created_at",
        "2024-11-30T00:00:00Z",
    );
    record(&rest, &late).await;

    let prices = |prompt: Value, completion: Value| {
        json!({
            "prompt": prompt, "completion": completion, "cached_prompt": prompt,
            "cache_write": prompt, "reasoning": completion,
        })
    };
    let records = listed(&rest, "usage?user_id=alice", "records").await;
    assert_eq!(field(&records, "request_id"), ["late", "second", "first"]);
    let carried = invoice["id"].as_str().unwrap();
    assert_eq!(field(&records, "invoice_id"), ["", carried, carried]);
    let new = prices(json!(0.01), json!(0.02));
    assert_eq!(records[1]["unit_prices"], new);
    assert_eq!(records[2]["unit_prices"], prices(json!(0.03), json!(0.06)));
    let id = recorded["record"]["id"].as_str().unwrap();
    let one = format!("{BILLING}/usage/{id}?user_id=alice");
    assert_eq!(rest.get(&one).await.json(), records[2]);

    let of_invoice = format!("usage?user_id=-&invoice_id={carried}");
    let found = listed(&rest, &of_invoice, "records").await;
    assert_eq!(found, records[1..]);
    let other = format!("usage?user_id=bob&invoice_id={carried}");
    assert_eq!(listed(&rest, &other, "records").await, Vec::<Value>::new());
    for (month, expected) in [
        ("2024-11", &["second", "first"][..]),
        ("2024-12", &["late"]),
    ] {
        let query = format!("usage?user_id=alice&invoice_month={month}");
        let found = listed(&rest, &query, "records").await;
        assert_eq!(field(&found, "request_id"), expected, "{month}");
    }
    let (found, sizes) = walk(
        &rest,
        &format!("{BILLING}/{of_invoice}&page_size=1"),
        "records",
    )
    .await;
    assert_eq!((found.len(), sizes.len()), (2, 2));
    let answer = rest.get(&format!("{BILLING}/usage?invoice_id=one")).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["invoice_id"]);

    // A void invoice carries nothing.
    let path = format!("invoices/{carried}/void");
    post(&rest, &path, json!({"user_id": "alice"})).await;
    let records = listed(&rest, "usage?user_id=alice", "records").await;
    assert_eq!(field(&records, "invoice_id"), ["", "", ""]);
    assert_eq!(
        listed(&rest, &of_invoice, "records").await,
        Vec::<Value>::new()
    );
}
