//! Issuing a month's invoices, of one user or of many, within a transaction that has locked them.

use std::collections::{BTreeMap, HashMap};

use billing_core::{
    ids::{InvoiceId, UserId},
    invoice::{Charges, Invoice, InvoiceRefusal, InvoiceStatus, Payer, invoice_number},
    money::NumberError,
    month::Month,
    pricing::Catalog,
    user::User,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Conn, charges, dialect, users};
use crate::{
    NewInvoiceId, StoreError,
    rows::{CreditNoteRow, InvoiceRow, PayerRow, payer},
    schema::{accounts, billing_settings, credit_notes, invoice_lines, invoices},
    sql_types::{DbFixed, DbTimestamp},
};

/// What to issue.
pub(super) struct Issuing<'a> {
    pub(super) month: Month,
    pub(super) catalog: &'a Catalog,
    /// The ids of invoices that are new.
    pub(super) new_id: &'a NewInvoiceId,
    /// Whether to keep drafts instead.
    pub(super) keep_drafts: bool,
    pub(super) now: DateTime<Utc>,
}

/// What there is of a user's invoices of a month.
#[derive(Default)]
pub(super) struct OfMonth {
    /// The one that is not void.
    pub(super) live: Option<(InvoiceId, InvoiceStatus, DateTime<Utc>)>,
    /// How many are void.
    pub(super) voided: i64,
}

/// Issues the invoices of users who have something to bill and no invoice, and answers them. The
/// users change, and are the caller's to store.
pub(super) async fn issue(
    conn: &mut Conn,
    issuing: &Issuing<'_>,
    users: &mut [&mut User],
) -> Result<Vec<Invoice>, StoreError> {
    let user_ids: Vec<_> = users.iter().map(|user| user.id().to_string()).collect();
    let mut stored = of_month(conn, &user_ids, issuing.month).await?;
    let charges = charges::uninvoiced(conn, &user_ids, issuing.month).await?;
    let mut payers = payers(conn, &user_ids).await?;
    let mut made = Vec::with_capacity(users.len());
    let mut drafts = Vec::new();
    for user in users {
        let user_id = user.id().to_string();
        let stored = stored.remove(&user_id).unwrap_or_default();
        let mut payer = payers.remove(&user_id).unwrap_or_default();
        if let Some((_, InvoiceStatus::Draft, _)) = &stored.live {
            drafts.push(user_id.clone());
        }
        let before = payer.credit_balance;
        let none = Charges::default();
        let charges = charges.get(&user_id).unwrap_or(&none);
        let invoice = issuing
            .decide(user, stored, charges, &mut payer)
            .map_err(|refusal| StoreError::Refused(refusal.to_string()))?;
        let Some(invoice) = invoice else { continue };
        if payer.credit_balance != before {
            store_balance(conn, &user_id, &payer).await?;
        }
        let has_lines = !charges.lines.is_empty() && !issuing.keep_drafts;
        made.push((invoice, has_lines));
    }
    // A draft that was kept has become the invoice, or there is nothing left of it.
    delete_drafts(conn, drafts, issuing.month).await?;
    store(conn, &made).await?;
    Ok(made.into_iter().map(|(invoice, _)| invoice).collect())
}

impl Issuing<'_> {
    /// The user's invoice; `None` when there is nothing to bill or it was issued before.
    fn decide(
        &self,
        user: &mut User,
        stored: OfMonth,
        charges: &Charges,
        payer: &mut Payer,
    ) -> Result<Option<Invoice>, InvoiceRefusal> {
        let kept = match stored.live {
            None => None,
            Some((id, InvoiceStatus::Draft, created_at)) => Some((id, created_at)),
            Some(_) => return Ok(None),
        };
        let bill = user.bill(self.month, charges, self.catalog, payer.tax_rate)?;
        let Some(bill) = bill else { return Ok(None) };
        let (id, created_at) = kept.unwrap_or_else(|| ((self.new_id)(), self.now));
        let mut draft = Invoice::draft(Some(id), user.id().clone(), self.month, bill, self.now);
        draft.created_at = created_at;
        if self.keep_drafts {
            return Ok(Some(draft));
        }
        let number = invoice_number(user.id(), self.month, stored.voided);
        user.issue(draft, number, payer, self.now).map(Some)
    }
}

