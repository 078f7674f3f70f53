//! Bodies to try the main calls with. They work as they are, sent by an operator to a new server in
//! the order of this table; a test does it.

use serde_json::value::RawValue;

/// A method by its full name, and the body of a request.
pub(super) const EXAMPLES: [(&str, &str); 9] = [
    (
        "billing.v1.PricingService.SetModelPrice",
        r#"{"model_id": "gpt-4", "provider": "openai", "prompt_price_per_k": 0.03,
            "completion_price_per_k": 0.06}"#,
    ),
    (
        "billing.v1.UsageService.RecordUsage",
        r#"{"request_id": "chat-0001", "model": "gpt-4", "prompt_tokens": 1000,
            "completion_tokens": 500}"#,
    ),
    (
        "billing.v1.UsageService.RecordUsageBatch",
        r#"{"records": [
            {"request_id": "chat-0002", "model": "gpt-4", "prompt_tokens": 1200,
             "completion_tokens": 300},
            {"request_id": "chat-0003", "model": "gpt-4", "prompt_tokens": 800,
             "completion_tokens": 250, "created_at": "2024-11-05T09:30:00Z"}
        ]}"#,
    ),
    (
        "billing.v1.UsageService.CalculateCost",
        r#"{"model": "gpt-4", "prompt_tokens": 1000, "completion_tokens": 500}"#,
    ),
    (
        "billing.v1.SubscriptionService.Subscribe",
        r#"{"plan_id": "plan-pro", "billing_cycle": "monthly"}"#,
    ),
    (
        "billing.v1.CouponService.CreateCoupon",
        r#"{"code": "SAVE50", "type": "percentage", "value": 50, "max_uses": 1000}"#,
    ),
    (
        "billing.v1.CouponService.ApplyCoupon",
        r#"{"coupon_code": "SAVE50"}"#,
    ),
    (
        "billing.v1.SettingsService.UpdateSettings",
        r#"{"billing_email": "billing@example.com", "auto_topup": true,
            "auto_topup_threshold": 10000, "auto_topup_amount": 100.00,
            "enable_alerts": true, "alert_threshold": 50000}"#,
    ),
    (
        "billing.v1.InvoiceService.GenerateInvoice",
        r#"{"billing_month": "2024-11"}"#,
    ),
];

/// The body of a request to a method, if there is one to show.
///
/// # Errors
/// When it is no JSON.
pub(super) fn example(method: &str) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let found = EXAMPLES.iter().find(|(name, _)| *name == method);
    found
        .map(|(_, body)| serde_json::from_str(body))
        .transpose()
}
