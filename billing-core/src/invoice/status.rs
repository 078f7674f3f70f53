//! Where an invoice stands, and the moves there are.

/// Where an invoice stands.
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
    /// Given up.
    Uncollectible,
}

/// What is done to an invoice, or happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvoiceMove {
    /// It gets its number and is sent.
    Issue,
    /// It is paid.
    Pay,
    /// Its due date passes.
    FallDue,
    /// It is taken back.
    Void,
    /// It is given up.
    WriteOff,
}

/// Every move that is allowed.
const MOVES: [(InvoiceStatus, InvoiceMove, InvoiceStatus); 11] = {
    use InvoiceMove as M;
    use InvoiceStatus as S;
    [
        (S::Draft, M::Issue, S::Issued),
        (S::Draft, M::Void, S::Void),
        (S::Issued, M::Pay, S::Paid),
        (S::Issued, M::FallDue, S::Overdue),
        (S::Issued, M::Void, S::Void),
        (S::Issued, M::WriteOff, S::Uncollectible),
        (S::Overdue, M::Pay, S::Paid),
        (S::Overdue, M::Void, S::Void),
        (S::Overdue, M::WriteOff, S::Uncollectible),
        (S::Uncollectible, M::Pay, S::Paid),
        (S::Uncollectible, M::Void, S::Void),
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

    /// Where a move leads; `None` when it is not allowed.
    #[must_use]
    pub fn after(self, step: InvoiceMove) -> Option<Self> {
        let mut moves = MOVES.iter();
        let found = moves.find(|(from, by, _)| *from == self && *by == step);
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
        matches!(self, Self::Issued | Self::Overdue | Self::Uncollectible)
    }

    /// Whether the invoice counts, and can be reduced by credit notes only.
    pub(super) const fn may_be_credited(self) -> bool {
        !matches!(self, Self::Draft | Self::Void)
    }
}
