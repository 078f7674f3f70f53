//! Numbers of documents, which have no gaps. A transaction numbers what it issues by its last
//! statements: whoever waits for a series waits for a commit and no more, the rows of series are
//! the last that anybody locks, and what is undone has taken no number.

use std::collections::{BTreeMap, BTreeSet};

use billing_core::{
    document::{DocumentOptions, Numbered, Series, SeriesName},
    invoice::{CreditNote, Invoice, InvoiceStatus},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{Tx, dialect};
use crate::{
    StoreError,
    rows::{CreditNoteRow, InvoiceRow, SeriesRow},
    schema::document_series,
};

/// Series of a year that the transaction has locked.
struct LockedSeries(BTreeMap<SeriesName, Series>);

impl LockedSeries {
    /// Locks series by the bytes of their names, as everybody does.
    async fn lock(
        tx: &mut Tx,
        names: BTreeSet<SeriesName>,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut series = BTreeMap::new();
        for name in names {
            let locked = lock(tx, name.clone(), Series::year_of(now)).await?;
            series.insert(name, locked);
        }
        Ok(Self(series))
    }

    fn take(&mut self, name: &SeriesName, now: DateTime<Utc>) -> Result<Numbered, StoreError> {
        let series = self.0.get_mut(name);
        let series = series.ok_or_else(|| StoreError::Failed(format!("{name} is not locked")))?;
        Ok(series.take(now))
    }

    async fn keep(self, tx: &mut Tx) -> Result<(), StoreError> {
        let rows = self.0.values().map(SeriesRow::from).collect();
        dialect::upsert(&mut tx.conn, rows).await
    }
}

/// Locks the series of a year, creating it when it is missing.
async fn lock(tx: &mut Tx, name: SeriesName, year: i32) -> Result<Series, StoreError> {
    if let Some(row) = dialect::lock_series(&mut tx.conn, name.as_str(), year).await? {
        return Ok(row.into());
    }
    let row = SeriesRow::from(&Series::new(name.clone(), year));
    dialect::insert_new(&mut tx.conn, vec![row]).await?;
    let row = dialect::lock_series(&mut tx.conn, name.as_str(), year).await?;
    let row = row.ok_or_else(|| StoreError::Failed(format!("{name} is not there")))?;
    Ok(row.into())
}

/// Numbers new invoices and what they credit, and stores them. Drafts have no numbers.
pub(in super::super) async fn store_new(
    tx: &mut Tx,
    invoices: &mut [Invoice],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let documents = tx.documents();
    let mut series = LockedSeries::lock(tx, series_of(invoices, &documents), now).await?;
    for invoice in invoices.iter_mut().filter(|invoice| is_issued(invoice)) {
        invoice.take_number(series.take(&documents.invoice_series, now)?);
        for note in &mut invoice.credit_notes {
            note.take_number(series.take(&documents.credit_note_series, now)?);
        }
    }
    series.keep(tx).await?;
    for invoice in invoices.iter() {
        tx.retell_invoice(invoice);
    }
    let rows = invoices.iter().map(InvoiceRow::try_from);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    dialect::insert(&mut tx.conn, rows).await?;
    let notes = invoices.iter().flat_map(|invoice| &invoice.credit_notes);
    let notes = notes.map(CreditNoteRow::from).collect();
    dialect::insert(&mut tx.conn, notes).await
}

fn is_issued(invoice: &Invoice) -> bool {
    invoice.status != InvoiceStatus::Draft
}

/// The series that invoices take numbers of.
fn series_of(invoices: &[Invoice], documents: &DocumentOptions) -> BTreeSet<SeriesName> {
    let mut names = BTreeSet::new();
    for invoice in invoices.iter().filter(|invoice| is_issued(invoice)) {
        names.insert(documents.invoice_series.clone());
        if !invoice.credit_notes.is_empty() {
            names.insert(documents.credit_note_series.clone());
        }
    }
    names
}

/// Numbers a credit note and stores it.
pub(in super::super) async fn store_note(
    tx: &mut Tx,
    note: &mut CreditNote,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    note.take_number(next_of_notes(tx, now).await?);
    tx.retell_note(note);
    dialect::insert(&mut tx.conn, vec![CreditNoteRow::from(&*note)]).await
}

/// Has an invoice that was voided after it had a number be cancelled by a document of its own.
pub(super) async fn store_cancellation(
    tx: &mut Tx,
    invoice: &mut Invoice,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if !invoice.wants_cancellation() {
        return Ok(());
    }
    invoice.cancel(next_of_notes(tx, now).await?);
    tx.retell_invoice(invoice);
    let row = InvoiceRow::try_from(&*invoice)?;
    dialect::upsert(&mut tx.conn, vec![row]).await
}

/// The next number of the series of credit notes.
async fn next_of_notes(tx: &mut Tx, now: DateTime<Utc>) -> Result<Numbered, StoreError> {
    let name = tx.documents().credit_note_series.clone();
    let mut series = LockedSeries::lock(tx, BTreeSet::from([name.clone()]), now).await?;
    let numbered = series.take(&name, now)?;
    series.keep(tx).await?;
    Ok(numbered)
}

/// All series of all years, the latest year first.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Series>, StoreError> {
    let rows: Vec<SeriesRow> = document_series::table
        .order((document_series::year.desc(), document_series::series))
        .select(SeriesRow::as_select())
        .load(&mut tx.conn)
        .await?;
    Ok(rows.into_iter().map(Series::from).collect())
}

/// Has a series go on with a number, and answers it.
pub(super) async fn set_next(
    tx: &mut Tx,
    name: SeriesName,
    year: i32,
    next: i64,
) -> Result<Series, StoreError> {
    tx.documents().check(&name)?;
    let mut series = lock(tx, name, year).await?;
    series.set_next(next)?;
    let row = SeriesRow::from(&series);
    dialect::upsert(&mut tx.conn, vec![row]).await?;
    Ok(series)
}
