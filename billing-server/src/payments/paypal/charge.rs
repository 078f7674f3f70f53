//! PayPal's orders, captures and refunds, and what they mean in the words of all providers.

use billing_core::{
    ids::TransactionId,
    money::Money,
    payment::{Charge, ChargeStatus, Decline, DeclineKind, RefundReport, RefundStatus},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{http::malformed, money::Amount};
use crate::payments::provider::ProviderError;

/// An order.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) create_time: String,
    pub(super) purchase_units: Vec<Unit>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

/// What an order is over. Ours have one.
#[derive(Debug, Deserialize)]
pub(super) struct Unit {
    pub(super) amount: Amount,
    pub(super) custom_id: Option<String>,
    #[serde(default)]
    pub(super) payments: Payments,
}

/// What became of a unit.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct Payments {
    pub(super) captures: Vec<Capture>,
    pub(super) refunds: Vec<Refund>,
}

/// Money that was taken, or was to be.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) status_details: Option<StatusDetails>,
    pub(super) amount: Amount,
    pub(super) seller_receivable_breakdown: Option<Breakdown>,
    pub(super) supplementary_data: Option<SupplementaryData>,
}

/// Why a status is what it is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StatusDetails {
    pub(super) reason: Option<String>,
}

/// What of a capture comes to us.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Breakdown {
    pub(super) paypal_fee: Option<Amount>,
}

/// What an object belongs to.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SupplementaryData {
    pub(super) related_ids: Option<RelatedIds>,
}

/// The ids of what an object belongs to.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RelatedIds {
    pub(super) order_id: Option<String>,
}

/// Money that was given back, or is to be.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) status_details: Option<StatusDetails>,
    pub(super) amount: Amount,
    pub(super) custom_id: Option<String>,
    pub(super) create_time: String,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

/// Where to go from an object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) rel: String,
}

impl SupplementaryData {
    /// The order that an object belongs to.
    pub(super) fn order(self) -> Option<String> {
        self.related_ids?.order_id
    }
}

impl Capture {
    /// How much of an answer it is: money that is there counts before money that may come, and
    /// both before an attempt that failed.
    fn rank(&self) -> u8 {
        match self.status.as_str() {
            "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED" => 2,
            "PENDING" => 1,
            _ => 0,
        }
    }

    /// Whether its money has arrived.
    pub(super) fn has_money(&self) -> bool {
        self.rank() == 2
    }

    fn charge_status(&self) -> Result<ChargeStatus, ProviderError> {
        match self.status.as_str() {
            _ if self.has_money() => Ok(ChargeStatus::Succeeded),
            "PENDING" => Ok(ChargeStatus::Processing),
            "DECLINED" | "FAILED" => {
                let reason = self.status_details.as_ref();
                let reason = reason.and_then(|details| details.reason.clone());
                Ok(ChargeStatus::Declined(Decline {
                    code: reason.unwrap_or_else(|| self.status.clone()),
                    message: "PayPal could not take the money".to_owned(),
                    kind: DeclineKind::Retryable,
                }))
            }
            other => Err(malformed(format!("a capture with status {other:?}"))),
        }
    }

    /// What PayPal keeps, where it tells in the currency of the capture.
    fn fee(&self) -> Result<Option<Money>, ProviderError> {
        let breakdown = self.seller_receivable_breakdown.as_ref();
        let fee = breakdown.and_then(|breakdown| breakdown.paypal_fee.as_ref());
        fee.filter(|fee| fee.currency_code == self.amount.currency_code)
            .map(Amount::money)
            .transpose()
    }
}

impl Order {
    /// The unit it is over.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] when it has none.
    fn unit(&self) -> Result<&Unit, ProviderError> {
        let unit = self.purchase_units.first();
        unit.ok_or_else(|| malformed(format!("the order {} is over nothing", self.id)))
    }

    /// The capture that says what became of it, if there was any.
    pub(super) fn capture(&self) -> Option<&Capture> {
        let captures = &self.purchase_units.first()?.payments.captures;
        captures.iter().max_by_key(|capture| capture.rank())
    }

    /// The page where the buyer approves.
    pub(super) fn approval_page(&self) -> Option<String> {
        let page = |rel: &str| self.links.iter().find(|link| link.rel == rel);
        let link = page("payer-action").or_else(|| page("approve"))?;
        Some(link.href.clone())
    }

