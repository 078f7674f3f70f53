//! What a document says. Everything is decided before: here it is only printed.

use billing_core::money::{Money, Price, Rate};
use chrono::NaiveDate;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    /// The language of its labels.
    pub(crate) language: Language,
    /// The currency of all amounts, as an ISO 4217 code.
    pub(crate) currency: String,
    /// The number in its gapless series, "INV-2024-000123".
    pub(crate) document_number: String,
    /// The number by which the invoice is called in the API.
    pub(crate) invoice_number: String,
    /// The document that it corrects, if it corrects one.
    pub(crate) corrects: Option<Corrected>,
    pub(crate) seller: Seller,
    pub(crate) buyer: Buyer,
    pub(crate) issued_on: NaiveDate,
    pub(crate) due_on: Option<NaiveDate>,
    pub(crate) service_period: Option<Period>,
    pub(crate) lines: Vec<Line>,
    /// The sum of the lines' amounts.
    pub(crate) subtotal: Money,
    pub(crate) discounts: Vec<Discount>,
    /// What rounding each line has changed of their sum; zero is not printed.
    pub(crate) rounding_difference: Money,
    /// What is taxed: the subtotal without the discounts.
    pub(crate) net: Money,
    /// The rate of the tax: 0.1 = 10 %.
    pub(crate) tax_rate: Rate,
    pub(crate) tax_amount: Money,
    /// Why there is no tax, if the document is to say so.
    pub(crate) exemption: Option<Exemption>,
    pub(crate) total: Money,
    /// What the credit balance has paid of the total; zero is not printed.
    pub(crate) credit_applied: Money,
    /// What credit notes have taken off the total; zero is not printed.
    pub(crate) credited: Money,
    /// What is still to be paid. Not printed on what gives money back.
    pub(crate) amount_due: Money,
    pub(crate) settlement: Settlement,
}

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Invoice,
    /// Of what was paid before.
    Receipt,
    /// Takes back a part of an invoice.
    CreditNote,
    /// Takes back an invoice.
    Cancellation,
}

/// The language of a document's labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

/// The document that another one corrects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Corrected {
    pub(crate) document_number: String,
    pub(crate) issued_on: NaiveDate,
}

/// Who sells. Empty texts are not printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seller {
    pub(crate) name: String,
    /// May have several lines.
    pub(crate) address: String,
    pub(crate) country: String,
    pub(crate) tax_id: String,
    /// Where the company is registered, under which number.
    pub(crate) registration: String,
    /// Small print at the end; may have several lines.
    pub(crate) footer: String,
}

/// Who buys. Empty texts are not printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buyer {
    pub(crate) name: String,
    /// May have several lines.
    pub(crate) address: String,
    pub(crate) country: String,
    pub(crate) tax_id: String,
    pub(crate) user_id: String,
}

/// A stretch of days, both of which belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
}

/// What is charged, or given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) description: String,
    /// If it is another one than the document's.
    pub(crate) period: Option<Period>,
    pub(crate) quantity: i64,
    pub(crate) unit: Unit,
    /// Per unit, printed with all its decimals, at least two.
    pub(crate) unit_price: Price,
    /// In whole cents.
    pub(crate) amount: Money,
    /// The amount before rounding, if it is to be printed.
    pub(crate) exact_amount: Option<Money>,
}

/// What a quantity counts, and what its price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tokens, priced per 1,000.
    Tokens,
    /// Pieces, priced each.
    Pieces,
}

/// What is taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Discount {
    pub(crate) label: String,
    /// How much, positive.
    pub(crate) amount: Money,
}

/// Why there is no tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exemption {
    ReverseCharge,
    Exempt,
    OutsideScope,
}

/// How the amount is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// How to pay, in words; may have several lines. Empty: nothing is printed.
    ToPay(String),
    /// When and by what method it was paid.
    Paid { on: NaiveDate, method: String },
}
