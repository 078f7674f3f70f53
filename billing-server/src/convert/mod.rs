//! Between the API's messages and the domain's types. Raw texts and unchecked numbers stop here.

mod account;
mod breakdown;
mod coupon;
mod export;
mod invoice;
mod numbered_page;
mod page;
mod plan;
mod price;
mod report;
mod settings;
mod subscription;
mod time;
mod usage;
mod value;

pub use account::{account, discount, tax};
pub use breakdown::{SumsPage, sums, sums_key, sums_page};
pub use coupon::{coupon, coupon_applied, coupon_previewed, new_coupon, redeem_order, redemption};
pub use export::{csv_part, export_filter};
pub use invoice::{
    InvoicePage, credit_note, credit_note_order, difference, invoice, invoice_of_month,
    invoice_page, invoice_payment, invoice_summary, invoice_void, named_invoice,
};
pub use numbered_page::NumberedPage;
pub use page::Page;
pub use plan::{new_plan, plan, plan_change};
pub use price::{model_price, price_change};
pub use report::{monthly_report, quota_warning, ranking, stats, top_user};
pub use settings::{settings, settings_change};
pub use subscription::{change_of_plan, new_subscription, subscription};
pub use time::{month, required_time, time, timestamp};
pub use usage::{
    RecordPage, cost, quote_input, record, record_page, recorded_result, rejected_result, usage,
    void_order,
};
pub use value::user;

use billing_core::Violation;
use tonic::Status;

use crate::error::{ApiError, FieldViolation};

impl From<Violation> for FieldViolation {
    fn from(violation: Violation) -> Self {
        Self {
            field: violation.field.to_owned(),
            description: violation.description,
        }
    }
}

/// Gathers every violation of a request, so that a caller learns of all of them at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Remembers what is wrong with a field and goes on without its value.
    pub fn check<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value
            .map_err(|error| {
                self.0.push(FieldViolation {
                    field: field.to_owned(),
                    description: error.to_string(),
                });
            })
            .ok()
    }

    /// Remembers what the domain found.
    pub fn extend(&mut self, found: impl IntoIterator<Item = Violation>) {
        self.0.extend(found.into_iter().map(FieldViolation::from));
    }

    /// How many violations there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is wrong.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldViolation> {
        self.0
    }

    /// Everything that is wrong, as the error that says so.
    #[must_use]
    pub fn into_status(self) -> Status {
        ApiError::invalid(self.0).into()
    }
}
