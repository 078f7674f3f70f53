//! Saved payment methods, and the consents that go with them.

use chrono::{DateTime, Utc};

use super::{CollectConsent, Provider, TopupConsent};
use crate::ids::{PaymentMethodId, UserId};

/// A method that a user has saved at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethod {
    /// The method.
    pub id: PaymentMethodId,
    /// Whose.
    pub user_id: UserId,
    /// Where it is saved.
    pub provider: Provider,
    /// Whether it pays with real money.
    pub is_live: bool,
    /// The provider's id of the customer.
    pub customer_id: String,
    /// The provider's id of the method.
    pub reference: String,
    /// The brand of a card, or the kind of method.
    pub brand: String,
    /// The last digits, or empty.
    pub last4: String,
    /// The last month and year that a card is good for.
    pub expiry: Option<(u8, u16)>,
    /// Whether it is charged when none is named.
    pub is_default: bool,
    /// The user's consent to automatic top-ups.
    pub topup_consent: Option<TopupConsent>,
    /// The user's consent to be charged for invoices.
    pub collect_consent: Option<CollectConsent>,
    /// When it was saved (UTC).
    pub created_at: DateTime<Utc>,
}

impl PaymentMethod {
    /// The method as it is saved beside a user's `others`. One that was saved before keeps its id,
    /// its time, its place as the default, and consents that are not given anew. The first is the
    /// default.
    #[must_use]
    pub fn saved_beside(mut self, others: &[Self]) -> Self {
        let mut same = others.iter();
        let same = same.find(|of| (of.provider, &of.reference) == (self.provider, &self.reference));
        if let Some(same) = same {
            self.id = same.id;
            self.created_at = same.created_at;
            self.is_default |= same.is_default;
            self.topup_consent = self.topup_consent.or_else(|| same.topup_consent.clone());
            self.collect_consent = self
                .collect_consent
                .or_else(|| same.collect_consent.clone());
        }
        self.is_default |= others.is_empty();
        self
    }
}