    /// What it means. Its captures say more than its own status, where it has any.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] for what cannot be understood.
    pub(super) fn charge(&self, is_live: bool) -> Result<Charge, ProviderError> {
        let unit = self.unit()?;
        let capture = self.capture();
        let amount = capture.map_or(&unit.amount, |capture| &capture.amount);
        let mut refunded = Money::ZERO;
        for refund in &unit.payments.refunds {
            if !matches!(refund.charge_status()?, RefundStatus::Failed(_)) {
                let sum = refunded.plus(refund.amount.money()?);
                refunded = sum.map_err(|error| malformed(format!("the refunds' sum {error}")))?;
            }
        }
        Ok(Charge {
            reference: self.id.clone(),
            transaction: transaction(unit.custom_id.as_deref()),
            status: match capture {
                Some(capture) => capture.charge_status()?,
                None => self.status_uncaptured()?,
            },
            amount: amount.money()?,
            currency: amount.currency_code.clone(),
            refunded,
            fee: capture.map(Capture::fee).transpose()?.flatten(),
            dispute: None,
            is_live,
            created_at: time(&self.create_time)?,
        })
    }

    fn status_uncaptured(&self) -> Result<ChargeStatus, ProviderError> {
        match self.status.as_str() {
            "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => {
                Ok(ChargeStatus::NeedsUser(self.approval_page()))
            }
            "APPROVED" => Ok(ChargeStatus::Ready),
            "VOIDED" => Ok(ChargeStatus::Cancelled),
            // COMPLETED too: an order that is done without a capture is none of ours.
            other => Err(malformed(format!(
                "an order with status {other:?} and no capture"
            ))),
        }
    }
}

impl Refund {
    fn charge_status(&self) -> Result<RefundStatus, ProviderError> {
        match self.status.as_str() {
            "PENDING" => Ok(RefundStatus::Pending),
            "COMPLETED" => Ok(RefundStatus::Succeeded),
            "FAILED" | "CANCELLED" => {
                let reason = self.status_details.as_ref();
                let reason = reason.and_then(|details| details.reason.clone());
                Ok(RefundStatus::Failed(
                    reason.unwrap_or_else(|| self.status.clone()),
                ))
            }
            other => Err(malformed(format!("a refund with status {other:?}"))),
        }
    }

    /// What it means, as a refund of an order.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] for what cannot be understood.
    pub(super) fn report(&self, order: Option<String>) -> Result<RefundReport, ProviderError> {
        Ok(RefundReport {
            reference: self.id.clone(),
            charge: order,
            transaction: transaction(self.custom_id.as_deref()),
            amount: self.amount.money()?,
            currency: self.amount.currency_code.clone(),
            status: self.charge_status()?,
            created_at: time(&self.create_time)?,
        })
    }
}

/// The id of the object above, which a link tells: of a refund its capture.
pub(super) fn object_above(links: &[Link]) -> Option<&str> {
    let link = links.iter().find(|link| link.rel == "up")?;
    link.href.rsplit('/').next()
}

/// The transaction that we told PayPal; what others wrote there is none.
fn transaction(custom_id: Option<&str>) -> Option<TransactionId> {
    TransactionId::parse(custom_id?).ok()
}

/// A time as PayPal writes it; reports leave out the colon of the zone.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, ProviderError> {
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"));
    let time = time.map_err(|error| malformed(format!("the time {text:?}: {error}")))?;
    Ok(time.to_utc())
}

