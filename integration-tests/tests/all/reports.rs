//! Breakdowns, rankings and exports.

mod export;
mod finances;
mod random;

use billing_client::BillingClient;
use billing_proto::v1::{
    ExportUsageRequest, GetUsageBreakdownRequest, ListTopUsersRequest,
    report_service_client::ReportServiceClient,
};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest, bearer},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    EVERYTHING, assert_refused, call, digits, record, refusal, start, user, walk, with,
};

on_both_databases!(
    reports_look_as_documented,
    what_coupons_took_at_once_is_in_rankings_and_in_no_row,
    rankings_compare_figures_and_not_digits,
    rows_come_page_by_page_in_their_order,
    users_see_sums_of_their_own_and_no_ranking,
    a_faulty_query_is_refused_and_names_every_field,
    a_faulty_message_is_refused_and_names_every_field,
);

const USAGE: &str = "/v1/billing/reports/usage";
const TOP: &str = "/v1/billing/reports/top-users";
const EVERY_GROUP: &str = "group_by=day&group_by=model&group_by=user";

async fn client(server: &TestServer, name: &str, scope: &str) -> BillingClient {
    let token = server.token(name, scope).await;
    let client = BillingClient::builder(server.url()).token(token);
    client.connect().await.expect("the server answers")
}

fn of(user: &str, at: &str, call: Value) -> Value {
    with(with(call, "user_id", user), "created_at", at)
}

/// Records a call and reverses it.
async fn record_and_void(rest: &Rest, call: &Value) {
    let recorded = record(rest, call).await.json();
    let path = format!(
        "/v1/billing/usage/{}/void",
        recorded["record"]["id"].as_str().unwrap()
    );
    let user = json!({"user_id": call["user_id"]}).to_string();
    assert_eq!(rest.post(&path, &user).await.status, 200);
}

/// Three users of two models around the beginning of a month.
async fn record_november(rest: &Rest) {
    for (user, at, call) in [
        (
            "alice",
            "2024-11-01T00:00:00Z",
            call("a1", "gpt-4", 1_000, 500),
        ),
        (
            "alice",
            "2024-11-02T23:59:59.999999Z",
            call("a2", "gpt-3.5-turbo", 1_000, 1_000),
        ),
        ("alice", "2024-11-02T12:00:00Z", call("a3", "gpt-4", 100, 0)),
        ("alice", "2024-11-02T13:00:00Z", call("a4", "gpt-4", 200, 0)),
        ("bob", "2024-11-02T12:00:00Z", call("b1", "gpt-4", 2_000, 0)),
        (
            "bob",
            "2024-10-31T23:59:59.999999Z",
            call("b2", "gpt-4", 1_000, 0),
        ),
    ] {
        record(rest, &of(user, at, call)).await;
    }
    let twice = of("bob", "2024-11-02T12:00:00Z", call("b3", "gpt-4", 9_000, 0));
    record_and_void(rest, &twice).await;
    let never = of(
        "carol",
        "2024-11-03T12:00:00Z",
        call("c1", "gpt-3.5-turbo", 1, 0),
    );
    record_and_void(rest, &never).await;
}

#[track_caller]
fn assert_body(answer: &Answer, expected: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, expected));
}

