//! Billing settings and who may change them.

use billing_proto::v1::{self, settings_service_client::SettingsServiceClient};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Rest, bearer},
};
use prost_types::FieldMask;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{advance, assert_refused, operator, refusal, user};

on_both_databases!(
    settings_look_as_documented,
    fields_left_out_keep_their_value_and_the_last_write_wins,
    a_mask_chooses_fields_and_brings_defaults_back,
    faulty_settings_are_refused_and_name_every_field,
    users_change_their_own_settings_and_operators_all,
);

const CLOCK: &str = "2024-11-15T10:30:00Z";
const SETTINGS: &str = "/v1/billing/settings";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock(CLOCK).start().await;
    let alice = user(&server, "alice").await;
    (server, alice)
}

async fn settings_look_as_documented(backend: Backend) {
    let (server, alice) = start(backend).await;
    let defaults = r#"{"id":"settings-alice","user_id":"alice","billing_email":"","billing_address":"","tax_id":"","currency":"USD","auto_topup":true,"auto_topup_threshold":0,"auto_topup_amount":100.00,"invoice_frequency":"monthly","send_invoice_email":true,"alert_threshold":0,"enable_alerts":true,"created_at":null,"updated_at":null,"effective":{"auto_topup":false,"auto_topup_reason":"no payment provider is configured","send_invoice_email":false,"send_invoice_email_reason":"no mail server is configured"},"billing_name":"","billing_country":"","language":"en"}"#;
    let unset = alice.get(SETTINGS).await;
    assert_eq!((unset.status, unset.body.as_str()), (200, defaults));
    // Operators learn it from the log.
    for reason in ["no payment provider", "no mail server"] {
        assert!(server.log().contains(reason), "{}", server.log());
    }

    let sent = r#"{"billing_email":"billing@example.com","auto_topup":true,"auto_topup_threshold":10000,"auto_topup_amount":100.0,"enable_alerts":true,"alert_threshold":50000}"#;
    let expected = r#"{"id":"settings-alice","user_id":"alice","billing_email":"billing@example.com","billing_address":"","tax_id":"","currency":"USD","auto_topup":true,"auto_topup_threshold":10000,"auto_topup_amount":100.00,"invoice_frequency":"monthly","send_invoice_email":true,"alert_threshold":50000,"enable_alerts":true,"created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z","effective":{"auto_topup":false,"auto_topup_reason":"no payment provider is configured","send_invoice_email":false,"send_invoice_email_reason":"no mail server is configured"},"billing_name":"","billing_country":"","language":"en"}"#;
    let set = alice.put(SETTINGS, sent).await;
    assert_eq!((set.status, set.body.as_str()), (200, expected));
    assert_eq!(alice.get(SETTINGS).await.body, expected);

    advance(&server, "2024-11-16T00:00:00Z").await;
    let all = r#"{"id":"x","user_id":"bob","billing_email":"","billing_address":"1 High Street\nOxford","tax_id":"GB1","currency":"USD","auto_topup":false,"auto_topup_threshold":"7","auto_topup_amount":"12.5","invoice_frequency":"monthly","send_invoice_email":false,"alert_threshold":0,"enable_alerts":false,"created_at":"2000-01-01T00:00:00Z","updated_at":null,"effective":{"auto_topup":true},"billing_name":"Alice Ltd","billing_country":"gb","language":"zh"}"#;
    let expected = r#"{"id":"settings-alice","user_id":"alice","billing_email":"","billing_address":"1 High Street\nOxford","tax_id":"GB1","currency":"USD","auto_topup":false,"auto_topup_threshold":7,"auto_topup_amount":12.50,"invoice_frequency":"monthly","send_invoice_email":false,"alert_threshold":0,"enable_alerts":false,"created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-16T00:00:00Z","effective":{"auto_topup":false,"auto_topup_reason":"no payment provider is configured","send_invoice_email":false,"send_invoice_email_reason":"no mail server is configured"},"billing_name":"Alice Ltd","billing_country":"GB","language":"zh"}"#;
    let set = alice.put(SETTINGS, all).await;
    assert_eq!((set.status, set.body.as_str()), (200, expected));
    assert_eq!(alice.get(SETTINGS).await.body, expected);
}

async fn fields_left_out_keep_their_value_and_the_last_write_wins(backend: Backend) {
    let (_server, alice) = start(backend).await;
    let mut expected = alice.get(SETTINGS).await.json();
    for (field, value) in [
        ("billing_email", json!("a@example.com")),
        ("billing_address", json!("1 High Street")),
        ("tax_id", json!("GB1")),
        ("auto_topup", json!(false)),
        ("auto_topup_threshold", json!(1)),
        ("auto_topup_amount", json!(2.5)),
        ("send_invoice_email", json!(false)),
        ("alert_threshold", json!(3)),
        ("enable_alerts", json!(false)),
        ("billing_email", json!("b@example.com")),
        ("billing_email", json!("")),
        ("auto_topup", json!(true)),
        ("alert_threshold", json!(0)),
    ] {
        // Null is left out.
        let mut change = json!({"billing_email": null, "alert_threshold": null});
        change[field] = value.clone();
        let changed = alice.put(SETTINGS, &change.to_string()).await.json();
        expected[field] = value;
        expected["created_at"] = CLOCK.into();
        expected["updated_at"] = CLOCK.into();
        assert_eq!(changed, expected, "{field}");
        assert_eq!(alice.get(SETTINGS).await.json(), expected, "{field}");
    }
    assert_eq!(alice.put(SETTINGS, "{}").await.json(), expected);
}

