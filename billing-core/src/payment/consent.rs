//! What users have agreed to be charged for while they are away. The default of a setting is no
//! consent, and neither is what an operator writes.

use chrono::{DateTime, Utc};

use crate::{ids::UserId, money::Money};

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consenter<'a> {
    /// The user whose money it is, by their own token.
    User(&'a UserId),
    /// Somebody who acts for the user.
    Operator,
}

/// Consent to automatic top-ups, with what was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopupConsent {
    /// Who gave it.
    pub by: UserId,
    /// When (UTC).
    pub at: DateTime<Utc>,
    /// The number of tokens at or below which tokens are bought.
    pub threshold: i64,
    /// For how much at a time, in USD.
    pub amount: Money,
}

/// Consent to be charged for invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectConsent {
    /// Who gave it.
    pub by: UserId,
    /// When (UTC).
    pub at: DateTime<Utc>,
}

impl TopupConsent {
    /// The consent to a threshold and an amount in USD; `None` where only the user could give it.
    #[must_use]
    pub fn given(
        by: Consenter<'_>,
        threshold: i64,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let by = by.user()?;
        Some(Self {
            by,
            at: now,
            threshold,
            amount,
        })
    }

    /// Whether it holds for a threshold and an amount in USD: raising one needs it anew.
    #[must_use]
    pub fn covers(&self, threshold: i64, amount: Money) -> bool {
        threshold <= self.threshold && amount <= self.amount
    }
}

impl CollectConsent {
    /// The consent; `None` where only the user could give it.
    #[must_use]
    pub fn given(by: Consenter<'_>, now: DateTime<Utc>) -> Option<Self> {
        let by = by.user()?;
        Some(Self { by, at: now })
    }
}

impl Consenter<'_> {
    fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user.clone()),
            Self::Operator => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{day, money};

    fn consent(by: Consenter<'_>) -> Option<TopupConsent> {
        TopupConsent::given(by, 10_000, money("100"), day("2024-11-15"))
    }

    #[rstest]
    #[case::as_agreed(10_000, "100", true)]
    #[case::less(0, "1", true)]
    #[case::a_higher_threshold(10_001, "100", false)]
    #[case::a_higher_amount(10_000, "100.01", false)]
    #[case::one_lower_and_one_higher(0, "100.01", false)]
    fn raising_threshold_or_amount_needs_consent_anew(
        #[case] threshold: i64,
        #[case] amount: &str,
        #[case] covered: bool,
    ) {
        let user = UserId::parse("user-1").unwrap();
        let consent = consent(Consenter::User(&user)).unwrap();
        assert_eq!(consent.covers(threshold, money(amount)), covered);
        assert_eq!((consent.by, consent.at), (user, day("2024-11-15")));
    }

    #[test]
    fn what_an_operator_writes_is_no_consent() {
        assert_eq!(consent(Consenter::Operator), None);
        let now = day("2024-11-15");
        assert_eq!(CollectConsent::given(Consenter::Operator, now), None);
        let user = UserId::parse("user-1").unwrap();
        let given = CollectConsent::given(Consenter::User(&user), now);
        assert_eq!(given, Some(CollectConsent { by: user, at: now }));
    }
}
