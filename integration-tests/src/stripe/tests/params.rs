//! Parameters, and what they ask for.

use super::*;

/// Calls that are refused: where, with what, by which code, and for which parameter.
const WRONG: [(&str, &str, &str, &str); 15] = [
    ("customers", "user=1", "parameter_unknown", "user"),
    (
        "payment_intents",
        "amount=1000",
        "parameter_missing",
        "currency",
    ),
    (
        "payment_intents",
        "currency=usd",
        "parameter_missing",
        "amount",
    ),
    (
        "payment_intents",
        "amount=1.5&currency=usd",
        "parameter_invalid_integer",
        "amount",
    ),
    (
        "payment_intents",
        "amount=1000&currency=eur",
        "parameter_invalid",
        "currency",
    ),
    (
        "payment_intents",
        "amount=49&currency=usd",
        "amount_too_small",
        "amount",
    ),
    (
        "payment_intents",
        "amount=100000000&currency=usd",
        "amount_too_large",
        "amount",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&customer=cus_0",
        "resource_missing",
        "customer",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&customer=",
        "parameter_invalid_empty",
        "customer",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&confirm=yes",
        "parameter_invalid",
        "confirm",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&expand[]=review",
        "parameter_invalid",
        "expand",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&expand[]=data.latest_charge",
        "parameter_invalid",
        "expand",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&off_session=true",
        "parameter_unknown",
        "off_session",
    ),
    (
        "refunds",
        "amount=50",
        "parameter_missing",
        "payment_intent",
    ),
    (
        "refunds",
        "payment_intent=pi_0",
        "resource_missing",
        "payment_intent",
    ),
];

#[tokio::test]
async fn parameters_are_checked() {
    let caller = Caller::new().await;
    for (path, form, code, param) in WRONG {
        let refused = caller.refused(path, form).await;
        assert_eq!(refused, (400, json!(code), json!(param)), "{path} {form}");
    }
    assert!(caller.fake.intents().is_empty());
}

#[tokio::test]
async fn only_forms_are_read() {
    let caller = Caller::new().await;
    let url = format!("{}/v1/customers", caller.fake.api_base());
    let json = Caller::signed(caller.client.post(url).json(&json!({"name": "a"})));
    assert_eq!(Caller::send(json).await.0, 400);
}

#[tokio::test]
async fn a_method_that_may_redirect_needs_a_return_url() {
    let caller = Caller::new().await;
    let (_, customer) = caller.post("customers", "").await;
    let customer = customer["id"].as_str().expect("it has an id");
    let method = caller.fake.add_method(customer, Behaviour::Pays);
    let redirects = "automatic_payment_methods[enabled]=true";
    let form = format!("{INTENT}&customer={customer}&payment_method={method}&{redirects}");
    let (_, intent) = caller.post("payment_intents", &form).await;
    let path = format!(
        "payment_intents/{}/confirm",
        intent["id"].as_str().expect("an id")
    );
    let refused = caller.refused(&path, "").await;
    assert_eq!(
        refused,
        (400, json!("parameter_missing"), json!("return_url"))
    );
    let (status, intent) = caller.post(&path, "return_url=https://example.com").await;
    assert_eq!((status, &intent["status"]), (200, &json!("succeeded")));
}

#[tokio::test]
async fn lists_have_pages() {
    let caller = Caller::new().await;
    let paid: Vec<String> = (0..12)
        .map(|_| caller.fake.pay_elsewhere(100, "usd"))
        .collect();
    let (_, page) = caller.get("payment_intents").await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(page["data"][0]["id"], json!(paid[11]));
    assert_eq!(page["has_more"], true);
    let (_, page) = caller
        .get(&format!("payment_intents?starting_after={}", paid[2]))
        .await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["has_more"], false);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "starting_after=pi_0",
        "page=2",
    ] {
        let (status, _) = caller.get(&format!("payment_intents?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}
