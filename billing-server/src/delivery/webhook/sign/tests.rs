use std::{
    io::Write,
    process::{Command, Stdio},
    slice,
};

use integration_tests::tools;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::{Clock, SystemClock},
    delivery::webhook::generate_secret,
};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../integration-tests/tests/python/verify_webhooks.py"
);

const ID: &str = "evt_1";
const AT: i64 = 1_731_667_800;
const BODY: &str = r#"{"type":"invoice.paid"}"#;

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::trusted(format!("whsec_{}", STANDARD.encode([byte; 32])))
}

/// Calculated with Python's hmac: `hmac(key, f"{id}.{at}.{body}", sha256)`.
#[test]
fn a_signature_is_the_hmac_of_id_time_and_body() {
    let signed = signatures(&[secret(1)], ID, AT, BODY).unwrap();
    assert_eq!(signed, "v1,O9nRjMh4WREOn4CYVVcJr9+5JRT0vLmit5v0DOEY1kg=");
}

#[test]
fn each_secret_signs_in_its_order() {
    let [new, old] = [secret(1), secret(2)];
    let both = signatures(&[new.clone(), old.clone()], ID, AT, BODY).unwrap();
    let alone = [new, old].map(|secret| signatures(&[secret], ID, AT, BODY).unwrap());
    assert_eq!(both, alone.join(" "));
}

#[rstest::rstest]
#[case::another_id("evt_2", AT, BODY)]
#[case::another_time(ID, AT + 1, BODY)]
#[case::another_body(ID, AT, "{}")]
fn what_is_signed_cannot_be_altered(#[case] id: &str, #[case] at: i64, #[case] body: &str) {
    let secrets = [secret(1)];
    let first = signatures(&secrets, ID, AT, BODY);
    assert_ne!(signatures(&secrets, id, at, body), first);
}

#[test]
fn nothing_is_signed_with_what_is_no_secret() {
    let none = WebhookSecret::trusted("whsec_".to_owned());
    assert_eq!(signatures(&[secret(1), none], ID, AT, BODY), None);
}

/// What the library of Standard Webhooks says of each webhook; `None` where it is missing.
fn verified(webhooks: &[Value]) -> Option<Vec<String>> {
    let python = tools::python_with_standardwebhooks()?;
    let mut running = Command::new(python)
        .args(["-I", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = running.stdin.take().unwrap();
    serde_json::to_writer(&input, webhooks).unwrap();
    input.flush().unwrap();
    drop(input);
    let output = running.wait_with_output().unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_library_of_receivers_verifies_what_is_signed_and_nothing_else() {
    const REFUSED: &str = "No matching signature found";
    let [new, old, foreign] = [(); 3].map(|()| generate_secret().unwrap());
    let now = SystemClock.now().timestamp();
    let webhook = |secret: &WebhookSecret, id: &str, at: i64, signature: &str, body: &str| {
        json!({
            "secret": secret.reveal(),
            "headers": {
                "webhook-id": id,
                "webhook-timestamp": at.to_string(),
                "webhook-signature": signature,
            },
            "body": body,
        })
    };
    let alone = signatures(slice::from_ref(&new), ID, now, BODY).unwrap();
    let both = signatures(&[new.clone(), old.clone()], ID, now, BODY).unwrap();
    let early = now - 10 * 60;
    let too_old = signatures(slice::from_ref(&new), ID, early, BODY).unwrap();
    let cases = [
        (webhook(&new, ID, now, &alone, BODY), "verified"),
        // While rotating, receivers that have changed over and those that have not.
        (webhook(&new, ID, now, &both, BODY), "verified"),
        (webhook(&old, ID, now, &both, BODY), "verified"),
        (webhook(&old, ID, now, &alone, BODY), REFUSED),
        (webhook(&foreign, ID, now, &both, BODY), REFUSED),
        (webhook(&new, "evt_2", now, &both, BODY), REFUSED),
        (webhook(&new, ID, now + 1, &both, BODY), REFUSED),
        (webhook(&new, ID, now, &both, "{}"), REFUSED),
        (
            webhook(&new, ID, early, &too_old, BODY),
            "Message timestamp too old",
        ),
    ];
    let webhooks = cases.each_ref().map(|(webhook, _)| webhook.clone());
    let Some(seen) = verified(&webhooks) else {
        return;
    };
    for ((webhook, expected), seen) in cases.iter().zip(seen) {
        assert_eq!(seen, *expected, "{webhook}");
    }
}
