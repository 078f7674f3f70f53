//! Rows as they are stored, and the way between them and the domain. Raw texts stop here.

mod account;
mod alert;
mod amounts;
mod charges;
pub(crate) mod columns;
mod coupon;
mod invoice;
mod invoice_json;
mod plan;
mod price;
mod record;
mod settings;
mod subscription;
mod sums;
mod user_account;

pub(crate) use account::{AccountRow, AccountTerms, AccountUpdate};
pub(crate) use alert::{AlertRow, EventRow};
pub(crate) use charges::{LineRow, UsageSumRow};
pub(crate) use coupon::{CouponRow, CouponTermsRow, RedemptionRow};
pub(crate) use invoice::{CreditNoteRow, InvoiceRow, PayerRow, payer};
pub(crate) use plan::{PlanRow, PlanVersionRow};
pub(crate) use price::PriceRow;
pub(crate) use record::{RecordRow, RollupRow, VoidRow};
pub(crate) use settings::{AccountSettings, SettingsRow};
pub(crate) use subscription::{PeriodRow, SubscriptionRow};
pub(crate) use sums::{SumsRow, TotalsRow, money, usage_totals};
pub(crate) use user_account::{UserAccountRow, user_account};

use crate::{
    StoreError,
    sql_types::{DbFixed, DbTimestamp},
};
use billing_core::{
    money::{Money, Price, Rate},
    month::Month,
    plan::UsagePricing,
};

pub(crate) type DbMoney = DbFixed<{ Money::SCALE }>;
pub(crate) type DbPrice = DbFixed<{ Price::SCALE }>;
pub(crate) type DbRate = DbFixed<{ Rate::SCALE }>;

pub(crate) fn month(column: &'static str, text: &str) -> Result<Month, StoreError> {
    text.parse()
        .map_err(|error| StoreError::corrupt(column, error))
}

fn usage_pricing(text: &str) -> Result<UsagePricing, StoreError> {
    match text {
        "included" => Ok(UsagePricing::Included),
        "metered" => Ok(UsagePricing::Metered),
        other => Err(StoreError::corrupt("usage_pricing", other)),
    }
}

fn usage_pricing_text(pricing: UsagePricing) -> &'static str {
    match pricing {
        UsagePricing::Included => "included",
        UsagePricing::Metered => "metered",
    }
}

fn present<T>(column: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::corrupt(column, "missing"))
}
