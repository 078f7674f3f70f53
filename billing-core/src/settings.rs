//! A user's billing settings.

use chrono::{DateTime, Utc};

use crate::{
    Violation,
    document::{Buyer, Language, is_country},
    ids::UserId,
    money::Money,
    payment::TopupSettings,
    text::{check_line, check_lines},
};

/// The only currency there is (ISO 4217).
pub const CURRENCY: &str = "USD";
/// The only rhythm of invoices there is.
pub const INVOICE_FREQUENCY: &str = "monthly";
/// The longest mail address, in bytes: what a mail server must take (RFC 5321).
pub const MAX_EMAIL_BYTES: usize = 254;
/// The longest address, in characters.
pub const MAX_ADDRESS: usize = 1_000;
/// The longest tax id, in characters.
pub const MAX_TAX_ID: usize = 64;
/// The longest name on invoices, in characters.
pub const MAX_NAME: usize = 200;
/// What an automatic top-up costs unless set, in USD.
const DEFAULT_AUTO_TOPUP: i64 = 100;

/// A user's billing settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose settings.
    pub user_id: UserId,
    /// Where invoices and notices are mailed to; empty means nowhere.
    pub billing_email: String,
    /// The address on invoices.
    pub billing_address: String,
    /// The tax id on invoices.
    pub tax_id: String,
    /// Whether tokens are bought when few are left.
    pub auto_topup: bool,
    /// The number of tokens at or below which tokens are bought.
    pub auto_topup_threshold: i64,
    /// For how much, in USD.
    pub auto_topup_amount: Money,
    /// Whether invoices are mailed.
    pub send_invoice_email: bool,
    /// The number of tokens at or below which a warning is given; 0 means the default levels.
    pub alert_threshold: i64,
    /// Whether warnings are announced.
    pub enable_alerts: bool,
    /// The name on invoices.
    pub billing_name: String,
    /// The country on invoices (ISO 3166-1 alpha-2); empty when it is not told.
    pub billing_country: String,
    /// The language of invoices and notices.
    pub language: Language,
    /// When the settings were first set and last changed (UTC); `None` while all are defaults.
    pub written: Option<Written>,
}

/// When settings were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// For the first time (UTC).
    pub created_at: DateTime<Utc>,
    /// For the last time (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Settings that a user wants; `None` leaves a setting as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// Where invoices and notices are mailed to; empty means nowhere.
    pub billing_email: Option<String>,
    /// The address on invoices.
    pub billing_address: Option<String>,
    /// The tax id on invoices.
    pub tax_id: Option<String>,
    /// Whether tokens are bought when few are left.
    pub auto_topup: Option<bool>,
    /// Whether the user, by their own token, agrees to be charged for it as it is set now. The
    /// default of `auto_topup` is no consent.
    pub agrees_to_topups: bool,
    /// The number of tokens at or below which tokens are bought.
    pub auto_topup_threshold: Option<i64>,
    /// For how much, in USD.
    pub auto_topup_amount: Option<Money>,
    /// Whether invoices are mailed.
    pub send_invoice_email: Option<bool>,
    /// The number of tokens at or below which a warning is given; 0 means the default levels.
    pub alert_threshold: Option<i64>,
    /// Whether warnings are announced.
    pub enable_alerts: Option<bool>,
    /// The name on invoices.
    pub billing_name: Option<String>,
    /// The country on invoices (ISO 3166-1 alpha-2), in any case; empty tells none.
    pub billing_country: Option<String>,
    /// The code of the language of invoices and notices.
    pub language: Option<String>,
}

impl Settings {
    /// The settings of a user who has set none.
    #[must_use]
    pub fn new(user_id: UserId) -> Self {
        Self {
            user_id,
            billing_email: String::new(),
            billing_address: String::new(),
            tax_id: String::new(),
            auto_topup: true,
            auto_topup_threshold: 0,
            auto_topup_amount: Money::whole(DEFAULT_AUTO_TOPUP).unwrap_or(Money::ZERO),
            send_invoice_email: true,
            alert_threshold: 0,
            enable_alerts: true,
            billing_name: String::new(),
            billing_country: String::new(),
            language: Language::default(),
            written: None,
        }
    }

    /// When tokens are bought automatically.
    #[must_use]
    pub const fn topup_settings(&self) -> TopupSettings {
        TopupSettings {
            enabled: self.auto_topup,
            threshold: self.auto_topup_threshold,
            amount: self.auto_topup_amount,
        }
    }

    /// Whether documents can name the user's tax id.
    #[must_use]
    pub fn has_tax_id(&self) -> bool {
        !self.tax_id.trim().is_empty()
    }

    /// What documents say of the user.
    #[must_use]
    pub fn buyer(&self) -> Buyer {
        Buyer {
            name: self.billing_name.clone(),
            address: self.billing_address.clone(),
            country: self.billing_country.clone(),
            tax_id: self.tax_id.clone(),
            language: self.language,
        }
    }

