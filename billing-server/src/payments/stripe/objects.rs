//! Stripe's objects, as far as they are read. Kinds and states are texts: Stripe may add new ones
//! at any time.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// An object that Stripe gives by its id, or whole where that was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    /// Its id.
    Id(String),
    /// The object.
    Object(Box<T>),
}

impl<T> Expandable<T> {
    /// The object, where it was given.
    pub(super) fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// An object of which only the id is read, whether it is whole or not.
#[derive(Deserialize)]
pub(super) struct Named {
    /// Its id.
    pub(super) id: String,
}

impl Expandable<Named> {
    /// The object's id.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    /// The objects, newest first.
    pub(super) data: Vec<T>,
    /// Whether more follow.
    pub(super) has_more: bool,
}

/// The body of an answer that is no success.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    /// What is wrong.
    pub(super) error: ApiError,
}

/// What is wrong, or why a payment was declined.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ApiError {
    /// Its kind, such as `card_error`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Stripe's code.
    pub(super) code: Option<String>,
    /// The issuer's code, of a decline.
    pub(super) decline_code: Option<String>,
    /// The issuer's advice, of a decline.
    pub(super) advice_code: Option<String>,
    /// In words, which the user may read if it is a decline.
    pub(super) message: Option<String>,
    /// The intent that it is about.
    pub(super) payment_intent: Option<Box<PaymentIntent>>,
}

/// A charge to be made, or made.
#[derive(Deserialize)]
pub(super) struct PaymentIntent {
    /// Its id.
    pub(super) id: String,
    /// What is to be paid, in the smallest unit.
    pub(super) amount: i64,
    /// What was paid, in the smallest unit.
    #[serde(default)]
    pub(super) amount_received: i64,
    /// ISO 4217 in lower case.
    pub(super) currency: String,
    /// Where it stands.
    pub(super) status: String,
    /// When it was made, in seconds since 1970.
    pub(super) created: i64,
    /// Whether it is about real money.
    pub(super) livemode: bool,
    /// What we told Stripe to keep with it.
    #[serde(default)]
    pub(super) metadata: HashMap<String, String>,
    /// What the user's browser confirms it with.
    pub(super) client_secret: Option<String>,
    /// Why the last attempt failed.
    pub(super) last_payment_error: Option<ApiError>,
    /// What the user has to do.
    pub(super) next_action: Option<NextAction>,
    /// The latest attempt.
    pub(super) latest_charge: Option<Expandable<StripeCharge>>,
}

/// What the user has to do.
#[derive(Deserialize)]
pub(super) struct NextAction {
    /// The page to go to, if that is it.
    pub(super) redirect_to_url: Option<RedirectToUrl>,
}

/// A page to go to.
#[derive(Deserialize)]
pub(super) struct RedirectToUrl {
    /// Its address.
    pub(super) url: Option<String>,
}

/// An attempt at a payment.
#[derive(Deserialize)]
pub(super) struct StripeCharge {
    /// What was given back, by refunds that did not fail, in the smallest unit.
    pub(super) amount_refunded: i64,
    /// Whether there ever was a dispute about it.
    pub(super) disputed: bool,
    /// What it did to our balance, once that is known.
    pub(super) balance_transaction: Option<Expandable<BalanceTransaction>>,
}

/// A movement of our balance.
#[derive(Deserialize)]
pub(super) struct BalanceTransaction {
    /// What Stripe keeps, in the smallest unit.
    pub(super) fee: i64,
    /// The currency of our balance, which need not be the payment's.
    pub(super) currency: String,
}

/// A dispute about a payment.
#[derive(Deserialize)]
pub(super) struct StripeDispute {
    /// Its id.
    pub(super) id: String,
    /// What is disputed, in the smallest unit.
    pub(super) amount: i64,
    /// ISO 4217 in lower case.
    pub(super) currency: String,
    /// Where it stands.
    pub(super) status: String,
}

/// A refund.
#[derive(Deserialize)]
pub(super) struct StripeRefund {
    /// Its id.
    pub(super) id: String,
    /// What is given back, in the smallest unit.
    pub(super) amount: i64,
    /// ISO 4217 in lower case.
    pub(super) currency: String,
    /// When it was made, in seconds since 1970.
    pub(super) created: i64,
    /// Where it stands.
    pub(super) status: Option<String>,
    /// Why it failed.
    pub(super) failure_reason: Option<String>,
    /// The payment.
    pub(super) payment_intent: Option<Expandable<Named>>,
    /// What we told Stripe to keep with it.
    #[serde(default)]
    pub(super) metadata: Option<HashMap<String, String>>,
}

/// A method being saved.
#[derive(Deserialize)]
pub(super) struct SetupIntent {
    /// Its id.
    pub(super) id: String,
    /// What the user's browser goes on with.
    pub(super) client_secret: Option<String>,
}

/// A saved method.
#[derive(Deserialize)]
pub(super) struct PaymentMethod {
    /// Its kind, such as `card`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whose it is.
    pub(super) customer: Option<Expandable<Named>>,
    /// What a card says of itself.
    pub(super) card: Option<Card>,
    /// What a bank account says of itself.
    pub(super) us_bank_account: Option<BankAccount>,
    /// What a bank account says of itself.
    pub(super) sepa_debit: Option<BankAccount>,
}

/// What a card says of itself.
#[derive(Deserialize)]
pub(super) struct Card {
    /// Its brand.
    pub(super) brand: String,
    /// Its last digits.
    pub(super) last4: String,
    /// The month after which it is no longer good.
    pub(super) exp_month: u8,
    /// Its year.
    pub(super) exp_year: u16,
}

/// What a bank account says of itself.
#[derive(Deserialize)]
pub(super) struct BankAccount {
    /// Its last digits.
    pub(super) last4: Option<String>,
}

/// What a webhook brings.
#[derive(Deserialize)]
pub(super) struct Event {
    /// Its id.
    pub(super) id: String,
    /// Its type, such as `charge.refunded`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whether it is about real money.
    pub(super) livemode: bool,
    /// The object as it was; thin events have none.
    pub(super) data: Option<EventData>,
}

/// The object of an event.
#[derive(Deserialize)]
pub(super) struct EventData {
    /// The object, of any kind there is.
    #[serde(default)]
    pub(super) object: Value,
}
