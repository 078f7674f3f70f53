//! Invoices and credit notes as they are sent.

use billing_core::{
    document::{Series, Snapshot},
    ids::{InvoiceId, ModelId, RequestId},
    invoice::{
        Bill, Cancellation, CreditNote, Difference, Discount, DiscountSource, Invoice,
        InvoiceStatus, Item, ItemKind, ItemPart,
    },
    money::{NumberError, Rate},
    settings::CURRENCY,
};
use billing_proto::v1;
use prost_types::Timestamp;

use crate::api::{
    time::timestamp,
    values::{amount, decimal, exemption},
};

/// What the discount of the user's rate is called.
const ACCOUNT_DISCOUNT: &str = "Account discount";

/// An invoice as it is sent.
///
/// # Errors
/// When an amount does not fit.
pub(crate) fn invoice(invoice: Invoice) -> Result<v1::Invoice, NumberError> {
    let amount_due = amount(invoice.amount_due()?);
    let period = invoice.service_period();
    let says = says(invoice.snapshot);
    let (cancellation_number, cancelled_at) = cancellation(invoice.cancellation);
    let rounding_difference = amount(invoice.bill.rounding_difference()?);
    let notes = invoice.credit_notes.into_iter().map(credit_note);
    let credit_notes = notes.collect::<Result<_, _>>()?;
    let mut bill = invoice.bill;
    let items = std::mem::take(&mut bill.items).into_iter().map(item);
    Ok(v1::Invoice {
        id: id_or_empty(invoice.id),
        user_id: invoice.user_id.into_string(),
        billing_month: invoice.month.to_string(),
        status: status(invoice.status).into(),
        amount: amount(bill.amount),
        final_amount: amount(bill.final_amount),
        currency: CURRENCY.to_owned(),
        invoice_number: invoice.number,
        issued_at: invoice.issued_at.and_then(timestamp),
        due_date: invoice.due_date.and_then(timestamp),
        discount_amount: amount(bill.discount_amount),
        tax_amount: amount(bill.tax_amount),
        taxes: taxes(&bill),
        items: items.collect::<Result<_, _>>()?,
        discounts: bill.discounts.into_iter().map(discount).collect(),
        paid_at: invoice.paid_at.and_then(timestamp),
        payment_method: invoice.payment_method,
        transaction_id: invoice.transaction_id,
        billing_address: invoice.billing_address,
        notes: invoice.notes,
        credit_applied: amount(invoice.credit_applied),
        amount_due,
        credit_notes,
        credited_amount: amount(invoice.credit_noted),
        rounding_difference,
        document_number: invoice.document_number,
        parties: says.parties,
        exemption: says.exemption,
        tax_note: says.tax_note,
        service_start: period.and_then(|period| timestamp(period.start)),
        service_end: period.and_then(|period| timestamp(period.end)),
        cancellation_number,
        cancelled_at,
    })
}

/// An invoice as lists show it.
///
/// # Errors
/// When an amount does not fit.
pub(crate) fn invoice_summary(invoice: Invoice) -> Result<v1::InvoiceSummary, NumberError> {
    let amount_due = amount(invoice.amount_due()?);
    Ok(v1::InvoiceSummary {
        id: id_or_empty(invoice.id),
        invoice_number: invoice.number,
        billing_month: invoice.month.to_string(),
        status: status(invoice.status).into(),
        amount: amount(invoice.bill.amount),
        issued_at: invoice.issued_at.and_then(timestamp),
        due_date: invoice.due_date.and_then(timestamp),
        paid_at: invoice.paid_at.and_then(timestamp),
        final_amount: amount(invoice.bill.final_amount),
        user_id: invoice.user_id.into_string(),
        amount_due,
        document_number: invoice.document_number,
    })
}

/// A credit note as it is sent.
///
/// # Errors
/// When its total does not fit.
pub(crate) fn credit_note(note: CreditNote) -> Result<v1::CreditNote, NumberError> {
    let total = amount(note.total()?);
    let request_id = note.request_id.map(RequestId::into_string);
    let says = says(Some(note.snapshot));
    Ok(v1::CreditNote {
        id: note.id.to_string(),
        user_id: note.user_id.into_string(),
        invoice_id: note.invoice_id.to_string(),
        amount: amount(note.amount),
        tax_amount: amount(note.tax_amount),
        total,
        reason: note.reason,
        request_id: request_id.unwrap_or_default(),
        created_at: timestamp(note.created_at),
        number: note.number,
        applied_amount: amount(note.applied),
        document_number: note.document_number,
        parties: says.parties,
        exemption: says.exemption,
        tax_note: says.tax_note,
    })
}