async fn a_mask_chooses_fields_and_brings_defaults_back(backend: Backend) {
    let (server, alice) = start(backend).await;
    let token = server.token("alice", "").await;
    let channel = server.channel().await;
    let mut client = SettingsServiceClient::with_interceptor(channel, bearer(&token));
    let mut update = async |settings: v1::Settings, mask: &[&str]| {
        let paths = mask.iter().map(|&path| path.to_owned()).collect();
        let request = v1::UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: Some(FieldMask { paths }),
            user_id: String::new(),
        };
        client.update_settings(request).await
    };
    let sent = v1::Settings {
        tax_id: Some("GB1".into()),
        alert_threshold: Some(7),
        enable_alerts: Some(false),
        ..v1::Settings::default()
    };
    let all = update(sent.clone(), &[]).await.unwrap().into_inner();
    assert_eq!((all.tax_id(), all.alert_threshold()), ("GB1", 7));
    let change = v1::Settings {
        tax_id: Some("GB2".into()),
        enable_alerts: Some(true),
        ..v1::Settings::default()
    };
    let mask = ["tax_id", "alert_threshold", "updated_at", "effective"];
    let some = update(change, &mask).await.unwrap().into_inner();
    assert_eq!((some.tax_id(), some.alert_threshold()), ("GB2", 0));
    assert!(!some.enable_alerts());
    let status = update(sent, &["tax_id", "taxId", ""]).await.unwrap_err();
    let fields = vec!["update_mask".to_owned(); 2];
    let expected = (Code::InvalidArgument, "INVALID_FIELD".to_owned(), fields);
    assert_eq!(refusal(&status), expected);

    let path = format!("{SETTINGS}?update_mask.paths=tax_id");
    let over_rest = alice.put(&path, r#"{"alert_threshold":9}"#).await.json();
    assert_eq!(
        (&over_rest["tax_id"], &over_rest["alert_threshold"]),
        (&json!(""), &json!(0))
    );
}

/// Values of one setting that are refused by naming it.
const FAULTY: [(&str, &str); 10] = [
    (
        "billing_email",
        r#"["x", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a@b\u0000", 5, []]"#,
    ),
    ("billing_address", r#"["a\u0000", "a\tb", 5]"#),
    ("tax_id", r#"["a\nb", 5, {}]"#),
    ("auto_topup", r#"["true", 1, []]"#),
    ("auto_topup_threshold", r#"[-1, 1.5, "x", true]"#),
    (
        "auto_topup_amount",
        r#"[0, -5, 0.001, 100000.01, "x", "", true]"#,
    ),
    ("invoice_frequency", r#"["", "weekly", "Monthly"]"#),
    ("send_invoice_email", r#"["yes", 0]"#),
    ("alert_threshold", r#"[-1, 9223372036854775808, "x"]"#),
    ("enable_alerts", r#"["false", 0]"#),
];

async fn faulty_settings_are_refused_and_name_every_field(backend: Backend) {
    let (_server, alice) = start(backend).await;
    let mut faulty: Vec<(&str, Value)> = vec![
        (
            "billing_email",
            format!("{}@example.com", "x".repeat(243)).into(),
        ),
        ("billing_address", "é".repeat(1_001).into()),
        ("tax_id", "x".repeat(65).into()),
    ];
    for (field, values) in FAULTY {
        let values: Vec<Value> = serde_json::from_str(values).unwrap();
        faulty.extend(values.into_iter().map(|value| (field, value)));
    }
    let before = alice.get(SETTINGS).await;
    for (field, value) in faulty {
        let answer = alice
            .put(SETTINGS, &json!({field: value}).to_string())
            .await;
        assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
    }
    for currency in ["EUR", "usd", ""] {
        let body = json!({"currency": currency, "tax_id": "\t"}).to_string();
        let answer = alice.put(SETTINGS, &body).await;
        assert_refused(&answer, 400, "SETTING_CURRENCY", &["currency", "tax_id"]);
    }
    let answer = alice.put(SETTINGS, r#"{"locale":"en"}"#).await;
    assert_refused(&answer, 400, "UNKNOWN_FIELD", &["locale"]);
    let nested = alice
        .put(SETTINGS, r#"{"settings":{"tax_id":"GB1"}}"#)
        .await;
    assert_refused(&nested, 400, "UNKNOWN_FIELD", &["settings"]);
    assert_eq!(alice.get(SETTINGS).await, before);
}

async fn users_change_their_own_settings_and_operators_all(backend: Backend) {
    let (server, alice) = start(backend).await;
    let nobody = server.rest("");
    let token = server.token("gateway", "usage:write").await;
    let gateway = server.rest(&token);
    let of_bob = "/v1/billing/settings?user_id=bob";
    assert_refused(&nobody.get(SETTINGS).await, 401, "TOKEN_MISSING", &[]);
    assert_refused(&nobody.put(SETTINGS, "{}").await, 401, "TOKEN_MISSING", &[]);
    for other in [&alice, &gateway] {
        assert_refused(&other.get(of_bob).await, 403, "OTHER_USER", &[]);
        assert_refused(&other.put(of_bob, "{}").await, 403, "OTHER_USER", &[]);
    }
    let operator = operator(&server).await;
    let set = operator.put(of_bob, r#"{"tax_id":"GB1"}"#).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let bob = user(&server, "bob").await;
    assert_eq!(bob.get(SETTINGS).await, set);
    assert_eq!(bob.get(of_bob).await, set);
    assert_eq!(alice.get(SETTINGS).await.json()["tax_id"], "");
    let answer = operator.get("/v1/billing/settings?user_id=%20").await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["user_id"]);
}