/// What there is of users' invoices of a month, by user.
pub(super) async fn of_month(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, OfMonth>, StoreError> {
    let rows: Vec<(String, String, String, DbTimestamp)> = invoices::table
        .filter(invoices::user_id.eq_any(user_ids))
        .filter(invoices::billing_month.eq(month.to_string()))
        .select((
            invoices::user_id,
            invoices::id,
            invoices::status,
            invoices::created_at,
        ))
        .load(conn)
        .await?;
    let mut found: HashMap<String, OfMonth> = HashMap::new();
    for (user_id, id, status, created_at) in rows {
        let of_user = found.entry(user_id).or_default();
        match InvoiceStatus::named(&status) {
            None => return Err(StoreError::corrupt("status", status)),
            Some(InvoiceStatus::Void) => of_user.voided += 1,
            Some(status) => {
                of_user.live = Some((InvoiceId::trusted(id), status, created_at.0));
            }
        }
    }
    Ok(found)
}

/// Who pays for users, and how.
pub(super) async fn payers(
    conn: &mut Conn,
    user_ids: &[String],
) -> Result<HashMap<String, Payer>, StoreError> {
    let settings = billing_settings::table.on(billing_settings::user_id.eq(accounts::user_id));
    let rows: Vec<PayerRow> = accounts::table
        .left_join(settings)
        .filter(accounts::user_id.eq_any(user_ids))
        .select((
            accounts::user_id,
            accounts::tax_rate,
            accounts::tax_exempt,
            accounts::credit_balance,
            billing_settings::billing_address.nullable(),
        ))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(payer).collect())
}

/// Who pays for one user, and how.
pub(super) async fn payer_of(conn: &mut Conn, user_id: &UserId) -> Result<Payer, StoreError> {
    let found = payers(conn, &[user_id.to_string()]).await?;
    Ok(found.into_values().next().unwrap_or_default())
}

/// Stores what is left of a user's credit.
pub(super) async fn store_balance(
    conn: &mut Conn,
    user_id: &str,
    payer: &Payer,
) -> Result<(), StoreError> {
    diesel::update(accounts::table.find(user_id))
        .set(accounts::credit_balance.eq(DbFixed(payer.credit_balance)))
        .execute(conn)
        .await?;
    Ok(())
}

async fn delete_drafts(
    conn: &mut Conn,
    user_ids: Vec<String>,
    month: Month,
) -> Result<(), StoreError> {
    if user_ids.is_empty() {
        return Ok(());
    }
    let drafts = invoices::table
        .filter(invoices::user_id.eq_any(user_ids))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::status.eq(InvoiceStatus::Draft.name()));
    diesel::delete(drafts).execute(conn).await?;
    Ok(())
}

/// Stores new invoices with their credit notes, and marks the lines that they carry.
async fn store(conn: &mut Conn, made: &[(Invoice, bool)]) -> Result<(), StoreError> {
    let rows = made
        .iter()
        .map(|(invoice, _)| InvoiceRow::try_from(invoice));
    dialect::insert_invoices(conn, rows.collect::<Result<_, _>>()?).await?;
    for (invoice, has_lines) in made {
        for note in &invoice.credit_notes {
            diesel::insert_into(credit_notes::table)
                .values(CreditNoteRow::from(note))
                .execute(conn)
                .await?;
        }
        if *has_lines {
            let id = invoice.id.as_ref().map(InvoiceId::as_str);
            let lines = invoice_lines::table
                .filter(invoice_lines::user_id.eq(invoice.user_id.as_str()))
                .filter(invoice_lines::billing_month.eq(invoice.month.to_string()))
                .filter(invoice_lines::invoice_id.is_null());
            diesel::update(lines)
                .set(invoice_lines::invoice_id.eq(id))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Stores users whose months were closed.
pub(super) async fn store_users(
    conn: &mut Conn,
    users: &[User],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut open_months: BTreeMap<Month, Vec<&str>> = BTreeMap::new();
    for user in users {
        let month = open_months.entry(user.account.open_month).or_default();
        month.push(user.id().as_str());
    }
    let users: Vec<_> = users.iter().collect();
    users::store(conn, &users, &[], now).await?;
    for (month, user_ids) in open_months {
        diesel::update(accounts::table.filter(accounts::user_id.eq_any(user_ids)))
            .set(accounts::open_month.eq(month.to_string()))
            .execute(conn)
            .await?;
    }
    Ok(())
}

pub(super) fn refused(error: NumberError) -> StoreError {
    StoreError::Refused(format!("an amount {error}"))
}
