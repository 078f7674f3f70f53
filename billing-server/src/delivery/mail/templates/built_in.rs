//! The texts that the program brings with it.

use minijinja::{Environment, Error};

/// The HTML around every mail; templates of the operator's may extend it too.
pub(super) const LAYOUT: &str = "layout.html";

/// A file's name and its text.
macro_rules! texts {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../texts/", $name)))),+]
    };
}

const TEXTS: &[(&str, &str)] = texts! {
    "layout.html"
    "invoice_issued.en.subject" "invoice_issued.en.txt" "invoice_issued.en.html"
    "invoice_issued.zh.subject" "invoice_issued.zh.txt" "invoice_issued.zh.html"
    "invoice_voided.en.subject" "invoice_voided.en.txt" "invoice_voided.en.html"
    "invoice_voided.zh.subject" "invoice_voided.zh.txt" "invoice_voided.zh.html"
    "credit_note.en.subject" "credit_note.en.txt" "credit_note.en.html"
    "credit_note.zh.subject" "credit_note.zh.txt" "credit_note.zh.html"
    "payment_failed.en.subject" "payment_failed.en.txt" "payment_failed.en.html"
    "payment_failed.zh.subject" "payment_failed.zh.txt" "payment_failed.zh.html"
    "quota_warning.en.subject" "quota_warning.en.txt" "quota_warning.en.html"
    "quota_warning.zh.subject" "quota_warning.zh.txt" "quota_warning.zh.html"
    "topup_done.en.subject" "topup_done.en.txt" "topup_done.en.html"
    "topup_done.zh.subject" "topup_done.zh.txt" "topup_done.zh.html"
    "operator_notice.en.subject" "operator_notice.en.txt"
};

/// An environment with all of them.
pub(super) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = super::environment()?;
    for (name, text) in TEXTS {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}
