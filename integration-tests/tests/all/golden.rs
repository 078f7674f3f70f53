//! Every REST answer, byte for byte, so that no shape, order or number format changes unnoticed.

use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest},
};

use crate::support::{advance, operator, user};

on_both_databases!(
    prices_look_as_documented,
    usage_looks_as_documented,
    figures_look_as_documented,
    plans_look_as_documented,
    errors_look_as_documented,
    invoices_look_as_documented,
    refused_invoices_look_as_documented,
);

const CLOCK: &str = "2024-11-15T10:30:00Z";
const GPT_4: &str = r#"{"model_id":"gpt-4","provider":"openai","prompt_price_per_k":0.030,"completion_price_per_k":"0.06"}"#;
const GPT_3_5: &str =
    r#"{"model_id":"gpt-3.5-turbo","prompt_price_per_k":0.0015,"completion_price_per_k":0.002}"#;
const GPT_4_STORED: &str = r#"{"model_id":"gpt-4","provider":"openai","prompt_price_per_k":0.03,"completion_price_per_k":0.06,"cached_prompt_price_per_k":null,"cache_write_price_per_k":null,"reasoning_price_per_k":null,"effective_from":"1970-01-01T00:00:00Z","created_at":"2024-11-15T10:30:00Z","id":"price-1","created_by":"operator"}"#;
const CLAUDE: &str = r#"{"model_id":"anthropic/claude","provider":"anthropic","prompt_price_per_k":3,"completion_price_per_k":15,"cached_prompt_price_per_k":3e-1,"cache_write_price_per_k":3.75,"reasoning_price_per_k":15.000000000001,"effective_from":"2024-11-01T02:00:00.5+02:00"}"#;
const CLAUDE_STORED: &str = r#"{"model_id":"anthropic/claude","provider":"anthropic","prompt_price_per_k":3,"completion_price_per_k":15,"cached_prompt_price_per_k":0.3,"cache_write_price_per_k":3.75,"reasoning_price_per_k":15.000000000001,"effective_from":"2024-11-01T00:00:00.500000Z","created_at":"2024-11-15T10:30:00Z","id":"price-2","created_by":"operator"}"#;

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock(CLOCK).start().await;
    let rest = operator(&server).await;
    (server, rest)
}

/// Compares an answer with the ids in it made equal.
#[track_caller]
fn assert_body(answer: &Answer, status: u16, expected: &str) {
    let kinds = ["rec", "inv", "crn"];
    let body = kinds.iter().fold(answer.body.clone(), same_ids);
    assert_eq!((answer.status, body.as_str()), (status, expected));
}

/// The body with every id of a kind replaced.
#[track_caller]
fn same_ids(body: String, kind: &&str) -> String {
    let prefix = format!("\"{kind}-");
    let mut parts = body.split(&prefix);
    let mut same = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_once('"').expect("the id ends");
        let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hex, "{kind}-{id}");
        same.push_str(&format!("\"{kind}-ID\"{rest}"));
    }
    same
}

