//! Why no tax is charged.

use super::Language;

/// Why a document charges no tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxExemption {
    /// The buyer owes the tax, and has a tax id.
    ReverseCharge,
    /// The buyer, or what is sold, is exempt.
    Exempt,
    /// The sale is not taxed here.
    OutsideScope,
}

impl TaxExemption {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReverseCharge, Self::Exempt, Self::OutsideScope];

    /// What the exemption is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReverseCharge => "reverse_charge",
            Self::Exempt => "exempt",
            Self::OutsideScope => "outside_scope",
        }
    }

    /// The exemption with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// What a document says of it.
    #[must_use]
    pub const fn note(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::ReverseCharge, Language::English) => {
                "Reverse charge: the recipient owes the tax."
            }
            (Self::ReverseCharge, Language::Chinese) => "反向征税：税款由购买方缴纳。",
            (Self::Exempt, Language::English) => "Exempt from tax.",
            (Self::Exempt, Language::Chinese) => "免税。",
            (Self::OutsideScope, Language::English) => "Outside the scope of tax.",
            (Self::OutsideScope, Language::Chinese) => "不属于征税范围。",
        }
    }
}
