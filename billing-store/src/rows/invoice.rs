//! Rows of `invoices` and `credit_notes`.

use billing_core::{
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    invoice::{Bill, CreditNote, Invoice, InvoiceStatus, Payer},
    money::Rate,
    settings::CURRENCY,
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::{DbMoney, DbRate, DbTimestamp, invoice_json, month};
use crate::{
    StoreError,
    schema::{credit_notes, invoices},
    sql_types::DbFixed,
};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoices, treat_none_as_null = true, primary_key(user_id, id))]
pub(crate) struct InvoiceRow {
    pub(crate) user_id: String,
    id: String,
    billing_month: String,
    pub(crate) status: String,
    billing_address: String,
    amount: DbMoney,
    discount_amount: DbMoney,
    tax_amount: DbMoney,
    final_amount: DbMoney,
    currency: String,
    issued_at: Option<DbTimestamp>,
    due_date: Option<DbTimestamp>,
    paid_at: Option<DbTimestamp>,
    payment_method: Option<String>,
    transaction_id: Option<String>,
    invoice_number: String,
    items: String,
    notes: String,
    created_at: DbTimestamp,
    updated_at: DbTimestamp,
    discounts: String,
    tax_rate: DbRate,
    credited_amount: DbMoney,
    credit_applied: DbMoney,
}

impl TryFrom<&Invoice> for InvoiceRow {
    type Error = StoreError;

    fn try_from(invoice: &Invoice) -> Result<Self, StoreError> {
        let bill = &invoice.bill;
        let time = |at: Option<_>| at.map(DbTimestamp);
        let id = invoice.id.as_ref();
        let id = id.ok_or_else(|| StoreError::Failed("a draft is not stored".to_owned()))?;
        Ok(Self {
            user_id: invoice.user_id.to_string(),
            id: id.to_string(),
            billing_month: invoice.month.to_string(),
            status: invoice.status.name().to_owned(),
            billing_address: invoice.billing_address.clone(),
            amount: DbFixed(bill.amount),
            discount_amount: DbFixed(bill.discount_amount),
            tax_amount: DbFixed(bill.tax_amount),
            final_amount: DbFixed(bill.final_amount),
            currency: CURRENCY.to_owned(),
            issued_at: time(invoice.issued_at),
            due_date: time(invoice.due_date),
            paid_at: time(invoice.paid_at),
            payment_method: invoice.payment_method.clone(),
            transaction_id: invoice.transaction_id.clone(),
            invoice_number: invoice.number.clone(),
            items: invoice_json::format_items(&bill.items)?,
            notes: invoice.notes.clone(),
            created_at: DbTimestamp(invoice.created_at),
            updated_at: DbTimestamp(invoice.updated_at),
            discounts: invoice_json::format_discounts(&bill.discounts)?,
            tax_rate: DbFixed(bill.tax_rate),
            credited_amount: DbFixed(bill.credited),
            credit_applied: DbFixed(invoice.credit_applied),
        })
    }
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = StoreError;

    fn try_from(row: InvoiceRow) -> Result<Self, StoreError> {
        let time = |at: Option<DbTimestamp>| at.map(|at| at.0);
        let status = InvoiceStatus::named(&row.status);
        Ok(Self {
            id: Some(InvoiceId::trusted(row.id)),
            user_id: UserId::trusted(row.user_id),
            month: month("billing_month", &row.billing_month)?,
            status: status.ok_or_else(|| StoreError::corrupt("status", &row.status))?,
            number: row.invoice_number,
            bill: Bill {
                items: invoice_json::parse_items(&row.items)?,
                amount: row.amount.0,
                discounts: invoice_json::parse_discounts(&row.discounts)?,
                discount_amount: row.discount_amount.0,
                tax_rate: row.tax_rate.0,
                tax_amount: row.tax_amount.0,
                final_amount: row.final_amount.0,
                credited: row.credited_amount.0,
            },
            credit_applied: row.credit_applied.0,
            billing_address: row.billing_address,
            issued_at: time(row.issued_at),
            due_date: time(row.due_date),
            paid_at: time(row.paid_at),
            payment_method: row.payment_method,
            transaction_id: row.transaction_id,
            notes: row.notes,
            credit_notes: Vec::new(),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = credit_notes)]
pub(crate) struct CreditNoteRow {
    user_id: String,
    id: String,
    invoice_id: String,
    amount: DbMoney,
    tax_amount: DbMoney,
    reason: String,
    created_at: DbTimestamp,
    request_id: Option<String>,
}

impl From<&CreditNote> for CreditNoteRow {
    fn from(note: &CreditNote) -> Self {
        Self {
            user_id: note.user_id.to_string(),
            id: note.id.to_string(),
            invoice_id: note.invoice_id.to_string(),
            amount: DbFixed(note.amount),
            tax_amount: DbFixed(note.tax_amount),
            reason: note.reason.clone(),
            created_at: DbTimestamp(note.created_at),
            request_id: note.request_id.as_ref().map(ToString::to_string),
        }
    }
}

impl From<CreditNoteRow> for CreditNote {
    fn from(row: CreditNoteRow) -> Self {
        Self {
            id: CreditNoteId::trusted(row.id),
            user_id: UserId::trusted(row.user_id),
            invoice_id: InvoiceId::trusted(row.invoice_id),
            amount: row.amount.0,
            tax_amount: row.tax_amount.0,
            reason: row.reason,
            request_id: row.request_id.map(RequestId::trusted),
            created_at: row.created_at.0,
        }
    }
}

/// What an invoice takes of an account and its settings: the user, tax rate, exemption, credit
/// balance and address.
pub(crate) type PayerRow = (String, DbRate, bool, DbMoney, Option<String>);

/// The user, and who pays for him.
pub(crate) fn payer((user_id, tax_rate, exempt, balance, address): PayerRow) -> (String, Payer) {
    let payer = Payer {
        tax_rate: if exempt { Rate::ZERO } else { tax_rate.0 },
        credit_balance: balance.0,
        billing_address: address.unwrap_or_default(),
    };
    (user_id, payer)
}
