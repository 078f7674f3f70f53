//! The status of a transaction, and the transitions there are.

/// The status of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// Nothing is known to have happened yet.
    Pending,
    /// The user has something to do.
    RequiresAction,
    /// The money has moved.
    Succeeded,
    /// No money has moved, or a refund has come back.
    Failed,
    /// A part was given back.
    PartlyRefunded,
    /// All was given back.
    Refunded,
    /// The payer disputes it, and the money was taken until that is settled.
    Disputed,
    /// The payer's bank has taken it back for good.
    ChargedBack,
}

/// What the provider says of a transaction's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reported {
    /// The user is needed.
    NeedsUser,
    /// The user has done their part, and the money is on its way.
    Processing,
    /// The money has moved, as it was asked for.
    Succeeded,
    /// Declined, expired or cancelled: no money moves. Of a refund: the money stayed, or came back.
    Failed,
    /// Nothing of it is given back.
    NoRefund,
    /// A part of it is given back.
    PartRefund,
    /// All of it is given back.
    FullRefund,
    /// A dispute took the money.
    Disputed,
    /// The dispute is won: the money is back.
    Won,
    /// The dispute is lost.
    Lost,
}

/// Every transition of a payment that is allowed, and where it leads. What is won stands as it did
/// before by its refunds, which are looked at next.
const TRANSITIONS: [(TransactionStatus, Reported, TransactionStatus); 17] = {
    use Reported as R;
    use TransactionStatus as S;
    [
        (S::Pending, R::NeedsUser, S::RequiresAction),
        (S::Pending, R::Succeeded, S::Succeeded),
        (S::Pending, R::Failed, S::Failed),
        (S::RequiresAction, R::Processing, S::Pending),
        (S::RequiresAction, R::Succeeded, S::Succeeded),
        (S::RequiresAction, R::Failed, S::Failed),
        (S::Failed, R::Succeeded, S::Succeeded),
        (S::Succeeded, R::PartRefund, S::PartlyRefunded),
        (S::Succeeded, R::FullRefund, S::Refunded),
        (S::PartlyRefunded, R::NoRefund, S::Succeeded),
        (S::PartlyRefunded, R::FullRefund, S::Refunded),
        (S::Refunded, R::NoRefund, S::Succeeded),
        (S::Refunded, R::PartRefund, S::PartlyRefunded),
        (S::Succeeded, R::Disputed, S::Disputed),
        (S::PartlyRefunded, R::Disputed, S::Disputed),
        (S::Disputed, R::Won, S::Succeeded),
        (S::Disputed, R::Lost, S::ChargedBack),
    ]
};

/// Every transition of a refund that is allowed, and where it leads. One that has succeeded may
/// come back later, and then it has failed for good.
const REFUND_TRANSITIONS: [(TransactionStatus, Reported, TransactionStatus); 3] = {
    use Reported as R;
    use TransactionStatus as S;
    [
        (S::Pending, R::Succeeded, S::Succeeded),
        (S::Pending, R::Failed, S::Failed),
        (S::Succeeded, R::Failed, S::Failed),
    ]
};

impl TransactionStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::RequiresAction,
        Self::Succeeded,
        Self::Failed,
        Self::PartlyRefunded,
        Self::Refunded,
        Self::Disputed,
        Self::ChargedBack,
    ];

    /// Those whose transactions may still move money, so that the provider is asked again.
    pub const OPEN: [Self; 2] = [Self::Pending, Self::RequiresAction];

    /// Where what is said of a payment leads; `None` when that is no transition.
    #[must_use]
    pub fn after(self, reported: Reported) -> Option<Self> {
        found(&TRANSITIONS, self, reported)
    }

    /// Where what is said of a refund leads; `None` when that is no transition.
    #[must_use]
    pub fn refund_after(self, reported: Reported) -> Option<Self> {
        found(&REFUND_TRANSITIONS, self, reported)
    }

    /// What the status is called in tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::PartlyRefunded => "partly_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::ChargedBack => "charged_back",
        }
    }

    /// The status with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether money may still move.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::RequiresAction)
    }

    /// Whether the money has arrived, whatever has become of it since.
    #[must_use]
    pub const fn has_succeeded(self) -> bool {
        !matches!(self, Self::Pending | Self::RequiresAction | Self::Failed)
    }
}

