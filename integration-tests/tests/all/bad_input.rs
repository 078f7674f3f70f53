//! What callers get wrong: each fault is refused by its own code, nothing is written, and the
//! server serves on.

mod fields;
mod grpc;
mod ids;
mod requests;

use integration_tests::{
    Backend, TestServer,
    server::{Answer, Rest},
};
use serde_json::Value;

use crate::support::{call, operator, record, set_price};

const USAGE: &str = "/v1/billing/usage";
const COST: &str = "/v1/billing/cost";
const PRICES: &str = "/v1/billing/prices";
const IMPORT: &str = "/v1/billing/prices-import";

/// A server with a price and a record, and a limit that is soon reached.
async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend)
        .clock("2024-11-15T10:30:00Z")
        .flag("--max-message-bytes", "65536")
        .start()
        .await;
    let rest = operator(&server).await;
    set_price(&rest, "m", "1", "1").await;
    record(&rest, &call("first", "m", 1, 1)).await;
    (server, rest)
}

/// Everything that a refused call must not change.
async fn everything(rest: &Rest) -> Vec<Answer> {
    let mut seen = Vec::new();
    for path in [
        "/v1/billing/stats?user_id=alice",
        "/v1/billing/usage?user_id=alice",
        "/v1/billing/reports/monthly?month=2024-11",
        PRICES,
    ] {
        let answer = rest.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        seen.push(answer);
    }
    seen
}

/// A call without fault.
fn usage() -> Value {
    call("r", "m", 1, 1)
}
