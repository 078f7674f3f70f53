//! Clients in other languages: those that others wrote, which know the service from its reflection
//! only, and those that docs/clients.md shows.

mod documented;
mod grpcurl;
mod python;

pub(crate) use grpcurl::program::Grpcurl;

/// What a server without a test clock serves, sorted.
const SERVICES: [&str; 14] = [
    "billing.v1.AccountService",
    "billing.v1.CouponService",
    "billing.v1.EventService",
    "billing.v1.InvoiceService",
    "billing.v1.PaymentService",
    "billing.v1.PlanService",
    "billing.v1.PricingService",
    "billing.v1.ReportService",
    "billing.v1.SettingsService",
    "billing.v1.StatsService",
    "billing.v1.SubscriptionService",
    "billing.v1.UsageService",
    "billing.v1.WebhookService",
    "grpc.health.v1.Health",
];