fn found(
    transitions: &[(TransactionStatus, Reported, TransactionStatus)],
    from: TransactionStatus,
    reported: Reported,
) -> Option<TransactionStatus> {
    let mut transitions = transitions.iter();
    let found = transitions.find(|(start, by, _)| *start == from && *by == reported);
    found.map(|(_, _, to)| *to)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};
    use rstest::rstest;

    use super::{Reported as R, TransactionStatus as S};

    const REPORTED: [R; 10] = [
        R::NeedsUser,
        R::Processing,
        R::Succeeded,
        R::Failed,
        R::NoRefund,
        R::PartRefund,
        R::FullRefund,
        R::Disputed,
        R::Won,
        R::Lost,
    ];

    #[rstest]
    #[case::pending(
        S::Pending,
        &[(R::NeedsUser, S::RequiresAction), (R::Succeeded, S::Succeeded), (R::Failed, S::Failed)]
    )]
    #[case::requires_action(
        S::RequiresAction,
        &[(R::Processing, S::Pending), (R::Succeeded, S::Succeeded), (R::Failed, S::Failed)]
    )]
    #[case::failed(S::Failed, &[(R::Succeeded, S::Succeeded)])]
    #[case::succeeded(
        S::Succeeded,
        &[
            (R::PartRefund, S::PartlyRefunded),
            (R::FullRefund, S::Refunded),
            (R::Disputed, S::Disputed),
        ]
    )]
    #[case::partly_refunded(
        S::PartlyRefunded,
        &[
            (R::NoRefund, S::Succeeded),
            (R::FullRefund, S::Refunded),
            (R::Disputed, S::Disputed),
        ]
    )]
    #[case::refunded(
        S::Refunded,
        &[(R::NoRefund, S::Succeeded), (R::PartRefund, S::PartlyRefunded)]
    )]
    #[case::disputed(S::Disputed, &[(R::Won, S::Succeeded), (R::Lost, S::ChargedBack)])]
    #[case::charged_back(S::ChargedBack, &[])]
    fn a_payment_makes_only_these_transitions(#[case] from: S, #[case] allowed: &[(R, S)]) {
        for reported in REPORTED {
            let to = allowed.iter().find(|(by, _)| *by == reported);
            assert_eq!(from.after(reported), to.map(|(_, to)| *to), "{reported:?}");
        }
    }

    #[rstest]
    #[case::pending(S::Pending, &[(R::Succeeded, S::Succeeded), (R::Failed, S::Failed)])]
    #[case::succeeded(S::Succeeded, &[(R::Failed, S::Failed)])]
    #[case::failed(S::Failed, &[])]
    #[case::partly_refunded(S::PartlyRefunded, &[])]
    fn a_refund_makes_only_these_transitions(#[case] from: S, #[case] allowed: &[(R, S)]) {
        for reported in REPORTED {
            let to = allowed.iter().find(|(by, _)| *by == reported);
            assert_eq!(
                from.refund_after(reported),
                to.map(|(_, to)| *to),
                "{reported:?}"
            );
        }
    }

    #[test]
    fn names_read_back_as_written() {
        for status in S::ALL {
            assert_eq!(S::named(status.name()), Some(status));
            assert_eq!(S::OPEN.contains(&status), status.is_open());
        }
        assert_eq!(S::named("PENDING"), None);
    }

    proptest! {
        /// Money arrives once however often and in whatever order things are reported, and never
        /// goes back to what has not arrived.
        #[test]
        fn money_arrives_at_most_once(reports in vec(select(&REPORTED[..]), 0..40)) {
            let mut status = S::Pending;
            let mut arrived = 0;
            for reported in reports {
                let Some(next) = status.after(reported) else { continue };
                prop_assert_ne!(next, status);
                arrived += i32::from(!status.has_succeeded() && next.has_succeeded());
                prop_assert!(!status.has_succeeded() || next.has_succeeded());
                status = next;
            }
            prop_assert_eq!(arrived == 1, status.has_succeeded());
            prop_assert!(arrived <= 1);
        }

        #[test]
        fn what_the_provider_says_has_succeeded_has_succeeded(
            before in vec(select(&REPORTED[..]), 0..20),
            after in vec(select(&REPORTED[..]), 0..20),
        ) {
            let reports = before.into_iter().chain([R::Succeeded]).chain(after);
            let status = reports.fold(S::Pending, |status, reported| {
                status.after(reported).unwrap_or(status)
            });
            prop_assert!(status.has_succeeded());
        }
    }
}
