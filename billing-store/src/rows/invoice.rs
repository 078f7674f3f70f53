//! Rows of `invoices` and `credit_notes`.

use billing_core::{
    document::Snapshot,
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    invoice::{Bill, Cancellation, CreditNote, Discount, Invoice, InvoiceStatus, Item},
    settings::CURRENCY,
};
use diesel::sql_types::{Bool, Nullable, Text};

use super::{
    DbMoney, DbRate, DbTimestamp, DbUuid,
    document::SnapshotJson,
    invoice_json::{DiscountJson, ItemJson},
    month,
    table::table_row,
};
use crate::{
    StoreError,
    json::Json,
    sql_types::{DbFixed, ExactDecimal, JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    InvoiceRow, InvoiceColumns in invoices {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        billing_month: String as Text = "text", Insert;
        status: String as Text = "text", Set;
        is_receipt: bool as Bool = "boolean", Insert;
        billing_address: String as Text = "text", Set;
        amount: DbMoney as ExactDecimal = "numeric", Set;
        discount_amount: DbMoney as ExactDecimal = "numeric", Set;
        tax_amount: DbMoney as ExactDecimal = "numeric", Set;
        final_amount: DbMoney as ExactDecimal = "numeric", Set;
        currency: String as Text = "text", Insert;
        issued_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        due_date: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        paid_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        payment_method: Option<String> as Nullable<Text> = "text", Set;
        transaction_id: Option<String> as Nullable<Text> = "text", Set;
        invoice_number: String as Text = "text", Set;
        document_number: String as Text = "text", Set;
        snapshot: Option<Json<SnapshotJson>> as Nullable<JsonText> = "jsonb", Set;
        cancellation_number: Option<String> as Nullable<Text> = "text", Set;
        cancelled_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        items: Json<Vec<ItemJson>> as JsonText = "jsonb", Set;
        discounts: Json<Vec<DiscountJson>> as JsonText = "jsonb", Set;
        tax_rate: DbRate as ExactDecimal = "numeric", Set;
        credited_amount: DbMoney as ExactDecimal = "numeric", Set;
        credited_tax: DbMoney as ExactDecimal = "numeric", Set;
        credit_applied: DbMoney as ExactDecimal = "numeric", Set;
        credit_noted: DbMoney as ExactDecimal = "numeric", Set;
        corrected_amount: DbMoney as ExactDecimal = "numeric", Set;
        corrected_tax: DbMoney as ExactDecimal = "numeric", Set;
        notes: String as Text = "text", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

impl TryFrom<&Invoice> for InvoiceRow {
    type Error = StoreError;

    fn try_from(invoice: &Invoice) -> Result<Self, StoreError> {
        let (bill, cancellation) = (&invoice.bill, invoice.cancellation.as_ref());
        let time = |at: Option<_>| at.map(DbTimestamp);
        let id = invoice.id;
        let id = id.ok_or_else(|| StoreError::Failed("a draft is not stored".to_owned()))?;
        Ok(Self {
            user_id: invoice.user_id.to_string(),
            id: DbUuid(id.uuid()),
            billing_month: invoice.month.to_string(),
            status: invoice.status.name().to_owned(),
            is_receipt: invoice.is_receipt,
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
            document_number: invoice.document_number.clone(),
            snapshot: invoice.snapshot.as_ref().map(|of| Json(of.into())),
            cancellation_number: cancellation.map(|of| of.number.clone()),
            cancelled_at: time(cancellation.map(|of| of.at)),
            items: Json(bill.items.iter().map(ItemJson::from).collect()),
            notes: invoice.notes.clone(),
            created_at: DbTimestamp(invoice.created_at),
            updated_at: DbTimestamp(invoice.updated_at),
            discounts: Json(bill.discounts.iter().map(DiscountJson::from).collect()),
            tax_rate: DbFixed(bill.tax_rate),
            credited_amount: DbFixed(bill.credited),
            credited_tax: DbFixed(bill.credited_tax),
            credit_applied: DbFixed(invoice.credit_applied),
            credit_noted: DbFixed(invoice.credit_noted),
            corrected_amount: DbFixed(invoice.corrected),
            corrected_tax: DbFixed(invoice.corrected_tax),
        })
    }
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = StoreError;

    fn try_from(row: InvoiceRow) -> Result<Self, StoreError> {
        let time = |at: Option<DbTimestamp>| at.map(|at| at.0);
        let status = InvoiceStatus::named(&row.status);
        let items = row.items.0.into_iter().map(Item::try_from);
        let discounts = row.discounts.0.into_iter().map(Discount::from);
        let snapshot = row.snapshot.map(|json| Snapshot::try_from(json.0));
        let cancelled = row.cancellation_number.zip(row.cancelled_at);
        Ok(Self {
            id: Some(InvoiceId::new(row.id.0)),
            user_id: UserId::trusted(row.user_id),
            month: month("billing_month", &row.billing_month)?,
            status: status.ok_or_else(|| StoreError::corrupt("status", &row.status))?,
            is_receipt: row.is_receipt,
            number: row.invoice_number,
            document_number: row.document_number,
            snapshot: snapshot.transpose()?,
            cancellation: cancelled.map(|(number, at)| Cancellation { number, at: at.0 }),
            bill: Bill {
                items: items.collect::<Result<_, _>>()?,
                amount: row.amount.0,
                discounts: discounts.collect(),
                discount_amount: row.discount_amount.0,
                tax_rate: row.tax_rate.0,
                tax_amount: row.tax_amount.0,
                final_amount: row.final_amount.0,
                credited: row.credited_amount.0,
                credited_tax: row.credited_tax.0,
            },
            credit_applied: row.credit_applied.0,
            credit_noted: row.credit_noted.0,
            corrected: row.corrected_amount.0,
            corrected_tax: row.corrected_tax.0,
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

table_row! {
    CreditNoteRow, CreditNoteColumns in credit_notes {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        invoice_id: DbUuid as UuidBytes = "uuid", Insert;
        note_number: String as Text = "text", Insert;
        document_number: String as Text = "text", Insert;
        snapshot: Json<SnapshotJson> as JsonText = "jsonb", Insert;
        amount: DbMoney as ExactDecimal = "numeric", Insert;
        tax_amount: DbMoney as ExactDecimal = "numeric", Insert;
        applied_amount: DbMoney as ExactDecimal = "numeric", Insert;
        reason: String as Text = "text", Insert;
        request_id: Option<String> as Nullable<Text> = "text", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl From<&CreditNote> for CreditNoteRow {
    fn from(note: &CreditNote) -> Self {
        Self {
            user_id: note.user_id.to_string(),
            id: DbUuid(note.id.uuid()),
            invoice_id: DbUuid(note.invoice_id.uuid()),
            note_number: note.number.clone(),
            document_number: note.document_number.clone(),
            snapshot: Json((&note.snapshot).into()),
            amount: DbFixed(note.amount),
            tax_amount: DbFixed(note.tax_amount),
            applied_amount: DbFixed(note.applied),
            reason: note.reason.clone(),
            created_at: DbTimestamp(note.created_at),
            request_id: note.request_id.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<CreditNoteRow> for CreditNote {
    type Error = StoreError;

    fn try_from(row: CreditNoteRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: CreditNoteId::new(row.id.0),
            user_id: UserId::trusted(row.user_id),
            invoice_id: InvoiceId::new(row.invoice_id.0),
            number: row.note_number,
            document_number: row.document_number,
            snapshot: row.snapshot.0.try_into()?,
            amount: row.amount.0,
            tax_amount: row.tax_amount.0,
            applied: row.applied_amount.0,
            reason: row.reason,
            request_id: row.request_id.map(RequestId::trusted),
            created_at: row.created_at.0,
        })
    }
}