async fn reports_look_as_documented(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let none = r#"{"rows":[],"next_page_token":""}"#;
    assert_body(&rest.get(&format!("{USAGE}?month=2024-11")).await, none);
    let nobody = rest.get(&format!("{TOP}?month=2024-11")).await;
    assert_body(&nobody, r#"{"users":[]}"#);
    record_november(&rest).await;

    let all = [
        r#"{"day":"2024-11-01","model":"gpt-4","user_id":"alice","record_count":1,"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,"cost_usd":0.06,"discount_amount":0.00,"final_cost":0.06}"#,
        r#"{"day":"2024-11-02","model":"gpt-3.5-turbo","user_id":"alice","record_count":1,"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000,"cost_usd":0.0035,"discount_amount":0.00,"final_cost":0.0035}"#,
        r#"{"day":"2024-11-02","model":"gpt-4","user_id":"alice","record_count":2,"prompt_tokens":300,"completion_tokens":0,"total_tokens":300,"cost_usd":0.009,"discount_amount":0.00,"final_cost":0.009}"#,
        r#"{"day":"2024-11-02","model":"gpt-4","user_id":"bob","record_count":1,"prompt_tokens":2000,"completion_tokens":0,"total_tokens":2000,"cost_usd":0.06,"discount_amount":0.00,"final_cost":0.06}"#,
        r#"{"day":"2024-11-03","model":"gpt-3.5-turbo","user_id":"carol","record_count":0,"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"cost_usd":0.00,"discount_amount":0.00,"final_cost":0.00}"#,
    ];
    let page = |rows: &[&str]| format!(r#"{{"rows":[{}],"next_page_token":""}}"#, rows.join(","));
    let by_model = [
        r#"{"day":"","model":"gpt-3.5-turbo","user_id":"","record_count":1,"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000,"cost_usd":0.0035,"discount_amount":0.00,"final_cost":0.0035}"#,
        r#"{"day":"","model":"gpt-4","user_id":"","record_count":4,"prompt_tokens":3300,"completion_tokens":500,"total_tokens":3800,"cost_usd":0.129,"discount_amount":0.00,"final_cost":0.129}"#,
    ];
    let total = r#"{"day":"","model":"","user_id":"","record_count":5,"prompt_tokens":4300,"completion_tokens":1500,"total_tokens":5800,"cost_usd":0.1325,"discount_amount":0.00,"final_cost":0.1325}"#;
    let second = "start_time=2024-11-02T00:00:00Z&end_time=2024-11-03T00:00:00Z";
    for (query, rows) in [
        (format!("month=2024-11&{EVERY_GROUP}"), &all[..]),
        (format!("{second}&{EVERY_GROUP}"), &all[1..4]),
        (
            format!("{second}&{EVERY_GROUP}&model=gpt-4&user_id=bob"),
            &all[3..4],
        ),
        (
            "month=2024-11&group_by=USAGE_GROUPING_MODEL".to_owned(),
            &by_model,
        ),
        ("month=2024-11".to_owned(), &[total]),
        (format!("month=2024-11&{EVERY_GROUP}&model=gpt"), &[]),
    ] {
        assert_body(&rest.get(&format!("{USAGE}?{query}")).await, &page(rows));
    }
    let bob = r#"{"user_id":"bob","final_cost":0.06,"total_tokens":2000,"record_count":1}"#;
    let alice = r#"{"user_id":"alice","final_cost":0.0725,"total_tokens":3800,"record_count":4}"#;
    let ranking = rest.get(&format!("{TOP}?month=2024-11")).await;
    assert_body(&ranking, &format!(r#"{{"users":[{alice},{bob}]}}"#));
    let one = rest
        .get(&format!("{TOP}?month=2024-11&by=tokens&limit=1"))
        .await;
    assert_body(&one, &format!(r#"{{"users":[{alice}]}}"#));
}

async fn what_coupons_took_at_once_is_in_rankings_and_in_no_row(backend: Backend) {
    let (server, rest) = start(backend).await;
    record(&rest, &call("a", "gpt-4", 2_000, 0)).await;
    let coupon = r#"{"code":"HALF","type":"percentage","value":50}"#;
    assert_eq!(rest.post("/v1/billing/coupons", coupon).await.status, 200);
    let apply = r#"{"user_id":"alice","coupon_code":"half"}"#;
    assert_eq!(
        rest.post("/v1/billing/coupons/apply", apply).await.status,
        200
    );
    record(&rest, &call("b", "gpt-4", 1_000, 0)).await;
    record_and_void(&rest, &call("c", "gpt-4", 7_000, 0)).await;
    let bob = with(call("d", "gpt-3.5-turbo", 30_000, 0), "user_id", "bob");
    record(&rest, &bob).await;

    let sums = rest
        .get(&format!("{USAGE}?month=2024-11&user_id=alice"))
        .await;
    let figures = ["cost_usd", "discount_amount", "final_cost"];
    assert_eq!(
        figures.map(|name| digits(&sums, name)),
        ["0.09", "0.015", "0.075"]
    );
    // 0.075 less half of the 0.06 that was owed before.
    let stats = user(&server, "alice").await.get("/v1/billing/stats").await;
    assert_eq!(digits(&stats, "current_month_cost"), "0.045");
    // Of one cost, so their ids decide.
    for by in ["cost", "tokens"] {
        let top = rest
            .get(&format!("{TOP}?month=2024-11&by={by}"))
            .await
            .json();
        let users = top["users"].as_array().unwrap().iter();
        let users: Vec<_> = users
            .map(|user| user["user_id"].as_str().unwrap())
            .collect();
        let expected = if by == "cost" {
            ["alice", "bob"]
        } else {
            ["bob", "alice"]
        };
        assert_eq!(users, expected, "{top}");
    }
    let top = rest.get(&format!("{TOP}?month=2024-11")).await;
    assert_eq!(
        top.body.matches(r#""final_cost":0.045,"#).count(),
        2,
        "{}",
        top.body
    );
    let report = rest.get("/v1/billing/reports/monthly?month=2024-11").await;
    assert_eq!(digits(&report, "total_revenue"), "0.09");
}

async fn rankings_compare_figures_and_not_digits(backend: Backend) {
    let (_server, rest) = start(backend).await;
    // As texts "9.00" is the greatest cost and "0.03" comes after "0.000".
    for (user, model, tokens, records) in [
        ("nine", "gpt-4", 300_000, 1),
        ("ten", "gpt-4", 166_667, 2),
        ("hundred", "gpt-4", 1_111_112, 3),
        ("tiny", "gpt-3.5-turbo", 1, 4),
        ("same", "gpt-3.5-turbo", 1, 4),
    ] {
        for number in 0..records {
            let call = call(&number.to_string(), model, tokens, 0);
            record(&rest, &with(call, "user_id", user)).await;
        }
    }
    for (by, expected) in [
        ("", ["hundred", "ten", "nine", "same", "tiny"]),
        ("tokens", ["hundred", "ten", "nine", "same", "tiny"]),
        ("records", ["same", "tiny", "hundred", "ten", "nine"]),
    ] {
        for limit in [0, 1, 3, 5, 100] {
            let path = format!("{TOP}?month=2024-11&by={by}&limit={limit}");
            let top = rest.get(&path).await.json();
            let users = top["users"].as_array().unwrap().iter();
            let users: Vec<_> = users
                .map(|user| user["user_id"].as_str().unwrap())
                .collect();
            let count = if limit == 0 { 5 } else { limit.min(5) };
            assert_eq!(users, expected[..count], "{path}");
        }
    }
    let costs = rest.get(&format!("{TOP}?month=2024-11")).await.body;
    for cost in ["100.00008", "10.00002", "9.00", "0.000006"] {
        assert!(
            costs.contains(&format!("\"final_cost\":{cost},")),
            "{costs}"
        );
    }
}

async fn rows_come_page_by_page_in_their_order(backend: Backend) {
    let (_server, rest) = start(backend).await;
    record_november(&rest).await;
    for groups in [
        EVERY_GROUP,
        "group_by=user",
        "group_by=user&group_by=model",
        "group_by=day",
        "",
    ] {
        let path = format!("{USAGE}?month=2024-11&{groups}");
        let (all, _) = walk(&rest, &path, "rows").await;
        let key = |row: &Value| ["day", "model", "user_id"].map(|part| row[part].to_string());
        assert!(all.is_sorted_by(|a, b| key(a) < key(b)), "{all:?}");
        for size in [1, 2, 1_000] {
            let (rows, sizes) = walk(&rest, &format!("{path}&page_size={size}"), "rows").await;
            assert_eq!(rows, all, "{groups}");
            assert!(sizes.iter().all(|found| *found <= size), "{sizes:?}");
        }
    }
    let first = rest
        .get(&format!("{USAGE}?month=2024-11&page_size=1&{EVERY_GROUP}"))
        .await;
    let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
    for other in [
        format!("month=2024-10&{EVERY_GROUP}"),
        format!("month=2024-11&user_id=alice&{EVERY_GROUP}"),
        format!("month=2024-11&model=gpt-4&{EVERY_GROUP}"),
        "month=2024-11&group_by=day".to_owned(),
    ] {
        let answer = rest
            .get(&format!("{USAGE}?{other}&page_token={token}"))
            .await;
        assert_refused(&answer, 400, "INVALID_FIELD", &["page_token"]);
    }
}

async fn users_see_sums_of_their_own_and_no_ranking(backend: Backend) {
    let (server, rest) = start(backend).await;
    record_november(&rest).await;
    let sums = |groups: &str| format!("{USAGE}?month=2024-11&{groups}");
    let own = rest.get(&sums("user_id=alice&group_by=day")).await;
    let gateway = server.rest(&server.token("alice", "usage:write").await);
    for alice in [user(&server, "alice").await, gateway] {
        for groups in ["group_by=day", "user_id=alice&group_by=day"] {
            assert_eq!(alice.get(&sums(groups)).await, own);
        }
        for (path, code) in [
            (sums("user_id=bob"), "OTHER_USER"),
            (sums("group_by=user"), "SCOPE_MISSING"),
            (sums("user_id=alice&group_by=user"), "SCOPE_MISSING"),
            (format!("{TOP}?month=2024-11"), "SCOPE_MISSING"),
        ] {
            assert_refused(&alice.get(&path).await, 403, code, &[]);
        }
    }
    for path in [sums(""), format!("{TOP}?month=2024-11")] {
        let answer = server.rest("").get(&path).await;
        assert_refused(&answer, 401, "TOKEN_MISSING", &[]);
    }
}

/// Queries with a fault, and the fields at fault.
const FAULTY: [(&str, &[&str]); 27] = [
    ("usage", &["month"]),
    ("usage?month=2024-13", &["month"]),
    ("usage?month=2024-11-01", &["month"]),
    ("usage?start_time=2024-11-01T00:00:00Z", &["end_time"]),
    ("usage?end_time=2024-11-01T00:00:00Z", &["start_time"]),
    ("usage?start_time=x&end_time=y", &["start_time", "end_time"]),
    (
        "usage?start_time=2024-11-01&end_time=2024-11-02",
        &["start_time", "end_time"],
    ),
    (
        "usage?month=2024-11&start_time=2024-11-01T00:00:00Z",
        &["start_time"],
    ),
    (
        "usage?month=2024-11&end_time=2024-11-01T00:00:00Z",
        &["end_time"],
    ),
    (
        "usage?start_time=2024-11-01T00:00:01Z&end_time=2024-11-02T00:00:00Z",
        &["start_time"],
    ),
    (
        "usage?start_time=2024-11-01T00:00:00Z&end_time=2024-11-01T23:59:59Z",
        &["end_time"],
    ),
    (
        "usage?start_time=2024-11-01T00:00:00Z&end_time=2024-11-01T00:00:00Z",
        &["end_time"],
    ),
    (
        "usage?start_time=2024-11-02T00:00:00Z&end_time=2024-11-01T00:00:00Z",
        &["end_time"],
    ),
    (
        "usage?start_time=2024-01-01T00:00:00Z&end_time=2025-01-02T00:00:00Z",
        &["end_time"],
    ),
    ("usage?month=2024-11&group_by=week", &["group_by"]),
    ("usage?month=2024-11&group_by=unspecified", &["group_by"]),
    ("usage?month=2024-11&user_id=%20", &["user_id"]),
    ("usage?month=2024-11&model=a%00b", &["model"]),
    ("usage?month=2024-11&page_size=-1", &["page_size"]),
    ("usage?month=2024-11&page_token=x", &["page_token"]),
    (
        "usage?month=x&user_id=%20&model=%20&page_size=-1&group_by=unspecified",
        &["group_by", "page_size", "month"],
    ),
    ("top-users", &["month"]),
    ("top-users?month=2024-00", &["month"]),
    ("top-users?month=2024-11&by=name", &["by"]),
    ("top-users?month=2024-11&limit=101", &["limit"]),
    ("top-users?month=2024-11&limit=-1", &["limit"]),
    ("top-users?month=x&limit=1000", &["month", "limit"]),
];

async fn a_faulty_query_is_refused_and_names_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    for (query, fields) in FAULTY {
        let answer = rest.get(&format!("/v1/billing/reports/{query}")).await;
        assert_refused(&answer, 400, "INVALID_FIELD", fields);
    }
    for path in [USAGE, TOP] {
        let answer = rest.get(&format!("{path}?month=2024-11&nonsense=1")).await;
        assert_refused(&answer, 400, "UNKNOWN_FIELD", &["nonsense"]);
    }
    // Whole years, and a month before every record.
    for query in [
        "start_time=2024-01-01T00:00:00Z&end_time=2025-01-01T00:00:00Z",
        "start_time=9999-12-30T00:00:00Z&end_time=9999-12-31T00:00:00Z",
        "month=1970-01",
        "month=9999-12",
    ] {
        assert_eq!(
            rest.get(&format!("{USAGE}?{query}")).await.status,
            200,
            "{query}"
        );
    }
}

async fn a_faulty_message_is_refused_and_names_every_field(backend: Backend) {
    let (server, _rest) = start(backend).await;
    let token = server.token("operator", EVERYTHING).await;
    let channel = server.channel().await;
    let mut reports = ReportServiceClient::with_interceptor(channel, bearer(&token));
    let breakdown = GetUsageBreakdownRequest {
        month: "2024-11".to_owned(),
        group_by: vec![1, 9, -1],
        ..Default::default()
    };
    let top = ListTopUsersRequest {
        month: String::new(),
        by: 9,
        limit: i32::MIN,
    };
    let export = ExportUsageRequest {
        month: "2024-1".to_owned(),
        user_id: "\t".to_owned(),
        format: 2,
    };
    for (status, fields) in [
        (
            reports.get_usage_breakdown(breakdown).await.err(),
            vec!["group_by"],
        ),
        (
            reports.list_top_users(top).await.err(),
            vec!["month", "by", "limit"],
        ),
        (
            reports.export_usage(export).await.err(),
            vec!["month", "user_id", "format"],
        ),
    ] {
        let (code, reason, named) = refusal(&status.expect("the call is refused"));
        assert_eq!(
            (code, reason.as_str()),
            (Code::InvalidArgument, "INVALID_FIELD")
        );
        assert_eq!(named, fields);
    }
}