async fn prices_look_as_documented(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let prices = "/v1/billing/prices";
    assert_body(
        &rest.get(prices).await,
        200,
        r#"{"prices":[],"next_page_token":""}"#,
    );
    assert_body(&rest.post(prices, GPT_4).await, 200, GPT_4_STORED);
    assert_body(&rest.post(prices, CLAUDE).await, 200, CLAUDE_STORED);
    let one = rest.get("/v1/billing/prices/anthropic/claude").await;
    assert_body(&one, 200, CLAUDE_STORED);
    let all = format!(r#"{{"prices":[{CLAUDE_STORED},{GPT_4_STORED}],"next_page_token":""}}"#);
    assert_body(&rest.get(prices).await, 200, &all);

    let import = format!(
        r#"{{"prices":[{GPT_4},{{"model_id":"free","prompt_price_per_k":0,"completion_price_per_k":0}},{{"model_id":"bad","prompt_price_per_k":0,"completion_price_per_k":-1}}]}}"#
    );
    assert_body(
        &rest.post("/v1/billing/prices-import", &import).await,
        200,
        r#"{"imported":1,"unchanged":1,"rejected":1,"problems":[{"code":"INVALID_FIELD","message":"must not be negative","field":"prices[2].completion_price_per_k"}]}"#,
    );
}

async fn usage_looks_as_documented(backend: Backend) {
    let (_server, rest) = start(backend).await;
    rest.post("/v1/billing/prices", GPT_4).await;
    rest.post("/v1/billing/prices", CLAUDE).await;
    let first = r#"{"id":"rec-ID","user_id":"user-123","subscription_id":"","model":"gpt-4","provider":"openai","request_id":"req-1","prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,"cached_prompt_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"cost_usd":0.06,"discount_rate":1,"covered_amount":0.00,"overage_tokens":0,"overage_cost":0.00,"discount_amount":0.00,"final_cost":0.06,"coupon_id":"","status":"completed","billing_month":"2024-11","created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z","invoice_month":"2024-11","corrects_id":"","void_reason":"","price_id":"price-1","unit_prices":{"prompt":0.03,"completion":0.06,"cached_prompt":0.03,"cache_write":0.03,"reasoning":0.06},"plan_id":"","invoice_id":""}"#;
    let second = r#"{"id":"rec-ID","user_id":"user-123","subscription_id":"","model":"anthropic/claude","provider":"bedrock","request_id":"req-2","prompt_tokens":1001,"completion_tokens":7,"total_tokens":1008,"cached_prompt_tokens":100,"cache_write_tokens":10,"reasoning_tokens":3,"cost_usd":2.845500000000003,"discount_rate":1,"covered_amount":0.00,"overage_tokens":0,"overage_cost":0.00,"discount_amount":0.00,"final_cost":2.845500000000003,"coupon_id":"","status":"completed","billing_month":"2024-11","created_at":"2024-11-14T08:00:00.123456Z","updated_at":"2024-11-15T10:30:00Z","invoice_month":"2024-11","corrects_id":"","void_reason":"","price_id":"price-2","unit_prices":{"prompt":3,"completion":15,"cached_prompt":0.3,"cache_write":3.75,"reasoning":15.000000000001},"plan_id":"","invoice_id":""}"#;

    let usage = "/v1/billing/usage";
    let call = r#"{"user_id":"user-123","request_id":"req-1","model":"gpt-4","prompt_tokens":1000,"completion_tokens":500}"#;
    let recorded = format!(r#"{{"record":{first},"duplicate":false}}"#);
    assert_body(&rest.post(usage, call).await, 200, &recorded);
    let repeated = format!(r#"{{"record":{first},"duplicate":true}}"#);
    assert_body(&rest.post(usage, call).await, 200, &repeated);
    let call = r#"{"userId":"user-123","requestId":"req-2","model":"anthropic/claude","provider":"bedrock","promptTokens":"1001","completionTokens":7,"totalTokens":1008,"cachedPromptTokens":100,"cacheWriteTokens":10,"reasoningTokens":3,"createdAt":"2024-11-14T08:00:00.123456Z"}"#;
    let recorded = format!(r#"{{"record":{second},"duplicate":false}}"#);
    let answer = rest.post(usage, call).await;
    assert_body(&answer, 200, &recorded);

    let id = answer.json()["record"]["id"].as_str().unwrap().to_owned();
    let path = format!("{usage}/{id}?user_id=user-123");
    assert_body(&rest.get(&path).await, 200, second);
    let both = format!(r#"{{"records":[{second},{first}],"next_page_token":""}}"#);
    let listed = rest.get("/v1/billing/usage?user_id=user-123").await;
    assert_body(&listed, 200, &both);
    let none = rest.get("/v1/billing/usage?user_id=nobody").await;
    assert_body(&none, 200, r#"{"records":[],"next_page_token":""}"#);
}

async fn figures_look_as_documented(backend: Backend) {
    let (server, rest) = start(backend).await;
    rest.post("/v1/billing/prices", GPT_4).await;
    let cost = format!(
        r#"{{"cost_usd":0.0123,"discount_rate":1,"covered_amount":0.00,"overage_tokens":0,"overage_cost":0.00,"discount_amount":0.00,"final_cost":0.0123,"price":{GPT_4_STORED}}}"#
    );
    let call =
        r#"{"user_id":"user-123","model":"gpt-4","prompt_tokens":10,"completion_tokens":200}"#;
    assert_body(&rest.post("/v1/billing/cost", call).await, 200, &cost);

    let mine = user(&server, "user-123").await;
    let none = r#"{"current_month_cost":0.00,"current_month_tokens":0,"subscription_plan":"","tokens_quota":0,"tokens_used":0,"tokens_remaining":0,"total_cost":0.00}"#;
    assert_body(&mine.get("/v1/billing/stats").await, 200, none);
    for (id, time, tokens) in [
        ("1", CLOCK, 1_500_000),
        ("2", "2024-10-01T00:00:00Z", 6_666_700),
    ] {
        let call = format!(
            r#"{{"user_id":"user-123","request_id":"{id}","model":"gpt-4","prompt_tokens":{tokens},"created_at":"{time}"}}"#
        );
        assert_eq!(rest.post("/v1/billing/usage", &call).await.status, 200);
    }
    let stats = r#"{"current_month_cost":45.00,"current_month_tokens":1500000,"subscription_plan":"","tokens_quota":0,"tokens_used":0,"tokens_remaining":0,"total_cost":245.001}"#;
    assert_body(&mine.get("/v1/billing/stats").await, 200, stats);

    let report = |month| format!("/v1/billing/reports/monthly?month={month}");
    assert_body(
        &rest.get(&report("2024-10")).await,
        200,
        r#"{"month":"2024-10","total_revenue":200.001,"total_tokens":6666700,"record_count":1,"avg_cost_per_record":200.001,"fees":0.00,"invoiced":0.00,"tax":0.00,"credited":0.00,"collected":0.00,"topups":0.00,"refunds":0.00,"lost_disputes":0.00,"provider_fees":0.00,"outstanding":0.00,"unapplied_credit":0.00,"prepaid_tokens":0.00,"recurring_revenue":0.00,"active_users":1}"#,
    );
    assert_body(
        &rest.get(&report("2024-09")).await,
        200,
        r#"{"month":"2024-09","total_revenue":0.00,"total_tokens":0,"record_count":0,"avg_cost_per_record":0.00,"fees":0.00,"invoiced":0.00,"tax":0.00,"credited":0.00,"collected":0.00,"topups":0.00,"refunds":0.00,"lost_disputes":0.00,"provider_fees":0.00,"outstanding":0.00,"unapplied_credit":0.00,"prepaid_tokens":0.00,"recurring_revenue":0.00,"active_users":0}"#,
    );
}

async fn plans_look_as_documented(backend: Backend) {
    let (server, _) = start(backend).await;
    let expected = concat!(
        r#"{"plans":[{"id":"plan-basic","name":"Basic","monthly_quota":100000,"monthly_price":9.99,"extra_token_price":0.00002,"#,
        r#""features":["Up to 100K tokens per month","Email support","Basic API access"],"#,
        r#""description":"Perfect for getting started","support_level":"email","max_concurrent_req":5,"rate_limit_per_min":60,"is_active":true,"display_order":1,"#,
        r#""created_at":"2024-11-21T00:00:00Z","updated_at":"2024-11-21T00:00:00Z","usage_pricing":"included","overage_discount_rate":1},"#,
        r#"{"id":"plan-pro","name":"Pro","monthly_quota":1000000,"monthly_price":99.99,"extra_token_price":0.00015,"#,
        r#""features":["Up to 1M tokens per month","Priority email support","Advanced API access","10% discount on overage"],"#,
        r#""description":"For professionals","support_level":"priority","max_concurrent_req":20,"rate_limit_per_min":300,"is_active":true,"display_order":2,"#,
        r#""created_at":"2024-11-21T00:00:00Z","updated_at":"2024-11-21T00:00:00Z","usage_pricing":"included","overage_discount_rate":0.9},"#,
        r#"{"id":"plan-enterprise","name":"Enterprise","monthly_quota":10000000,"monthly_price":999.99,"extra_token_price":0.0001,"#,
        r#""features":["Up to 10M tokens per month","24/7 phone support","Dedicated account manager"],"#,
        r#""description":"For large organizations","support_level":"dedicated","max_concurrent_req":100,"rate_limit_per_min":1000,"is_active":true,"display_order":3,"#,
        r#""created_at":"2024-11-21T00:00:00Z","updated_at":"2024-11-21T00:00:00Z","usage_pricing":"included","overage_discount_rate":1}]}"#,
    );
    let nobody = server.rest("");
    assert_body(&nobody.get("/v1/billing/plans").await, 200, expected);
    assert_body(&nobody.get("/healthz").await, 200, r#"{"status":"ok"}"#);
    assert_body(&nobody.get("/readyz").await, 200, r#"{"status":"ready"}"#);
}

async fn errors_look_as_documented(backend: Backend) {
    let (server, rest) = start(backend).await;
    assert_body(
        &rest
            .post("/v1/billing/usage", r#"{"prompt_tokens":-1,"model":"m"}"#)
            .await,
        400,
        r#"{"error":"prompt_tokens must be from 0 to 1000000000; request_id must not be empty","code":"INVALID_FIELD","details":[{"field":"prompt_tokens","description":"must be from 0 to 1000000000"},{"field":"request_id","description":"must not be empty"}]}"#,
    );
    assert_body(
        &rest.get("/v1/billing/prices/gpt-5").await,
        404,
        r#"{"error":"model \"gpt-5\" has no price at that time","code":"MODEL_NOT_FOUND","details":[]}"#,
    );
    assert_body(
        &rest.get("/v1/billing/usage/nonsense").await,
        404,
        r#"{"error":"there is no usage record \"nonsense\"","code":"USAGE_NOT_FOUND","details":[]}"#,
    );
    assert_body(
        &rest.get("/v1/billing/nonsense").await,
        404,
        r#"{"error":"no such path","code":"ROUTE_NOT_FOUND","details":[]}"#,
    );
    assert_body(
        &server.rest("").get("/v1/billing/stats").await,
        401,
        r#"{"error":"this call needs a token: authorization: Bearer <token>","code":"TOKEN_MISSING","details":[]}"#,
    );
}

/// What an invoice of November is for, and that nothing cancels it.
const PERIOD: &str = r#""service_start":"2024-11-01T00:00:00Z","service_end":"2024-12-01T00:00:00Z","cancellation_number":"","cancelled_at":null"#;
/// What documents say when neither seller nor buyer is named.
const PARTIES: &str = r#""parties":{"seller":{"name":"","address":"","country":"","tax_id":"","registration":"","footer":""},"buyer":{"name":"","address":"","country":"","tax_id":"","language":"en"}},"exemption":null,"tax_note":"""#;

/// The guide's invoice as a draft, issued and paid.
async fn invoices_look_as_documented(backend: Backend) {
    let (server, rest) = start(backend).await;
    let mine = user(&server, "user-123").await;
    for price in [GPT_4, GPT_3_5] {
        rest.post("/v1/billing/prices", price).await;
    }
    let invoices = "/v1/billing/invoices";
    let nothing = r#"{"invoices":[],"total":0}"#;
    assert_body(&mine.get(invoices).await, 200, nothing);
    for (model, tokens) in [("gpt-4", 500_000), ("gpt-3.5-turbo", 750_000)] {
        let call = format!(
            r#"{{"user_id":"user-123","request_id":"{model}","model":"{model}","prompt_tokens":{tokens}}}"#
        );
        assert_eq!(rest.post("/v1/billing/usage", &call).await.status, 200);
    }
    let items = concat!(
        r#""items":[{"model":"gpt-4","quantity":500000,"unit_price":0.03,"amount":15.00,"description":"AI API usage - gpt-4","type":"usage","#,
        r#""breakdown":[{"name":"prompt","tokens":500000,"unit_price":0.03,"amount":15.00,"price_id":"price-1","plan_version_id":""}],"period_start":null,"period_end":null,"exact_amount":15.00,"unit":"token","unit_price_per":1000},"#,
        r#"{"model":"gpt-3.5-turbo","quantity":750000,"unit_price":0.0015,"amount":1.13,"description":"AI API usage - gpt-3.5-turbo","type":"usage","#,
        r#""breakdown":[{"name":"prompt","tokens":750000,"unit_price":0.0015,"amount":1.125,"price_id":"price-2","plan_version_id":""}],"period_start":null,"period_end":null,"exact_amount":1.125,"unit":"token","unit_price_per":1000}],"#,
    );
    let draft = format!(
        r#"{{"id":"","user_id":"user-123","billing_month":"2024-11","status":"draft","amount":16.13,"final_amount":16.13,"currency":"USD","invoice_number":"",{items}"issued_at":null,"due_date":null,"discount_amount":0.00,"tax_amount":0.00,"discounts":[],"taxes":[],"paid_at":null,"payment_method":null,"transaction_id":null,"billing_address":"","notes":"","credit_applied":0.00,"amount_due":16.13,"credit_notes":[],"credited_amount":0.00,"rounding_difference":0.005,"document_number":"","parties":null,"exemption":null,"tax_note":"",{PERIOD}}}"#
    );
    let generate = format!("{invoices}/generate");
    let november = r#"{"billing_month":"2024-11"}"#;
    assert_body(&mine.post(&generate, november).await, 200, &draft);
    let preview = mine
        .get(&format!("{invoices}/preview?billing_month=2024-11"))
        .await;
    assert_body(&preview, 200, &draft);

    advance(&server, "2024-12-01T00:00:00Z").await;
    let issued = format!(
        r#"{{"id":"inv-ID","user_id":"user-123","billing_month":"2024-11","status":"issued","amount":16.13,"final_amount":16.13,"currency":"USD","invoice_number":"INV-user-123-2024-11",{items}"issued_at":"2024-12-01T00:00:00Z","due_date":"2024-12-31T00:00:00Z","discount_amount":0.00,"tax_amount":0.00,"discounts":[],"taxes":[],"paid_at":null,"payment_method":null,"transaction_id":null,"billing_address":"","notes":"","credit_applied":0.00,"amount_due":16.13,"credit_notes":[],"credited_amount":0.00,"rounding_difference":0.005,"document_number":"INV-2024-000001",{PARTIES},{PERIOD}}}"#
    );
    let answer = mine.post(&generate, november).await;
    assert_body(&answer, 200, &issued);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{invoices}/{id}");
    assert_body(&mine.get(&path).await, 200, &issued);
    let summary = |status, paid_at, due| {
        format!(
            r#"{{"invoices":[{{"id":"inv-ID","invoice_number":"INV-user-123-2024-11","billing_month":"2024-11","status":"{status}","amount":16.13,"issued_at":"2024-12-01T00:00:00Z","due_date":"2024-12-31T00:00:00Z","paid_at":{paid_at},"final_amount":16.13,"user_id":"user-123","amount_due":{due},"document_number":"INV-2024-000001"}}],"total":1}}"#
        )
    };
    let page = format!("{invoices}?page=1&page_size=10");
    assert_body(
        &mine.get(&page).await,
        200,
        &summary("issued", "null", "16.13"),
    );

    let paid = r#"{"user_id":"user-123","payment_method":"bank transfer","transaction_id":"tx-1"}"#;
    let paid = rest.post(&format!("{path}/mark-paid"), paid).await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    let note = r#"{"user_id":"user-123","amount":1.00,"reason":"goodwill","request_id":"r-1"}"#;
    let noted = format!(
        r#"{{"id":"crn-ID","user_id":"user-123","invoice_id":"inv-ID","amount":1.00,"tax_amount":0.00,"total":1.00,"reason":"goodwill","request_id":"r-1","created_at":"2024-12-01T00:00:00Z","number":"CN-INV-user-123-2024-11-1","applied_amount":0.00,"document_number":"CN-2024-000001",{PARTIES}}}"#
    );
    let answer = rest.post(&format!("{path}/credit-notes"), note).await;
    assert_body(&answer, 200, &noted);
    let paid = format!(
        r#"{{"id":"inv-ID","user_id":"user-123","billing_month":"2024-11","status":"paid","amount":16.13,"final_amount":16.13,"currency":"USD","invoice_number":"INV-user-123-2024-11",{items}"issued_at":"2024-12-01T00:00:00Z","due_date":"2024-12-31T00:00:00Z","discount_amount":0.00,"tax_amount":0.00,"discounts":[],"taxes":[],"paid_at":"2024-12-01T00:00:00Z","payment_method":"bank transfer","transaction_id":"tx-1","billing_address":"","notes":"","credit_applied":0.00,"amount_due":0.00,"credit_notes":[{noted}],"credited_amount":0.00,"rounding_difference":0.005,"document_number":"INV-2024-000001",{PARTIES},{PERIOD}}}"#
    );
    assert_body(&mine.get(&path).await, 200, &paid);
    let at = r#""2024-12-01T00:00:00Z""#;
    assert_body(&mine.get(&page).await, 200, &summary("paid", at, "0.00"));
    let none = format!("{invoices}?status=overdue");
    assert_body(&mine.get(&none).await, 200, nothing);
}

async fn refused_invoices_look_as_documented(backend: Backend) {
    let (server, _) = start(backend).await;
    let mine = user(&server, "user-123").await;
    let generate = "/v1/billing/invoices/generate";
    let october = mine.post(generate, r#"{"billing_month":"2024-10"}"#).await;
    assert_body(
        &october,
        400,
        r#"{"error":"month 2024-10: there is nothing to bill","code":"INVOICE_NOTHING_TO_BILL","details":[]}"#,
    );
    let december = mine.post(generate, r#"{"billing_month":"2024-12"}"#).await;
    assert_body(
        &december,
        400,
        r#"{"error":"billing_month must not be in the future","code":"INVALID_FIELD","details":[{"field":"billing_month","description":"must not be in the future"}]}"#,
    );
    assert_body(
        &mine.get("/v1/billing/invoices/nonsense").await,
        404,
        r#"{"error":"invoice \"nonsense\": there is no such invoice","code":"INVOICE_NOT_FOUND","details":[]}"#,
    );
}
