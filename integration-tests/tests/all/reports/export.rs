//! A month's records as a file.

use std::collections::BTreeMap;

use billing_client::{
    BillingClient, Error,
    v1::{ExportUsageRequest, ExportUsageResponse},
};
use futures_util::TryStreamExt;
use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tonic::Code;

use super::{client, of, record_november, start};
use crate::support::{EVERYTHING, call, digits, operator, record, set_example_prices, with};

on_both_databases!(
    an_export_has_every_record_of_the_month_and_recorded_again_it_adds_up,
    a_long_export_comes_in_parts_and_misses_and_repeats_nothing,
    users_export_their_own_records,
    an_export_ends_when_the_server_goes_down,
);

const REPORT: &str = "/v1/billing/reports/monthly?month=2024-11";

pub(super) type Line = BTreeMap<String, String>;

fn november(user: &str) -> ExportUsageRequest {
    ExportUsageRequest {
        month: "2024-11".to_owned(),
        user_id: user.to_owned(),
        ..ExportUsageRequest::default()
    }
}

async fn parts(client: &BillingClient, user: &str) -> Result<Vec<String>, Error> {
    let parts = client.export_usage(november(user)).await?;
    let texts = parts.map_ok(|ExportUsageResponse { chunk }| chunk);
    texts.try_collect().await
}

/// The lines of a file by the names of its columns.
pub(super) fn lines(file: &str) -> Vec<Line> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let lines = reader.deserialize::<Line>();
    lines
        .collect::<Result<_, _>>()
        .expect("every line has every column")
}

pub(super) async fn export(client: &BillingClient, user: &str) -> Vec<Line> {
    lines(&parts(client, user).await.unwrap().concat())
}

async fn an_export_has_every_record_of_the_month_and_recorded_again_it_adds_up(backend: Backend) {
    let (server, rest) = start(backend).await;
    record_november(&rest).await;
    let strange = of(
        "d,\"o\"ra é",
        "2024-11-04T00:00:00.5Z",
        call("=1+2", "gpt-4", 1, 1),
    );
    record(&rest, &strange).await;

    let file = server.cli(&["report", "--month", "2024-11", "--csv"]).await;
    assert!(file.status.success());
    let file = String::from_utf8(file.stdout).unwrap();
    let client = client(&server, "operator", EVERYTHING).await;
    assert_eq!(parts(&client, "").await.unwrap().concat(), file);
    assert!(file.contains(",\"d,\"\"o\"\"ra é\",,gpt-4,,'=1+2,1,1,2,0,0,0,0.00009,1,0.00,0,"));
    assert!(file.ends_with(
        ",completed,2024-11,2024-11-04T00:00:00.500Z,2024-11-15T10:30:00Z,2024-11,,,price-1,0.03,0.06,0.03,0.03,\
         0.06,,\r\n"
    ));

    let lines = lines(&file);
    let users: Vec<_> = lines.iter().map(|line| line["user_id"].as_str()).collect();
    let expected = ["alice"; 4]
        .into_iter()
        .chain(["bob"; 3])
        .chain(["carol"; 2]);
    assert_eq!(users, expected.chain(["d,\"o\"ra é"]).collect::<Vec<_>>());
    let sum = |column: &str| {
        lines
            .iter()
            .map(|line| line[column].parse::<Decimal>().unwrap())
            .sum::<Decimal>()
    };
    let report = rest.get(REPORT).await;
    assert_eq!(
        sum("final_cost").normalize().to_string(),
        digits(&report, "total_revenue")
    );
    assert_eq!(
        sum("total_tokens").to_string(),
        digits(&report, "total_tokens")
    );

    let other = TestServer::builder(backend)
        .clock("2024-11-15T10:30:00Z")
        .start()
        .await;
    let again = operator(&other).await;
    set_example_prices(&again).await;
    let numbers = ["prompt_tokens", "completion_tokens", "total_tokens"];
    for line in lines.iter().filter(|line| line["status"] == "completed") {
        let mut call = json!({});
        for column in ["user_id", "request_id", "model", "provider", "created_at"] {
            call = with(call, column, line[column].as_str());
        }
        for column in numbers {
            call = with(call, column, line[column].parse::<i64>().unwrap());
        }
        record(&again, &call).await;
    }
    assert_eq!(again.get(REPORT).await, report);
}

