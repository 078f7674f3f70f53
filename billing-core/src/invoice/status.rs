//! The status of an invoice, and the transitions there are.

/// The status of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvoiceStatus {
    /// Not issued.
    Draft,
    /// Issued and to be paid.
    Issued,
    /// Paid.
    Paid,
    /// Unpaid after its due date.
    Overdue,
    /// Void: nothing is owed, and its charges can be invoiced again.
    Void,
    /// Given up: nothing is asked for any more, and its charges are never invoiced again.
    Uncollectible,
}

/// What is done to an invoice, or happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvoiceTransition {
    /// It gets its number and is sent.
    Issue,
    /// It is paid.
    Pay,
    /// Its due date passes.
    FallDue,
    /// It is taken back, and its month is open again.
    Void,
    /// It is given up.
    WriteOff,
    /// The payer's bank takes the payment back.
    ChargeBack,
}

/// Every transition that is allowed, and where it leads.
const TRANSITIONS: [(InvoiceStatus, InvoiceTransition, InvoiceStatus); 11] = {
    use InvoiceStatus as S;
    use InvoiceTransition as T;
    [
        (S::Draft, T::Issue, S::Issued),
        (S::Draft, T::Void, S::Void),
        (S::Issued, T::Pay, S::Paid),
        (S::Issued, T::FallDue, S::Overdue),
        (S::Issued, T::Void, S::Void),
        (S::Issued, T::WriteOff, S::Uncollectible),
        (S::Overdue, T::Pay, S::Paid),
        (S::Overdue, T::Void, S::Void),
        (S::Overdue, T::WriteOff, S::Uncollectible),
        (S::Uncollectible, T::Pay, S::Paid),
        (S::Paid, T::ChargeBack, S::Issued),
    ]
};

impl InvoiceStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Issued,
        Self::Paid,
        Self::Overdue,
        Self::Void,
        Self::Uncollectible,
    ];

    /// Those whose invoices wait to be paid.
    pub const UNPAID: [Self; 2] = [Self::Issued, Self::Overdue];
    /// Those whose invoices charge nobody: not issued, or taken back.
    pub const NOT_IN_FORCE: [Self; 2] = [Self::Draft, Self::Void];

    /// Where a transition leads; `None` when it is not allowed.
    #[must_use]
    pub fn after(self, transition: InvoiceTransition) -> Option<Self> {
        let mut transitions = TRANSITIONS.iter();
        let found = transitions.find(|(from, by, _)| *from == self && *by == transition);
        found.map(|(_, _, to)| *to)
    }

    /// What the status is called in tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Issued => "issued",
            Self::Paid => "paid",
            Self::Overdue => "overdue",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }

    /// The status with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether money is asked for.
    pub(super) const fn is_collectible(self) -> bool {
        matches!(self, Self::Issued | Self::Overdue)
    }

    /// Whether the invoice counts, and can be reduced by credit notes only.
    pub(super) const fn is_issued(self) -> bool {
        !matches!(self, Self::Draft | Self::Void)
    }
}
