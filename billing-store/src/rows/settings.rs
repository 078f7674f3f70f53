//! Rows of `billing_settings`, and the copies of settings in `accounts`.

use billing_core::{
    ids::UserId,
    settings::{CURRENCY, INVOICE_FREQUENCY, Settings, Written},
};
use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::{DbMoney, DbTimestamp};
use crate::{
    schema::{accounts, billing_settings},
    sql_types::DbFixed,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = billing_settings, primary_key(user_id))]
pub(crate) struct SettingsRow {
    user_id: String,
    id: String,
    billing_email: String,
    billing_address: String,
    tax_id: String,
    currency: String,
    auto_topup: bool,
    auto_topup_threshold: i64,
    auto_topup_amount: DbMoney,
    invoice_frequency: String,
    send_invoice_email: bool,
    alert_threshold: i64,
    enable_alerts: bool,
    created_at: DbTimestamp,
    updated_at: DbTimestamp,
}

impl From<SettingsRow> for Settings {
    fn from(row: SettingsRow) -> Self {
        Self {
            user_id: UserId::trusted(row.user_id),
            billing_email: row.billing_email,
            billing_address: row.billing_address,
            tax_id: row.tax_id,
            auto_topup: row.auto_topup,
            auto_topup_threshold: row.auto_topup_threshold,
            auto_topup_amount: row.auto_topup_amount.0,
            send_invoice_email: row.send_invoice_email,
            alert_threshold: row.alert_threshold,
            enable_alerts: row.enable_alerts,
            written: Some(Written {
                created_at: row.created_at.0,
                updated_at: row.updated_at.0,
            }),
        }
    }
}

impl SettingsRow {
    pub(crate) fn new(settings: &Settings, now: DateTime<Utc>) -> Self {
        let created_at = settings.written.map_or(now, |written| written.created_at);
        Self {
            user_id: settings.user_id.as_str().to_owned(),
            id: settings.id(),
            billing_email: settings.billing_email.clone(),
            billing_address: settings.billing_address.clone(),
            tax_id: settings.tax_id.clone(),
            currency: CURRENCY.to_owned(),
            auto_topup: settings.auto_topup,
            auto_topup_threshold: settings.auto_topup_threshold,
            auto_topup_amount: DbFixed(settings.auto_topup_amount),
            invoice_frequency: INVOICE_FREQUENCY.to_owned(),
            send_invoice_email: settings.send_invoice_email,
            alert_threshold: settings.alert_threshold,
            enable_alerts: settings.enable_alerts,
            created_at: DbTimestamp(created_at),
            updated_at: DbTimestamp(now),
        }
    }
}

/// What an account holds of the settings, because usage needs it under its lock.
#[derive(AsChangeset)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountSettings {
    alert_threshold: i64,
    enable_alerts: bool,
    auto_topup: bool,
    auto_topup_threshold: i64,
    auto_topup_amount: DbMoney,
    /// `None` leaves the consent as it is.
    auto_topup_consent: Option<bool>,
    updated_at: DbTimestamp,
}

impl AccountSettings {
    pub(crate) fn new(settings: &Settings, consent: Option<bool>, now: DateTime<Utc>) -> Self {
        Self {
            alert_threshold: settings.alert_threshold,
            enable_alerts: settings.enable_alerts,
            auto_topup: settings.auto_topup,
            auto_topup_threshold: settings.auto_topup_threshold,
            auto_topup_amount: DbFixed(settings.auto_topup_amount),
            auto_topup_consent: consent,
            updated_at: DbTimestamp(now),
        }
    }
}