/// Where a series of documents stands, as it is sent.
#[must_use]
pub(crate) fn series(series: Series) -> v1::DocumentSeries {
    v1::DocumentSeries {
        next_number: series.next_number(),
        year: series.year,
        last_at: series.last_at.and_then(timestamp),
        series: series.name.to_string(),
    }
}

/// What a document says of its parties and of tax.
#[derive(Default)]
struct Says {
    parties: Option<v1::DocumentParties>,
    exemption: Option<i32>,
    tax_note: String,
}

fn says(snapshot: Option<Snapshot>) -> Says {
    let Some(Snapshot {
        seller,
        buyer,
        exemption: reason,
        tax_note,
    }) = snapshot
    else {
        return Says::default();
    };
    let parties = v1::DocumentParties {
        seller: Some(v1::Seller {
            name: seller.name,
            address: seller.address,
            country: seller.country,
            tax_id: seller.tax_id,
            registration: seller.registration,
            footer: seller.footer,
        }),
        buyer: Some(v1::Buyer {
            name: buyer.name,
            address: buyer.address,
            country: buyer.country,
            tax_id: buyer.tax_id,
            language: buyer.language.code().to_owned(),
        }),
    };
    Says {
        parties: Some(parties),
        exemption: exemption(reason),
        tax_note,
    }
}

/// Number and date of the document that cancels an invoice.
fn cancellation(cancelled: Option<Cancellation>) -> (String, Option<Timestamp>) {
    cancelled.map_or_else(Default::default, |of| (of.number, timestamp(of.at)))
}

/// What is at fault with an invoice, as it is sent.
#[must_use]
pub(crate) fn difference(found: Difference) -> v1::ReconcileDifference {
    v1::ReconcileDifference {
        user_id: found.user_id.into_string(),
        invoice_id: id_or_empty(found.invoice_id),
        field: found.mismatch.field,
        expected: found.mismatch.expected,
        found: found.mismatch.found,
    }
}

fn id_or_empty(id: Option<InvoiceId>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

pub(super) fn status(status: InvoiceStatus) -> v1::InvoiceStatus {
    match status {
        InvoiceStatus::Draft => v1::InvoiceStatus::Draft,
        InvoiceStatus::Issued => v1::InvoiceStatus::Issued,
        InvoiceStatus::Paid => v1::InvoiceStatus::Paid,
        InvoiceStatus::Overdue => v1::InvoiceStatus::Overdue,
        InvoiceStatus::Void => v1::InvoiceStatus::Void,
        InvoiceStatus::Uncollectible => v1::InvoiceStatus::Uncollectible,
    }
}

fn item(item: Item) -> Result<v1::InvoiceItem, NumberError> {
    let exact_amount = amount(item.exact_amount()?);
    let unit = item.unit();
    let kind = match item.kind {
        ItemKind::Usage => v1::ItemType::Usage,
        ItemKind::PlanFee => v1::ItemType::PlanFee,
        ItemKind::Proration => v1::ItemType::Proration,
        ItemKind::Overage => v1::ItemType::Overage,
        ItemKind::LateUsage => v1::ItemType::LateUsage,
        ItemKind::Correction => v1::ItemType::Correction,
        ItemKind::Topup => v1::ItemType::Topup,
    };
    Ok(v1::InvoiceItem {
        model: item.model.map(ModelId::into_string).unwrap_or_default(),
        quantity: item.quantity,
        unit_price: decimal(item.unit_price),
        amount: amount(item.amount),
        description: item.description,
        r#type: kind.into(),
        breakdown: item.breakdown.into_iter().map(part).collect(),
        period_start: item.period_start.and_then(timestamp),
        period_end: item.period_end.and_then(timestamp),
        exact_amount,
        unit: unit.name().to_owned(),
        unit_price_per: unit.priced_per(),
    })
}

fn part(part: ItemPart) -> v1::ItemPart {
    let version = part.plan_version_id;
    v1::ItemPart {
        name: part.kind.name().to_owned(),
        tokens: part.tokens,
        unit_price: decimal(part.unit_price),
        amount: amount(part.amount),
        price_id: part.price_id.map(|id| id.to_string()).unwrap_or_default(),
        plan_version_id: version.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn discount(discount: Discount) -> v1::InvoiceDiscount {
    v1::InvoiceDiscount {
        description: match discount.source {
            DiscountSource::Account => ACCOUNT_DISCOUNT.to_owned(),
            DiscountSource::Coupon { code, .. } => code,
        },
        amount: amount(discount.amount),
    }
}

/// The tax; none for those who owe none.
fn taxes(bill: &Bill) -> Vec<v1::InvoiceTax> {
    if bill.tax_rate == Rate::ZERO {
        return Vec::new();
    }
    vec![v1::InvoiceTax {
        rate: decimal(bill.tax_rate),
        amount: amount(bill.tax_amount),
    }]
}
