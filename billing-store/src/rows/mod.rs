//! Rows as they are stored, and the way between them and the domain. Raw texts stop here.

mod account;
mod amounts;
mod automation;
mod correction;
mod coupon;
mod delivery;
mod discount;
mod document;
mod event;
mod invoice;
mod invoice_json;
mod line;
mod payment;
mod plan;
mod price;
mod record;
mod settings;
pub(crate) mod statements;
mod subscription;
mod sums;
pub(crate) mod table;
mod webhook;

pub(crate) use account::AccountRow;
pub(crate) use amounts::Amounts;
pub(crate) use automation::AutomationJson;
pub(crate) use correction::{CatchUpRow, CorrectionRow};
pub(crate) use coupon::{CouponRow, CouponTermsRow, RedemptionRow};
pub(crate) use delivery::{AttemptRow, DeliveryRow, MailRow, OutletRow};
pub(crate) use discount::DiscountRow;
pub(crate) use document::SeriesRow;
pub(crate) use event::{AlertRow, EventRow, NOBODY, PlaceRow, UnpricedRow};
pub(crate) use invoice::{CreditNoteRow, InvoiceRow};
pub(crate) use line::LineRow;
pub(crate) use payment::{CustomerRow, LeaseRow, MethodRow, SweptJson, TransactionRow, WebhookRow};
pub(crate) use plan::{PlanRow, PlanVersionRow};
pub(crate) use price::PriceRow;
pub(crate) use record::RecordRow;
pub(crate) use settings::SettingsRow;
pub(crate) use subscription::{PeriodRow, SubscriptionRow, status_text};
pub(crate) use sums::{
    GroupRow, MONEY_SUMS, ROLLUP_KEYS, TotalsRow, UsageSumRow, WHOLE_SUMS, money, sums_of,
    usage_totals,
};

pub(crate) use webhook::WebhookEndpointRow;

use crate::{
    StoreError,
    sql_types::{DbFixed, DbTimestamp, DbUuid},
};
use billing_core::{
    money::{Money, Price, Rate},
    month::Month,
};

pub(crate) type DbMoney = DbFixed<{ Money::SCALE }>;
pub(crate) type DbPrice = DbFixed<{ Price::SCALE }>;
pub(crate) type DbRate = DbFixed<{ Rate::SCALE }>;

pub(crate) fn month(column: &'static str, text: &str) -> Result<Month, StoreError> {
    text.parse()
        .map_err(|error| StoreError::corrupt(column, error))
}

fn present<T>(column: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::corrupt(column, "missing"))
}
