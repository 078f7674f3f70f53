//! Every method of the API, counted over its descriptor, answers to the Rust client, to grpcurl and
//! over REST.
//!
//! Each is called with an empty request: what counts is that its own handler answers, be it with a
//! refusal.

use std::collections::{BTreeMap, BTreeSet};

use billing_client::{BillingClient, Error, METHODS, v1};
use integration_tests::{Backend, TestServer};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    foreign::Grpcurl,
    support::{EVERYTHING, operator},
};

/// What has no place in REST: it streams, takes minutes or moves a test's clock.
const NOT_OVER_REST: [&str; 6] = [
    "billing.v1.DebugService.AdvanceClock",
    "billing.v1.InvoiceService.CloseMonth",
    "billing.v1.InvoiceService.ReconcileMonth",
    "billing.v1.PaymentService.ReconcileTransactions",
    "billing.v1.ReportService.ExportUsage",
    "billing.v1.UsageService.StreamUsage",
];

/// With a test clock, so that it serves every service.
async fn start() -> TestServer {
    let server = TestServer::builder(Backend::Sqlite).clock("2024-11-15T10:30:00Z");
    server.start().await
}

/// The methods of the descriptor by their full names.
fn methods() -> BTreeMap<String, MethodDescriptor> {
    let pool = DescriptorPool::decode(billing_proto::FILE_DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = pool.services().collect();
    let methods = services.iter().flat_map(|service| service.methods());
    methods
        .map(|method| (method.full_name().to_owned(), method))
        .collect()
}

type Called = BTreeMap<String, Result<(), Error>>;

macro_rules! calls {
    ($($call:ident $request:ident,)*) => {
        /// Calls every method of the client.
        async fn call_all(client: &BillingClient) -> Called {
            let mut called = Called::new();
            $(
                let answer = client.$call(v1::$request::default()).await;
                called.insert(stringify!($call).to_owned(), answer.map(drop));
            )*
            let batch = client.record_usage_batch([v1::RecordUsageRequest::default()]).await;
            called.insert("record_usage_batch".to_owned(), batch.map(drop));
            let stream = client.stream_usage().await;
            called.insert("stream_usage".to_owned(), stream.map(drop));
            called
        }
    };
}

calls! {
    get_account GetAccountRequest,
    set_discount_rate SetDiscountRateRequest,
    set_tax SetTaxRequest,
    create_coupon CreateCouponRequest,
    list_coupons ListCouponsRequest,
    deactivate_coupon DeactivateCouponRequest,
    validate_coupon ValidateCouponRequest,
    apply_coupon ApplyCouponRequest,
    list_redemptions ListRedemptionsRequest,
    advance_clock AdvanceClockRequest,
    generate_invoice GenerateInvoiceRequest,
    preview_invoice PreviewInvoiceRequest,
    list_invoices ListInvoicesRequest,
    export_invoices ExportInvoicesRequest,
    get_invoice GetInvoiceRequest,
    finalise_invoice FinaliseInvoiceRequest,
    void_invoice VoidInvoiceRequest,
    mark_invoice_paid MarkInvoicePaidRequest,
    create_credit_note CreateCreditNoteRequest,
    list_credit_notes ListCreditNotesRequest,
    list_document_series ListDocumentSeriesRequest,
    set_document_series SetDocumentSeriesRequest,
    close_month CloseMonthRequest,
    reconcile_month ReconcileMonthRequest,
    create_payment_setup CreatePaymentSetupRequest,
    attach_payment_method AttachPaymentMethodRequest,
    list_payment_methods ListPaymentMethodsRequest,
    set_default_payment_method SetDefaultPaymentMethodRequest,
    detach_payment_method DetachPaymentMethodRequest,
    pay_invoice PayInvoiceRequest,
    top_up TopUpRequest,
    create_paypal_order CreatePaypalOrderRequest,
    capture_paypal_order CapturePaypalOrderRequest,
    list_transactions ListTransactionsRequest,
    reconcile_transactions ReconcileTransactionsRequest,
    clear_attention ClearAttentionRequest,
    refund RefundRequest,
    get_transaction GetTransactionRequest,
    list_events ListEventsRequest,
    get_event GetEventRequest,
    redeliver_event RedeliverEventRequest,
    redeliver_dead RedeliverDeadRequest,
    recover_endpoint RecoverEndpointRequest,
    send_test_event SendTestEventRequest,
    list_plans ListPlansRequest,
    get_plan GetPlanRequest,
    create_plan CreatePlanRequest,
    update_plan UpdatePlanRequest,
    deactivate_plan DeactivatePlanRequest,
    list_model_prices ListModelPricesRequest,
    list_price_history ListPriceHistoryRequest,
    get_model_price GetModelPriceRequest,
    set_model_price SetModelPriceRequest,
    import_model_prices ImportModelPricesRequest,
    get_monthly_report GetMonthlyReportRequest,
    get_usage_breakdown GetUsageBreakdownRequest,
    list_top_users ListTopUsersRequest,
    export_usage ExportUsageRequest,
    get_settings GetSettingsRequest,
    update_settings UpdateSettingsRequest,
    get_stats GetStatsRequest,
    get_quota_warning GetQuotaWarningRequest,
    subscribe SubscribeRequest,
    get_subscription GetSubscriptionRequest,
    list_subscriptions ListSubscriptionsRequest,
    change_plan ChangePlanRequest,
    cancel_subscription CancelSubscriptionRequest,
    resume_subscription ResumeSubscriptionRequest,
    record_usage RecordUsageRequest,
    calculate_cost CalculateCostRequest,
    get_usage_record GetUsageRecordRequest,
    list_usage_records ListUsageRecordsRequest,
    void_usage VoidUsageRequest,
    create_webhook_endpoint CreateWebhookEndpointRequest,
    list_webhook_endpoints ListWebhookEndpointsRequest,
    update_webhook_endpoint UpdateWebhookEndpointRequest,
    delete_webhook_endpoint DeleteWebhookEndpointRequest,
    rotate_webhook_secret RotateWebhookSecretRequest,
}

/// The name of a method as a call of the client.
fn call(method: &MethodDescriptor) -> String {
    let mut call = String::new();
    for letter in method.name().chars() {
        if letter.is_uppercase() && !call.is_empty() {
            call.push('_');
        }
        call.extend(letter.to_lowercase());
    }
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_to_the_rust_client() {
    let server = start().await;
    let token = server.token("operator", EVERYTHING).await;
    let client = BillingClient::builder(server.url()).token(token);
    let called = call_all(&client.connect().await.unwrap()).await;
    let described = methods();
    let calls: BTreeSet<_> = described.values().map(call).collect();
    assert_eq!(calls.len(), described.len(), "two methods have one name");
    assert_eq!(called.keys().cloned().collect::<BTreeSet<_>>(), calls);
    assert_eq!(METHODS.len(), described.len());
    for (name, answer) in called {
        if let Err(error) = answer {
            // Whatever is no refusal of the service's own has no reason.
            assert!(!error.reason().is_empty(), "{name}: {error:?}");
            let fault = [Code::Internal, Code::Unimplemented].map(Some);
            assert!(!fault.contains(&error.code()), "{name}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_to_grpcurl() {
    let server = start().await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    for (name, method) in methods() {
        let path = format!("{}/{}", method.parent_service().full_name(), method.name());
        let options = ["-format-error", "-d", "{}"];
        let output = grpcurl.run(&options, &[&path], "").await;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let error: Value = serde_json::from_str(&said).expect(&said);
            assert!(error["details"][0]["reason"].is_string(), "{name}: {said}");
            assert_ne!(error["code"], i32::from(Code::Internal), "{name}: {said}");
        }
    }
}

/// The verb and path of a method; `None` when it is not for REST.
fn rule(method: &MethodDescriptor) -> Option<(Method, String)> {
    let pool = method.parent_pool();
    let http = pool.get_extension_by_name("google.api.http").unwrap();
    let options = method.options();
    let rule = options.has_extension(&http).then(|| {
        let rule = options.get_extension(&http);
        rule.as_message().unwrap().clone()
    })?;
    ["get", "put", "post", "delete", "patch"]
        .into_iter()
        .find(|verb| rule.has_field_by_name(verb))
        .map(|verb| {
            let path = rule.get_field_by_name(verb).unwrap();
            let verb = verb.to_uppercase().parse().unwrap();
            (verb, path.as_str().unwrap().to_owned())
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_with_an_http_rule_is_described_and_answers_over_rest() {
    let server = start().await;
    let rest = operator(&server).await;
    let description = rest.get("/openapi.json").await.json();
    let mut without = Vec::new();
    for (name, method) in methods() {
        let Some((verb, path)) = rule(&method) else {
            without.push(name);
            continue;
        };
        let operation =
            &description["paths"][path.replace("=**}", "}")][verb.as_str().to_lowercase()];
        let id = format!("{}_{}", method.parent_service().name(), method.name());
        assert_eq!(operation["operationId"], json!(id));

        // Every variable stands for an id that nothing has.
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "none" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let mut request = rest.request(verb.clone(), &path);
        if verb != Method::GET {
            request = request
                .header("content-type", "application/json")
                .body("{}");
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        let body = response.text().await.unwrap();
        assert!(status.as_u16() < 500, "{name}: {status} {body}");
        assert!(!body.contains("ROUTE_NOT_FOUND"), "{name}: {body}");
        assert!(!body.contains("METHOD_NOT_ALLOWED"), "{name}: {body}");
    }
    assert_eq!(without, NOT_OVER_REST);
}
