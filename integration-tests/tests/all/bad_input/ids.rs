//! Ids that look wrong and are not: they come back as they were sent, also through paths.

use integration_tests::{Backend, TestServer, on_both_databases};

use crate::support::{call, digits, operator, record, set_price, with};

on_both_databases!(strange_ids_come_back_as_they_were_sent);

const STRANGE: [&str; 12] = [
    "anthropic/claude-3:beta@2024",
    "a//b",
    "/lead",
    "trail/",
    "100%",
    "%41",
    "two words",
    "a+b&c=d?e#f",
    "模型-é-🙂",
    "quote\" \\ back",
    "{id}",
    "*",
];

/// Every byte that could mean something in a URL, escaped.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let bytes = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

async fn strange_ids_come_back_as_they_were_sent(backend: Backend) {
    let server = TestServer::start(backend).await;
    let rest = operator(&server).await;
    let longest = "é".repeat(64);
    for id in STRANGE.into_iter().chain([longest.as_str()]) {
        let price = serde_json::json!({
            "model_id": id, "provider": id, "prompt_price_per_k": 1, "completion_price_per_k": 1,
        });
        let set = rest.post("/v1/billing/prices", &price.to_string()).await;
        assert_eq!(set.status, 200, "{id}: {}", set.body);
        let read = rest
            .get(&format!("/v1/billing/prices/{}", escaped(id)))
            .await;
        assert_eq!(read, set, "{id}");

        let usage = with(call(id, id, 1_000, 0), "user_id", id);
        let recorded = record(&rest, &usage).await.json()["record"].clone();
        for field in ["user_id", "request_id", "model", "provider"] {
            assert_eq!(recorded[field], id);
        }
        let id = escaped(id);
        let query = format!("user_id={id}&model={id}&request_id={id}");
        let listed = rest.get(&format!("/v1/billing/usage?{query}")).await.json();
        assert_eq!(listed["records"], serde_json::json!([recorded]), "{id}");
        let stats = rest.get(&format!("/v1/billing/stats?user_id={id}")).await;
        assert_eq!(digits(&stats, "total_cost"), "1.00", "{id}");
    }
    // Slashes and colons may also stand in the path as they are.
    set_price(&rest, "a/b:c@d", "2", "0").await;
    let read = rest.get("/v1/billing/prices/a/b:c@d").await;
    assert_eq!(digits(&read, "model_id"), "\"a/b:c@d\"");
}
