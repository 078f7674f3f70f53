//! The contract's worked examples with discount rate, coupon and plan, and the guide's answers that
//! show them, all from the wire.

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use serde_json::Value;

use crate::support::{
    advance, call, digits, operator, record, set_example_prices, set_price, user, with,
};

on_both_databases!(
    without_a_plan_a_coupon_takes_its_part_of_every_record,
    on_pro_the_coupon_takes_its_part_of_the_overage,
    the_guides_invoice_arises_as_the_contract_says,
    the_guides_statistics_arise_as_the_contract_says,
    a_redeemed_coupon_looks_as_the_guide_shows,
    a_quota_warning_looks_as_the_guide_shows,
);

const STATS: &str = "/v1/billing/stats";
const NOVEMBER: &str = r#"{"billing_month":"2024-11"}"#;
const COUPON: &str = r#"{"code":"SAVE20","type":"percentage","value":20}"#;
const PARTS: [&str; 7] = [
    "cost_usd",
    "discount_rate",
    "covered_amount",
    "overage_tokens",
    "overage_cost",
    "discount_amount",
    "final_cost",
];

/// A record of the contract's chapter 13, and what each of [`PARTS`] should be.
struct Example {
    at: &'static str,
    model: &'static str,
    tokens: (i64, i64),
    parts: [&'static str; 7],
    takes_coupon: bool,
}

const R1: Example = Example {
    at: "2024-11-03T12:00:00Z",
    model: "gpt-4",
    tokens: (300_000, 100_000),
    parts: ["15.00", "0.9", "0.00", "0", "0.00", "0.00", "13.50"],
    takes_coupon: false,
};
const R2: Example = Example {
    at: "2024-11-09T12:00:00Z",
    model: "gpt-3.5-turbo",
    tokens: (350_333, 150_000),
    parts: [
        "0.8254995",
        "0.9",
        "0.00",
        "0",
        "0.00",
        "0.00",
        "0.74294955",
    ],
    takes_coupon: false,
};
const APPLIED: &str = "2024-11-15T12:00:00Z";
const R3: Example = Example {
    at: "2024-11-20T12:00:00Z",
    model: "gpt-4",
    tokens: (120_000, 30_000),
    parts: ["5.40", "0.9", "0.00", "0", "0.00", "0.972", "3.888"],
    takes_coupon: true,
};
const R4: Example = Example {
    at: "2024-11-25T12:00:00Z",
    model: "gpt-3.5-turbo",
    tokens: (60_000, 40_000),
    parts: ["0.17", "0.9", "0.00", "0", "0.00", "0.0306", "0.1224"],
    takes_coupon: true,
};

impl Example {
    /// The same record with other parts.
    const fn owing(self, parts: [&'static str; 7]) -> Self {
        Self { parts, ..self }
    }

    /// Asks for the cost at the record's time, records it, and expects its parts both times.
    async fn check(&self, server: &TestServer, rest: &Rest, request: &str, coupon: &str) {
        advance(server, self.at).await;
        let usage = call(request, self.model, self.tokens.0, self.tokens.1);
        let mut question = usage.clone();
        question.as_object_mut().unwrap().remove("request_id");
        let cost = rest.post("/v1/billing/cost", &question.to_string()).await;
        assert_eq!(cost.status, 200, "{}", cost.body);
        let charged = record(rest, &usage).await;
        for answer in [&cost, &charged] {
            assert_eq!(PARTS.map(|part| digits(answer, part)), self.parts);
        }
        let record = &charged.json()["record"];
        let expected = if self.takes_coupon { coupon } else { "" };
        assert_eq!(record["coupon_id"], expected);
        assert_eq!(record["billing_month"], "2024-11");
        assert_eq!(record["invoice_month"], "2024-11");
    }
}

/// A server on 1 November 2024 with the example's prices, and `alice`, who pays 90 % of them.
async fn november(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-01T00:00:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    let rate = r#"{"discount_rate":0.9}"#;
    let account = rest.put("/v1/billing/accounts/alice/discount", rate).await;
    assert_eq!(account.status, 200, "{}", account.body);
    assert_eq!(digits(&account, "discount_rate"), "0.9");
    let tax = rest
        .put("/v1/billing/accounts/alice/tax", r#"{"tax_rate":0.1}"#)
        .await;
    assert_eq!(digits(&tax, "tax_rate"), "0.1", "{}", tax.body);
    (server, rest)
}

/// Posts what must be accepted.
async fn post(rest: &Rest, path: &str, body: &str) -> Value {
    let answer = rest.post(path, body).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
    answer.json()
}

async fn subscribe(server: &TestServer, name: &str, plan: &str) -> String {
    let body = format!(r#"{{"plan_id":"{plan}"}}"#);
    let mine = user(server, name).await;
    let subscription = post(&mine, "/v1/billing/subscription", &body).await;
    subscription["id"].as_str().unwrap().to_owned()
}

/// Runs the example: two records, the coupon, two records. `taken` is what the coupon takes at
/// once, `stats` the statistics at the end.
async fn run(
    (server, rest): &(TestServer, Rest),
    examples: [Example; 4],
    taken: &str,
    stats: &str,
) {
    let coupon = post(rest, "/v1/billing/coupons", COUPON).await;
    let coupon = coupon["id"].as_str().unwrap();
    let [r1, r2, r3, r4] = examples;
    r1.check(server, rest, "R1", coupon).await;
    r2.check(server, rest, "R2", coupon).await;

    advance(server, APPLIED).await;
    let alice = user(server, "alice").await;
    let code = r#"{"coupon_code":"save20"}"#;
    let could = alice.post("/v1/billing/coupons/validate", code).await;
    assert_eq!(digits(&could, "taken_at_apply"), taken, "{}", could.body);
    post(&alice, "/v1/billing/coupons/apply", code).await;
    let redeemed = alice.get("/v1/billing/coupons/redemptions").await;
    assert_eq!(digits(&redeemed, "taken_at_apply"), taken);
    assert_eq!(digits(&redeemed, "discount_amount"), taken);
    let redemption = &redeemed.json()["redemptions"][0];
    assert_eq!(redemption["coupon_id"], coupon);
    assert_eq!(redemption["billing_month"], "2024-11");
    assert_eq!(redemption["created_at"], APPLIED);

    r3.check(server, rest, "R3", coupon).await;
    r4.check(server, rest, "R4", coupon).await;
    assert_eq!(alice.get(STATS).await.body, stats);
}

/// Issues the invoice of November on 1 December. `totals` are its amount, discount, tax and final
/// amount; `items` is how each item begins.
async fn assert_invoiced(server: &TestServer, name: &str, totals: [&str; 4], items: &[&str]) {
    advance(server, "2024-12-01T00:00:00Z").await;
    let mine = user(server, name).await;
    let invoice = mine.post("/v1/billing/invoices/generate", NOVEMBER).await;
    assert_eq!(invoice.status, 200, "{}", invoice.body);
    let fields = ["amount", "discount_amount", "tax_amount", "final_amount"];
    assert_eq!(fields.map(|field| digits(&invoice, field)), totals);
    let count = invoice.json()["items"].as_array().map(Vec::len);
    assert_eq!(count, Some(items.len()), "{}", invoice.body);
    let mut rest = invoice.body.as_str();
    for item in items {
        let place = rest.find(item);
        let place = place.unwrap_or_else(|| panic!("no {item} in its place: {}", invoice.body));
        rest = &rest[place..];
    }
    let number = format!("\"INV-{name}-2024-11\"");
    assert_eq!(digits(&invoice, "invoice_number"), number);
    assert_eq!(digits(&invoice, "status"), "\"issued\"");
    assert_eq!(digits(&invoice, "issued_at"), "\"2024-12-01T00:00:00Z\"");
    assert_eq!(digits(&invoice, "due_date"), "\"2024-12-31T00:00:00Z\"");
}

async fn without_a_plan_a_coupon_takes_its_part_of_every_record(backend: Backend) {
    let running = november(backend).await;
    run(
        &running,
        [R1, R2, R3, R4],
        "2.84858991",
        r#"{"current_month_cost":15.40475964,"current_month_tokens":1150333,"subscription_plan":"","tokens_quota":0,"tokens_used":0,"tokens_remaining":0,"total_cost":15.40475964}"#,
    )
    .await;
    let alice = user(&running.0, "alice").await;
    let redeemed = alice.get("/v1/billing/coupons/redemptions").await;
    assert_eq!(digits(&redeemed, "discount_amount"), "3.85118991");
    let account = running.1.get("/v1/billing/accounts/alice").await;
    assert_eq!(digits(&account, "uninvoiced_amount"), "19.25594955");
    let items = [
        r#"{"model":"gpt-4","quantity":550000,"unit_price":0.037091,"amount":20.40,"description":"AI API usage - gpt-4","#,
        r#"{"model":"gpt-3.5-turbo","quantity":600333,"unit_price":0.001658,"amount":1.00,"description":"AI API usage - gpt-3.5-turbo","#,
    ];
    let totals = ["21.40", "5.99", "1.54", "16.95"];
    assert_invoiced(&running.0, "alice", totals, &items).await;
    let invoice = alice.post("/v1/billing/invoices/generate", NOVEMBER).await;
    let discounts = invoice
        .body
        .split_once("\"discounts\":")
        .map(|(_, rest)| rest);
    let amounts = discounts.unwrap().split("\"amount\":").skip(1);
    let amounts: Vec<_> = amounts
        .map(|rest| rest.split('}').next().unwrap())
        .collect();
    assert_eq!(amounts, ["2.14", "3.85", "1.54"], "account, coupon and tax");
    let redeemed = alice.get("/v1/billing/coupons/redemptions").await;
    assert_eq!(digits(&redeemed, "discount_amount"), "3.85");
    let account = running.1.get("/v1/billing/accounts/alice").await;
    assert_eq!(digits(&account, "uninvoiced_amount"), "0.00");
}

async fn on_pro_the_coupon_takes_its_part_of_the_overage(backend: Backend) {
    let running = november(backend).await;
    let subscription = subscribe(&running.0, "alice", "plan-pro").await;
    let covered = |r: Example, amount| {
        let [cost, rate, ..] = r.parts;
        r.owing([cost, rate, amount, "0", "0.00", "0.00", "0.00"])
    };
    let examples = [
        covered(R1, "13.50"),
        covered(R2, "0.74294955"),
        R3.owing([
            "5.40", "0.9", "4.86", "50333", "6.794955", "1.358991", "5.435964",
        ]),
        R4.owing(["0.17", "0.9", "0.153", "100000", "13.50", "2.70", "10.80"]),
    ];
    run(
        &running,
        examples,
        "0.00",
        r#"{"current_month_cost":16.235964,"current_month_tokens":1150333,"subscription_plan":"pro","tokens_quota":1000000,"tokens_used":1150333,"tokens_remaining":0,"total_cost":16.235964}"#,
    )
    .await;
    let listed = running.1.get("/v1/billing/usage?user_id=alice").await;
    for record in listed.json()["records"].as_array().unwrap() {
        assert_eq!(record["subscription_id"], *subscription);
    }
    let alice = user(&running.0, "alice").await;
    let warning = alice.get("/v1/billing/quota-warning").await;
    assert_eq!(warning.json()["quota_warning"], true);
    let items = [
        r#"{"model":"gpt-4","quantity":499667,"unit_price":0,"amount":0.00,"description":"AI API usage - gpt-4 (included in Pro)","#,
        r#"{"model":"gpt-3.5-turbo","quantity":500333,"unit_price":0,"amount":0.00,"description":"AI API usage - gpt-3.5-turbo (included in Pro)","#,
        r#"{"model":"","quantity":1,"unit_price":99.99,"amount":99.99,"description":"Pro plan fee","#,
        r#"{"model":"","quantity":150333,"unit_price":0.135,"amount":20.29,"description":"Extra tokens","#,
    ];
    let totals = ["120.28", "24.06", "9.62", "105.84"];
    assert_invoiced(&running.0, "alice", totals, &items).await;
    let redeemed = alice.get("/v1/billing/coupons/redemptions").await;
    assert_eq!(digits(&redeemed, "discount_amount"), "24.06");
}

async fn the_guides_invoice_arises_as_the_contract_says(backend: Backend) {
    let server = TestServer::builder(backend).clock("2024-11-10T08:00:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    let of = |usage| with(usage, "user_id", "user-123");
    record(&rest, &of(call("a", "gpt-4", 500_000, 0))).await;
    record(&rest, &of(call("b", "gpt-3.5-turbo", 750_000, 0))).await;
    let items = [
        r#"{"model":"gpt-4","quantity":500000,"unit_price":0.03,"amount":15.00,"description":"AI API usage - gpt-4","#,
        r#"{"model":"gpt-3.5-turbo","quantity":750000,"unit_price":0.0015,"amount":1.13,"description":"AI API usage - gpt-3.5-turbo","#,
    ];
    let totals = ["16.13", "0.00", "0.00", "16.13"];
    assert_invoiced(&server, "user-123", totals, &items).await;
}

async fn the_guides_statistics_arise_as_the_contract_says(backend: Backend) {
    let server = TestServer::builder(backend).clock("2024-10-10T08:00:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    set_price(&rest, "earlier", "0.02", "0.02").await;
    set_price(&rest, "before-pro", "0.091", "0.091").await;
    let of = |usage| with(usage, "user_id", "user-123");
    record(&rest, &of(call("a", "earlier", 9_000_000, 1_000_000))).await;
    advance(&server, "2024-11-05T08:00:00Z").await;
    record(&rest, &of(call("b", "before-pro", 400_000, 100_000))).await;
    subscribe(&server, "user-123", "plan-pro").await;
    advance(&server, "2024-11-21T08:00:00Z").await;
    record(&rest, &of(call("c", "gpt-3.5-turbo", 750_000, 0))).await;
    let mine = user(&server, "user-123").await;
    assert_eq!(
        mine.get(STATS).await.body,
        r#"{"current_month_cost":45.50,"current_month_tokens":1250000,"subscription_plan":"pro","tokens_quota":1000000,"tokens_used":750000,"tokens_remaining":250000,"total_cost":245.50}"#
    );
}

async fn a_redeemed_coupon_looks_as_the_guide_shows(backend: Backend) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    let coupon = r#"{"code":"SAVE50","type":"percentage","value":50}"#;
    post(&rest, "/v1/billing/coupons", coupon).await;
    let mine = user(&server, "user-123").await;
    let answer = mine
        .post("/v1/billing/coupons/apply", r#"{"coupon_code":"SAVE50"}"#)
        .await;
    assert_eq!(
        answer.body,
        r#"{"message":"coupon applied successfully","coupon":{"code":"SAVE50","type":"percentage","value":50},"discount":{"type":"percentage","value":50,"description":"Save 50%"}}"#
    );
}

async fn a_quota_warning_looks_as_the_guide_shows(backend: Backend) {
    const SUFFICIENT: &str = r#"{"quota_warning":false,"message":"Your quota is sufficient."}"#;
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    let alice = user(&server, "alice").await;
    let warning = "/v1/billing/quota-warning";
    assert_eq!(alice.get(warning).await.body, SUFFICIENT);
    subscribe(&server, "alice", "plan-basic").await;
    record(&rest, &call("a", "gpt-4", 79_999, 0)).await;
    assert_eq!(alice.get(warning).await.body, SUFFICIENT);
    record(&rest, &call("b", "gpt-4", 0, 1)).await;
    assert_eq!(alice.get(warning).await.json()["quota_warning"], true);

    let settings = "/v1/billing/settings";
    for (threshold, warned) in [(19_999, false), (20_000, true)] {
        let body = format!(r#"{{"alert_threshold":{threshold}}}"#);
        assert_eq!(alice.put(settings, &body).await.status, 200);
        let answer = alice.get(warning).await;
        assert_eq!(answer.json()["quota_warning"], warned, "{threshold}");
    }
}