/// What to do about an issue that means that the buyer's money does not come; `None` for all
/// others, which are faults of ours or of our account.
pub(super) fn decline_kind(issue: &str) -> Option<DeclineKind> {
    match issue {
        "PAYER_ACCOUNT_LOCKED_OR_CLOSED"
        | "PAYER_ACCOUNT_RESTRICTED"
        | "PAYER_CANNOT_PAY"
        | "COMPLIANCE_VIOLATION"
        | "CARD_EXPIRED"
        | "CARD_BRAND_NOT_SUPPORTED"
        | "DOMESTIC_TRANSACTION_REQUIRED"
        | "PAYEE_BLOCKED_TRANSACTION"
        | "TRANSACTION_BLOCKED_BY_PAYEE"
        | "TRANSACTION_REFUSED" => Some(DeclineKind::Final),
        // The order is over, and the buyer may choose another way to pay in the next one.
        "INSTRUMENT_DECLINED"
        | "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"
        | "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"
        | "TRANSACTION_LIMIT_EXCEEDED"
        | "TRANSACTION_RECEIVING_LIMIT_EXCEEDED" => Some(DeclineKind::Retryable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn order(status: &str, payments: &str) -> Order {
        let text = format!(
            r#"{{"id":"O1","status":"{status}","create_time":"2026-01-02T03:04:05Z",
            "purchase_units":[{{"amount":{{"currency_code":"USD","value":"10.00"}},
            "custom_id":"txn-61000000000000000000000000000000","payments":{payments}}}],
            "links":[{{"rel":"approve","href":"https://pay.example/O1","method":"GET"}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn capture(status: &str) -> String {
        format!(
            r#"{{"captures":[{{"id":"C1","status":"{status}",
            "amount":{{"currency_code":"USD","value":"9.99"}},"seller_receivable_breakdown":
            {{"paypal_fee":{{"currency_code":"USD","value":"0.84"}}}}}}]}}"#
        )
    }

    fn page() -> ChargeStatus {
        ChargeStatus::NeedsUser(Some("https://pay.example/O1".to_owned()))
    }

    #[rstest]
    #[case("CREATED", page())]
    #[case("SAVED", page())]
    #[case("PAYER_ACTION_REQUIRED", page())]
    #[case("APPROVED", ChargeStatus::Ready)]
    #[case("VOIDED", ChargeStatus::Cancelled)]
    fn an_order_without_a_capture_has_moved_nothing(
        #[case] status: &str,
        #[case] expected: ChargeStatus,
    ) {
        let charge = order(status, "{}").charge(false).unwrap();
        assert_eq!(charge.status, expected);
        assert_eq!(charge.amount, "10".parse().unwrap());
        assert_eq!(charge.fee, None);
    }

    #[rstest]
    #[case("COMPLETED", ChargeStatus::Succeeded)]
    #[case("PARTIALLY_REFUNDED", ChargeStatus::Succeeded)]
    #[case("REFUNDED", ChargeStatus::Succeeded)]
    #[case("PENDING", ChargeStatus::Processing)]
    fn a_capture_says_what_was_received(#[case] status: &str, #[case] expected: ChargeStatus) {
        let charge = order("COMPLETED", &capture(status)).charge(true).unwrap();
        assert_eq!(charge.status, expected);
        assert_eq!(charge.amount, "9.99".parse().unwrap());
        assert_eq!(charge.fee, Some("0.84".parse().unwrap()));
        assert!(charge.is_live);
    }

    #[rstest]
    #[case("DECLINED")]
    #[case("FAILED")]
    fn a_capture_that_failed_is_a_decline(#[case] status: &str) {
        let charge = order("COMPLETED", &capture(status)).charge(false).unwrap();
        let ChargeStatus::Declined(decline) = charge.status else {
            panic!("{:?}", charge.status);
        };
        assert_eq!(decline.code, status);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert!(order("SOMETHING_NEW", "{}").charge(false).is_err());
        assert!(order("COMPLETED", "{}").charge(false).is_err());
        assert!(
            order("COMPLETED", &capture("SOMETHING_NEW"))
                .charge(false)
                .is_err()
        );
    }

    #[rstest]
    #[case("INSTRUMENT_DECLINED", Some(DeclineKind::Retryable))]
    #[case("TRANSACTION_REFUSED", Some(DeclineKind::Final))]
    #[case("PAYER_CANNOT_PAY", Some(DeclineKind::Final))]
    #[case("COMPLIANCE_VIOLATION", Some(DeclineKind::Final))]
    #[case("TRANSACTION_LIMIT_EXCEEDED", Some(DeclineKind::Retryable))]
    #[case("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", Some(DeclineKind::Retryable))]
    #[case("AMOUNT_MISMATCH", None)]
    #[case("PAYEE_ACCOUNT_RESTRICTED", None)]
    #[case("DUPLICATE_INVOICE_ID", None)]
    fn only_the_buyers_issues_are_declines(#[case] issue: &str, #[case] kind: Option<DeclineKind>) {
        assert_eq!(decline_kind(issue), kind);
    }

    #[rstest]
    #[case("2026-01-02T03:04:05Z")]
    #[case("2026-01-02T04:04:05+01:00")]
    #[case("2026-01-02T03:04:05+0000")]
    fn times_are_read_as_they_are_written(#[case] text: &str) {
        assert_eq!(
            time(text).unwrap().to_rfc3339(),
            "2026-01-02T03:04:05+00:00"
        );
    }
}
