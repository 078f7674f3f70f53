//! Who issues a document, and to whom.

use super::TaxExemption;

/// Who sells: what the operator says of the business.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seller {
    /// The name.
    pub name: String,
    /// The address, of several lines.
    pub address: String,
    /// The country (ISO 3166-1 alpha-2); empty when it is not told.
    pub country: String,
    /// The tax id.
    pub tax_id: String,
    /// The entry in a register of companies.
    pub registration: String,
    /// What stands at the foot of documents, such as how to pay; of several lines.
    pub footer: String,
}

/// Who buys: what the user's settings say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buyer {
    /// The name.
    pub name: String,
    /// The address, of several lines.
    pub address: String,
    /// The country (ISO 3166-1 alpha-2); empty when it is not told.
    pub country: String,
    /// The tax id.
    pub tax_id: String,
    /// The language of documents.
    pub language: Language,
}

/// The language of what a user is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese.
    Chinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language's code (ISO 639-1).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language with a code.
    #[must_use]
    pub fn coded(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// What a document says of its parties and of tax, as it was when the document was issued.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Who sold.
    pub seller: Seller,
    /// Who bought.
    pub buyer: Buyer,
    /// Why no tax is charged; `None` when it is.
    pub exemption: Option<TaxExemption>,
    /// What the document says of that, in the buyer's language; empty when tax is charged.
    pub tax_note: String,
}

impl Snapshot {
    /// Of a document that is issued now.
    #[must_use]
    pub fn new(seller: Seller, buyer: Buyer, exemption: Option<TaxExemption>) -> Self {
        let note = exemption.map_or("", |exemption| exemption.note(buyer.language));
        Self {
            seller,
            buyer,
            exemption,
            tax_note: note.to_owned(),
        }
    }
}
