//! Invoices as a CSV file (RFC 4180) for bookkeepers, part by part.

use billing_core::{
    document::{Buyer, TaxExemption},
    ids::InvoiceId,
    invoice::Invoice,
    money::NumberError,
};
use billing_proto::v1;
use billing_store::InvoiceFilter;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::FutureExt;

use crate::{
    api::{csv, formula::neutral},
    app::App,
    error::ApiError,
};

/// An export as it is sent.
pub(super) type Parts = csv::Parts<v1::ExportInvoicesResponse>;

/// What an invoice has in a column.
type Field = fn(&Invoice) -> Result<String, NumberError>;

/// The columns, named like the fields of the API's `Invoice` and of its buyer.
const COLUMNS: [(&str, Field); 23] = [
    ("invoice_number", |i| Ok(neutral(&i.number).into_owned())),
    ("user_id", |i| Ok(neutral(i.user_id.as_str()).into_owned())),
    ("billing_month", |i| Ok(i.month.to_string())),
    ("status", |i| Ok(i.status.name().to_owned())),
    ("issued_at", |i| Ok(rfc3339(i.issued_at))),
    ("due_date", |i| Ok(rfc3339(i.due_date))),
    ("amount", |i| Ok(i.bill.amount.digits(2))),
    ("discount_amount", |i| Ok(i.bill.discount_amount.digits(2))),
    ("tax_rate", |i| Ok(i.bill.tax_rate.to_string())),
    ("tax_amount", |i| Ok(i.bill.tax_amount.digits(2))),
    ("final_amount", |i| Ok(i.bill.final_amount.digits(2))),
    ("credit_applied", |i| Ok(i.credit_applied.digits(2))),
    ("amount_due", |i| Ok(i.amount_due()?.digits(2))),
    ("paid_at", |i| Ok(rfc3339(i.paid_at))),
    ("payment_method", |i| Ok(text(&i.payment_method))),
    ("transaction_id", |i| Ok(text(&i.transaction_id))),
    ("id", |i| {
        Ok(i.id.map(|id| id.to_string()).unwrap_or_default())
    }),
    ("document_number", |i| {
        Ok(neutral(&i.document_number).into_owned())
    }),
    ("exemption", |i| Ok(exemption(i).to_owned())),
    ("buyer_name", |i| Ok(buyer(i, |buyer| &buyer.name))),
    ("buyer_country", |i| Ok(buyer(i, |buyer| &buyer.country))),
    ("buyer_tax_id", |i| Ok(buyer(i, |buyer| &buyer.tax_id))),
    ("cancellation_number", |i| {
        let cancelled = i.cancellation.as_ref();
        Ok(text(&cancelled.map(|of| of.number.clone())))
    }),
];

fn rfc3339(time: Option<DateTime<Utc>>) -> String {
    let text = time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    text.unwrap_or_default()
}

fn text(text: &Option<String>) -> String {
    neutral(text.as_deref().unwrap_or_default()).into_owned()
}

fn exemption(invoice: &Invoice) -> &'static str {
    let exemption = invoice
        .snapshot
        .as_ref()
        .and_then(|issued| issued.exemption);
    exemption.map_or("", TaxExemption::name)
}

/// What an issued invoice says of its buyer.
fn buyer(invoice: &Invoice, field: fn(&Buyer) -> &String) -> String {
    let said = invoice.snapshot.as_ref().map(|issued| field(&issued.buyer));
    text(&said.cloned())
}

/// Reads and sends invoices, a part at a time as the client reads on.
pub(super) fn parts(app: App, filter: InvoiceFilter) -> Parts {
    csv::parts(None, move |after| {
        part(app.clone(), filter.clone(), after).boxed()
    })
}

/// The part of an export after an invoice, and after which the next one is, if there is one.
async fn part(
    app: App,
    filter: InvoiceFilter,
    after: Option<InvoiceId>,
) -> Result<(v1::ExportInvoicesResponse, Option<Option<InvoiceId>>), ApiError> {
    app.keep_on()?;
    let limit = i64::try_from(csv::ROWS_PER_PART).unwrap_or(i64::MAX);
    let found = app.store().invoices_after(filter, after, limit).await?;
    let chunk = write(after.is_none(), &found)?;
    let last = found.get(csv::ROWS_PER_PART.saturating_sub(1));
    let next = last.map(|last| last.id);
    Ok((v1::ExportInvoicesResponse { chunk }, next))
}

/// The next part of a file; the first begins with the header.
fn write(first: bool, invoices: &[Invoice]) -> Result<String, ApiError> {
    csv::text(|file| {
        if first {
            file.write_record(COLUMNS.map(|(name, _)| name))?;
        }
        for invoice in invoices {
            for (_, field) in COLUMNS {
                file.write_field(field(invoice)?)?;
            }
            csv::end_row(file)?;
        }
        Ok(())
    })
}
