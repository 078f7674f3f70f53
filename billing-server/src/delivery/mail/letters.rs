//! The kinds of mail, and what the templates of each may say.

use std::fmt;

use minijinja::{Value, value::Serde};
use serde::Serialize;

/// What every template may say, whatever the kind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Common<'a> {
    /// The name on the buyer's invoices; may be empty.
    pub(super) buyer_name: &'a str,
    /// The name that mails are from.
    pub(super) sender_name: &'a str,
    /// The language, as in `lang` of HTML.
    pub(super) language: Language,
    /// Whether the document is attached.
    pub(super) has_pdf: bool,
}

/// The names of [`Common`].
pub(super) const COMMON: [&str; 4] = ["buyer_name", "sender_name", "language", "has_pdf"];

/// A value that a template may say.
trait Variable {
    /// Another value, for which a template may take its other turn.
    fn otherwise(self) -> Self;
}

impl Variable for String {
    fn otherwise(self) -> Self {
        Self::new()
    }
}

impl Variable for bool {
    fn otherwise(self) -> Self {
        !self
    }
}

/// Declares kinds of mail: the type that holds what a mail says, its file name, its formats, and
/// each variable with a value of an example.
macro_rules! letters {
    ($(
        $(#[doc = $doc:tt])+
        $Kind:ident, $name:literal, $languages:expr, $formats:expr, {
            $(
                $(#[doc = $variable_doc:tt])+
                $variable:ident: $type:ty = $example:expr,
            )+
        }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Serialize)]
            pub(crate) struct $Kind {
                $($(#[doc = $variable_doc])+ pub(crate) $variable: $type,)+
            }
        )+

        /// A kind of mail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
        #[value(rename_all = "snake_case")]
        pub(crate) enum MailKind {
            $($(#[doc = $doc])+ $Kind,)+
        }

        /// What a mail says.
        #[derive(Debug, Clone)]
        pub(crate) enum Letter {
            $($(#[doc = $doc])+ $Kind($Kind),)+
        }

        impl MailKind {
            /// Every kind.
            pub(crate) const ALL: &[Self] = &[$(Self::$Kind),+];

            /// The name that its templates' files begin with.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$Kind => $name,)+
                }
            }

            /// The languages it is written in.
            pub(super) const fn languages(self) -> &'static [Language] {
                match self {
                    $(Self::$Kind => $languages,)+
                }
            }

            /// The templates of each language.
            pub(super) const fn formats(self) -> &'static [Format] {
                match self {
                    $(Self::$Kind => $formats,)+
                }
            }

            /// What its templates may say, besides what all may.
            pub(super) const fn variables(self) -> &'static [&'static str] {
                match self {
                    $(Self::$Kind => &[$(stringify!($variable)),+],)+
                }
            }
        }

        impl Letter {
            /// Its kind.
            pub(crate) const fn kind(&self) -> MailKind {
                match self {
                    $(Self::$Kind(_) => MailKind::$Kind,)+
                }
            }

            /// An example of a kind.
            pub(crate) fn example(kind: MailKind) -> Self {
                match kind {
                    $(MailKind::$Kind => Self::$Kind($Kind {
                        $($variable: $example.into(),)+
                    }),)+
                }
            }

            /// As [`Self::example`], with every value turned around: texts are empty.
            pub(super) fn other_example(kind: MailKind) -> Self {
                match kind {
                    $(MailKind::$Kind => Self::$Kind($Kind {
                        $($variable: <$type>::from($example).otherwise(),)+
                    }),)+
                }
            }

            /// What templates see.
            pub(super) fn values(&self) -> Value {
                match self {
                    $(Self::$Kind(letter) => Value::from(Serde(letter)),)+
                }
            }
        }
    };
}

use Format::{Html, Subject, Text};

const BOTH: &[Language] = &[Language::En, Language::Zh];
const ENGLISH: &[Language] = &[Language::En];
const WITH_HTML: &[Format] = &[Subject, Text, Html];
const TEXT_ONLY: &[Format] = &[Subject, Text];

letters! {
    /// An invoice was issued.
    InvoiceIssued, "invoice_issued", BOTH, WITH_HTML, {
        /// The invoice's number.
        invoice_number: String = "INV-alice-2026-10",
        /// Its number in the books; may be empty.
        document_number: String = "R-2026-000042",
        /// The month that was billed.
        billing_month: String = "2026-10",
        /// The sum before discounts and tax.
        amount: String = "150.50",
        /// What discounts and coupons took off.
        discount_amount: String = "10.00",
        /// The tax.
        tax_amount: String = "26.70",
        /// The total.
        final_amount: String = "167.20",
        /// What is left to be paid.
        amount_due: String = "167.20",
        /// The currency of all amounts.
        currency: String = "USD",
        /// The day it was issued.
        issued_on: String = "2026-11-02",
        /// The day by which it is to be paid.
        due_date: String = "2026-12-02",
        /// Whether nothing is left to be paid.
        is_paid: bool = false,
    }

    /// An invoice was voided.
    InvoiceVoided, "invoice_voided", BOTH, WITH_HTML, {
        /// The invoice's number.
        invoice_number: String = "INV-alice-2026-10",
        /// The number of the cancellation in the books; may be empty.
        document_number: String = "C-2026-000007",
        /// The month that was billed.
        billing_month: String = "2026-10",
        /// The invoice's total.
        final_amount: String = "167.20",
        /// The currency of the total.
        currency: String = "USD",
        /// The day it was voided.
        voided_on: String = "2026-11-03",
    }

    /// A credit note was written.
    CreditNote, "credit_note", BOTH, WITH_HTML, {
        /// The credit note's number.
        credit_note_number: String = "CN-INV-alice-2026-10-1",
        /// Its number in the books; may be empty.
        document_number: String = "C-2026-000008",
        /// The number of the invoice that it is for.
        invoice_number: String = "INV-alice-2026-10",
        /// What is credited, before tax.
        amount: String = "50.00",
        /// The tax of it.
        tax_amount: String = "9.50",
        /// Both together.
        total: String = "59.50",
        /// What the invoice still asks for.
        amount_due: String = "107.70",
        /// What went to the credit balance; empty when nothing did.
        to_balance: String = "12.30",
        /// The currency of all amounts.
        currency: String = "USD",
        /// The day it was issued.
        issued_on: String = "2026-11-04",
    }

    /// A payment failed.
    PaymentFailed, "payment_failed", BOTH, WITH_HTML, {
        /// What was to be paid.
        amount: String = "167.20",
        /// Its currency.
        currency: String = "USD",
        /// What the payment provider said; may be empty.
        failure_message: String = "Your card has insufficient funds.",
        /// The number of the invoice; empty for a top-up.
        invoice_number: String = "INV-alice-2026-10",
        /// The day on which it is tried again; empty when it is not.
        next_attempt_on: String = "2026-11-05",
        /// Whether tokens were to be bought.
        is_topup: bool = false,
    }

    /// Quota and topped-up tokens are used up to a level.
    QuotaWarning, "quota_warning", BOTH, WITH_HTML, {
        /// The level: 80%, threshold or 100%.
        level: String = "80%",
        /// Tokens that are left.
        tokens_remaining: String = "200,000",
        /// Tokens of quota and topped-up balance.
        tokens_total: String = "1,000,000",
        /// The first day of the quota's window.
        window_start: String = "2026-11-01",
        /// Whether nothing is left.
        is_used_up: bool = false,
    }

    /// Tokens were bought.
    TopupDone, "topup_done", BOTH, WITH_HTML, {
        /// What was paid, tax included.
        amount: String = "100.00",
        /// Its currency.
        currency: String = "USD",
        /// Tokens that were bought.
        tokens: String = "666,666",
        /// The receipt's number in the books; may be empty.
        document_number: String = "R-2026-000043",
        /// The day it was paid.
        paid_on: String = "2026-11-06",
        /// Whether it was bought by itself.
        is_automatic: bool = true,
    }

    /// Something that the operator should know.
    OperatorNotice, "operator_notice", ENGLISH, TEXT_ONLY, {
        /// What it is about, in a few words.
        title: String = "mail cannot be sent",
        /// What has happened and what to do.
        message: String = "The mail server has refused the login for an hour.",
        /// When it happened (UTC).
        happened_at: String = "2026-11-02 09:30 UTC",
    }
}

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// English.
    En,
    /// Chinese, simplified.
    Zh,
}

impl Language {
    /// Its part of file names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// A part of a mail that has a template of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The subject, one line.
    Subject,
    /// The mail for readers without HTML.
    Text,
    /// The mail in HTML.
    Html,
}

impl Format {
    /// The end of its files' names.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

/// A template's name, which is its file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TemplateName {
    pub(super) kind: MailKind,
    pub(super) language: Language,
    pub(super) format: Format,
}

impl TemplateName {
    /// Every template that there is.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        MailKind::ALL.iter().flat_map(|&kind| {
            kind.languages().iter().flat_map(move |&language| {
                kind.formats().iter().map(move |&format| Self {
                    kind,
                    language,
                    format,
                })
            })
        })
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, language) = (self.kind.name(), self.language.name());
        write!(f, "{kind}.{language}.{}", self.format.ending())
    }
}