    /// The settings' id: a user has one set of them.
    #[must_use]
    pub fn id(&self) -> String {
        format!("settings-{}", self.user_id)
    }
}

impl SettingsChange {
    /// Whether it says anything of automatic top-ups.
    #[must_use]
    pub const fn concerns_topups(&self) -> bool {
        self.auto_topup.is_some()
            || self.auto_topup_threshold.is_some()
            || self.auto_topup_amount.is_some()
    }

    /// Every field at fault.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut note = |field, problem: Option<String>| {
            found.extend(problem.map(|problem| Violation::new(field, problem)));
        };
        let email = self.billing_email.as_deref();
        note("billing_email", email.and_then(email_problem));
        let address = self.billing_address.as_deref();
        let checked = address.map_or(Ok(()), |text| check_lines(text, MAX_ADDRESS));
        note("billing_address", checked.err().map(|e| e.to_string()));
        let tax_id = self.tax_id.as_deref();
        let checked = tax_id.map_or(Ok(()), |text| check_line(text, MAX_TAX_ID));
        note("tax_id", checked.err().map(|e| e.to_string()));
        let below_zero = |tokens: Option<i64>| {
            let wrong = tokens.is_some_and(|tokens| tokens < 0);
            wrong.then(|| "must not be negative".to_owned())
        };
        note(
            "auto_topup_threshold",
            below_zero(self.auto_topup_threshold),
        );
        let amount = self.auto_topup_amount;
        note("auto_topup_amount", amount.and_then(amount_problem));
        note("alert_threshold", below_zero(self.alert_threshold));
        let name = self.billing_name.as_deref();
        let checked = name.map_or(Ok(()), |text| check_line(text, MAX_NAME));
        note("billing_name", checked.err().map(|e| e.to_string()));
        let country = self.billing_country.as_deref();
        note("billing_country", country.and_then(country_problem));
        note(
            "language",
            self.language.as_deref().and_then(language_problem),
        );
        found
    }

    /// The settings with the change made.
    #[must_use]
    pub fn apply(self, settings: Settings, now: DateTime<Utc>) -> Settings {
        let threshold = self.auto_topup_threshold;
        let amount = self.auto_topup_amount;
        let mailed = self.send_invoice_email;
        let language = self.language.as_deref().and_then(Language::coded);
        let country = self.billing_country.map(|code| code.to_ascii_uppercase());
        Settings {
            user_id: settings.user_id,
            billing_email: self.billing_email.unwrap_or(settings.billing_email),
            billing_address: self.billing_address.unwrap_or(settings.billing_address),
            tax_id: self.tax_id.unwrap_or(settings.tax_id),
            auto_topup: self.auto_topup.unwrap_or(settings.auto_topup),
            auto_topup_threshold: threshold.unwrap_or(settings.auto_topup_threshold),
            auto_topup_amount: amount.unwrap_or(settings.auto_topup_amount),
            send_invoice_email: mailed.unwrap_or(settings.send_invoice_email),
            alert_threshold: self.alert_threshold.unwrap_or(settings.alert_threshold),
            enable_alerts: self.enable_alerts.unwrap_or(settings.enable_alerts),
            billing_name: self.billing_name.unwrap_or(settings.billing_name),
            billing_country: country.unwrap_or(settings.billing_country),
            language: language.unwrap_or(settings.language),
            written: Some(Written {
                created_at: settings.written.map_or(now, |written| written.created_at),
                updated_at: now,
            }),
        }
    }
}

/// Whether mail could reach the address is for the mail server to say.
fn email_problem(email: &str) -> Option<String> {
    let plausible = match email.split_once('@') {
        Some((name, host)) => {
            let hidden = |c: char| c.is_whitespace() || c.is_control();
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(hidden)
        }
        None => email.is_empty(),
    };
    if !plausible {
        Some("must be a mail address".to_owned())
    } else if email.len() > MAX_EMAIL_BYTES {
        Some(format!("must be at most {MAX_EMAIL_BYTES} bytes"))
    } else {
        None
    }
}

fn country_problem(code: &str) -> Option<String> {
    let is_sound = code.is_empty() || is_country(&code.to_ascii_uppercase());
    (!is_sound).then(|| "must be the code of a country, such as DE (ISO 3166-1)".to_owned())
}

fn language_problem(code: &str) -> Option<String> {
    let known = Language::ALL.map(Language::code);
    (!known.contains(&code)).then(|| format!("must be one of {}", known.join(", ")))
}

fn amount_problem(amount: Money) -> Option<String> {
    if amount <= Money::ZERO {
        Some("must be more than 0".to_owned())
    } else if !amount.is_whole_cents() {
        Some("must be whole cents".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
