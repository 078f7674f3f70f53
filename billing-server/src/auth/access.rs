//! Who may call which method: one table beside the descriptor, which is complete or the server
//! does not start.

use std::collections::HashMap;

use prost_reflect::DescriptorPool;

use super::caller::Caller;
use crate::error::ApiError;

/// The package of the methods in the table.
const PACKAGE: &str = "billing.v1";

/// What a method needs of its caller before anything else of the call is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing; a token that is sent all the same must be valid.
    Anyone,
    /// A token. Another user's account needs a scope, which is checked with the request.
    User,
    /// The scope `usage:write` or `admin`.
    UsageWrite,
    /// The scope `admin`.
    Admin,
}

/// Every method's row.
const METHODS: &[(&str, &[(&str, Access)])] = {
    use Access::{Admin, Anyone, UsageWrite, User};
    &[
        (
            "AccountService",
            &[
                ("GetAccount", User),
                ("SetDiscountRate", Admin),
                ("SetTax", Admin),
            ],
        ),
        (
            "CouponService",
            &[
                ("CreateCoupon", Admin),
                ("ListCoupons", Admin),
                ("DeactivateCoupon", Admin),
                ("ValidateCoupon", User),
                ("ApplyCoupon", User),
                ("ListRedemptions", User),
            ],
        ),
        ("DebugService", &[("AdvanceClock", Admin)]),
        (
            "InvoiceService",
            &[
                ("GenerateInvoice", User),
                ("PreviewInvoice", User),
                ("ListInvoices", User),
                ("GetInvoice", User),
                ("FinaliseInvoice", Admin),
                ("VoidInvoice", Admin),
                ("MarkInvoicePaid", Admin),
                ("CreateCreditNote", Admin),
                ("CloseMonth", Admin),
                ("ReconcileMonth", Admin),
            ],
        ),
        (
            "PlanService",
            &[
                ("ListPlans", Anyone),
                ("GetPlan", Anyone),
                ("CreatePlan", Admin),
                ("UpdatePlan", Admin),
                ("DeactivatePlan", Admin),
            ],
        ),
        (
            "PricingService",
            &[
                ("ListModelPrices", User),
                ("GetModelPrice", User),
                ("SetModelPrice", Admin),
                ("ImportModelPrices", Admin),
            ],
        ),
        (
            "ReportService",
            &[
                ("GetMonthlyReport", Admin),
                ("GetUsageBreakdown", User),
                ("ListTopUsers", Admin),
                ("ExportUsage", User),
            ],
        ),
        (
            "SettingsService",
            &[("GetSettings", User), ("UpdateSettings", User)],
        ),
        (
            "StatsService",
            &[("GetStats", User), ("GetQuotaWarning", User)],
        ),
        (
            "SubscriptionService",
            &[
                ("Subscribe", User),
                ("GetSubscription", User),
                ("ListSubscriptions", User),
                ("ChangePlan", User),
                ("CancelSubscription", User),
                ("ResumeSubscription", User),
            ],
        ),
        (
            "UsageService",
            &[
                ("RecordUsage", UsageWrite),
                ("RecordUsageBatch", UsageWrite),
                ("StreamUsage", UsageWrite),
                ("CalculateCost", User),
                ("GetUsageRecord", User),
                ("ListUsageRecords", User),
                ("VoidUsage", Admin),
            ],
        ),
    ]
};

/// The table and the descriptor do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// A method of the descriptor has no row.
    #[error("the table of scopes has no row for {0}")]
    NoRow(String),
    /// A row names no method.
    #[error("the table of scopes has a row for {0}, which is no method")]
    NoMethod(String),
}

/// What each method needs, by its path.
#[derive(Debug)]
pub(crate) struct AccessTable(HashMap<String, Access>);

impl AccessTable {
    /// The table, if it has exactly one row for each method of the API in the pool.
    ///
    /// # Errors
    /// A method without a row, or a row without a method.
    pub(crate) fn new(pool: &DescriptorPool) -> Result<Self, AccessError> {
        Self::of_rows(pool, METHODS)
    }

    fn of_rows(
        pool: &DescriptorPool,
        rows: &[(&str, &[(&str, Access)])],
    ) -> Result<Self, AccessError> {
        let rows = rows.iter().flat_map(|(service, methods)| {
            let methods = methods.iter();
            methods.map(move |(method, access)| {
                let path = format!("/{PACKAGE}.{service}/{method}");
                (path, *access)
            })
        });
        let mut left: HashMap<_, _> = rows.collect();
        let mut table = HashMap::with_capacity(left.len());
        let services = pool.services();
        for service in services.filter(|service| service.package_name() == PACKAGE) {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                match left.remove_entry(&path) {
                    Some((path, access)) => table.insert(path, access),
                    None => return Err(AccessError::NoRow(path)),
                };
            }
        }
        match left.into_keys().next() {
            Some(path) => Err(AccessError::NoMethod(path)),
            None => Ok(Self(table)),
        }
    }

    /// What the method at `path` needs. One that does not exist needs a token, so that only
    /// callers with one learn what there is.
    #[must_use]
    pub(crate) fn of(&self, path: &str) -> Access {
        self.0.get(path).copied().unwrap_or(Access::User)
    }
}

impl Access {
    /// Lets a caller with a token pass who has the scope.
    ///
    /// # Errors
    /// `SCOPE_MISSING`.
    pub(super) fn check(self, caller: &Caller) -> Result<(), ApiError> {
        match self {
            Self::Anyone | Self::User => Ok(()),
            Self::UsageWrite => caller.require_usage_write(),
            Self::Admin => caller.require_admin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use billing_proto::FILE_DESCRIPTOR_SET;

    use super::*;

    fn pool() -> DescriptorPool {
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
    }

    #[test]
    fn every_method_of_the_descriptor_has_exactly_one_row() {
        AccessTable::new(&pool()).unwrap();
    }

    #[test]
    fn a_method_without_a_row_is_named() {
        let without = METHODS
            .iter()
            .copied()
            .filter(|row| row.0 != "DebugService");
        let error = AccessTable::of_rows(&pool(), &without.collect::<Vec<_>>()).unwrap_err();
        let path = "/billing.v1.DebugService/AdvanceClock".to_owned();
        assert_eq!(error, AccessError::NoRow(path));
    }

    #[test]
    fn a_row_without_a_method_is_named() {
        let stray: (&str, &[(&str, Access)]) = ("DebugService", &[("StopClock", Access::Anyone)]);
        let rows: Vec<_> = METHODS.iter().copied().chain([stray]).collect();
        let error = AccessTable::of_rows(&pool(), &rows).unwrap_err();
        let path = "/billing.v1.DebugService/StopClock".to_owned();
        assert_eq!(error, AccessError::NoMethod(path));
    }

    #[test]
    fn what_does_not_exist_needs_a_token() {
        let table = AccessTable::new(&pool()).unwrap();
        assert_eq!(
            table.of("/billing.v1.PlanService/ListPlans"),
            Access::Anyone
        );
        assert_eq!(table.of("/billing.v1.PlanService/Secret"), Access::User);
    }
}