async fn a_long_export_comes_in_parts_and_misses_and_repeats_nothing(backend: Backend) {
    let (server, rest) = start(backend).await;
    let users = ["alice", "bob"];
    // 500 lines make a part: alice ends within the second, the last is full.
    for (user, records) in users.into_iter().zip([750, 250]) {
        let calls =
            (0..records).map(|n| with(call(&n.to_string(), "gpt-4", n, 0), "user_id", user));
        let batch = json!({"records": calls.collect::<Value>()}).to_string();
        assert_eq!(
            rest.post("/v1/billing/usage/batch", &batch).await.status,
            200
        );
    }
    let client = client(&server, "operator", EVERYTHING).await;
    for (user, expected) in [
        ("", vec![500, 500, 0]),
        ("alice", vec![500, 250]),
        ("bob", vec![250]),
    ] {
        let parts = parts(&client, user).await.unwrap();
        let file = parts.concat();
        let sizes = parts.iter().map(|part| part.lines().count());
        // The header is in the first.
        let sizes: Vec<_> = sizes
            .enumerate()
            .map(|(n, size)| size - usize::from(n == 0))
            .collect();
        assert_eq!(sizes, expected, "{user}");
        let found = lines(&file);
        let keys: Vec<_> = found
            .iter()
            .map(|line| (&line["user_id"], &line["id"]))
            .collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{user}");
        let named = |line: &&Line| user.is_empty() || line["user_id"] == user;
        assert_eq!(
            found.iter().filter(named).count(),
            expected.iter().sum::<usize>()
        );
    }
}

async fn users_export_their_own_records(backend: Backend) {
    let (server, rest) = start(backend).await;
    record_november(&rest).await;
    let alice = client(&server, "alice", "").await;
    let own = export(&alice, "").await;
    assert_eq!(own.len(), 4);
    assert!(own.iter().all(|line| line["user_id"] == "alice"));
    assert_eq!(export(&alice, "alice").await, own);
    assert_eq!(
        parts(&alice, "bob").await.unwrap_err().reason(),
        "OTHER_USER"
    );
    // Who has nothing gets the header.
    let nobody = client(&server, "nobody", "usage:write").await;
    let file = parts(&nobody, "").await.unwrap().concat();
    assert!(
        file.starts_with("id,user_id,") && file.lines().count() == 1,
        "{file}"
    );
}

async fn an_export_ends_when_the_server_goes_down(backend: Backend) {
    let (mut server, rest) = start(backend).await;
    // More than a connection buffers, so that the server waits for the reader.
    let long = "x".repeat(120);
    let calls = (0..8_000).map(|n| call(&format!("{long}{n}"), "gpt-4", 1, 0));
    let calls = calls.map(|call| with(call, "user_id", long.as_str()));
    let batch = json!({"records": calls.collect::<Value>()}).to_string();
    let recorded = rest.post("/v1/billing/usage/batch", &batch).await;
    assert_eq!(recorded.status, 200);
    let client = client(&server, "operator", EVERYTHING).await;
    let parts = client.export_usage(november("")).await.unwrap();
    let addr = server.addr();
    let read = async {
        // It goes down once it takes no more connections.
        while TcpStream::connect(addr).await.is_ok() {}
        parts.try_fold(0, async |parts, _| Ok(parts + 1)).await
    };
    let (_, read) = tokio::join!(server.terminate(), read);
    let error = read.unwrap_err();
    let seen = (error.code(), error.reason());
    let expected = (Some(Code::Unavailable), "DATABASE_UNAVAILABLE");
    assert_eq!(seen, expected, "{error}");
}
