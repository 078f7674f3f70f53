//! Issuing a month's invoices, of one account or of many, within a transaction that has locked
//! them.

use std::collections::{BTreeMap, HashMap};

use billing_core::{
    account::Account,
    document::{Buyer, Seller},
    ids::UserId,
    invoice::{Charges, Invoice, InvoiceRun, InvoiceStatus, MonthToInvoice},
    month::Month,
    settings::Settings,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    super::Tx,
    charges::{self, Costs},
    stored,
};
use crate::{
    NewInvoiceId, StoreError,
    rows::SettingsRow,
    schema::{billing_settings, invoice_corrections, invoice_lines, invoices},
    sql_types::DbUuid,
};

/// Issues the invoices of accounts that have something to bill and no invoice, and answers them.
/// They are the caller's to store, after the accounts, which change.
pub(super) async fn issue(
    tx: &mut Tx,
    run: &InvoiceRun<'_>,
    accounts: &mut [&mut Account],
    costs: &Costs,
    new_id: &NewInvoiceId,
) -> Result<Vec<Invoice>, StoreError> {
    let user_ids = accounts.iter().map(|account| account.id().to_string());
    let user_ids: Vec<_> = user_ids.collect();
    let mut stored = stored::of_month(tx, &user_ids, run.month).await?;
    let charges = charges::uninvoiced(tx, &user_ids, run.month).await?;
    let mut buyers = buyers(tx, &user_ids).await?;
    let mut made = Vec::with_capacity(accounts.len());
    let mut drafts = Vec::new();
    for account in accounts {
        let user_id = account.id().as_str().to_owned();
        let of_month = stored.remove(&user_id).unwrap_or_default();
        if of_month
            .live
            .is_some_and(|live| live.status == InvoiceStatus::Draft)
        {
            drafts.push(user_id.clone());
        }
        let charges = charges.get(&user_id).unwrap_or(const { &NO_CHARGES });
        let buyer = buyers.remove(&user_id).unwrap_or_default();
        let month = MonthToInvoice {
            invoices: of_month,
            charges,
            costs: costs.get(&user_id).unwrap_or(const { &BTreeMap::new() }),
            buyer: &buyer,
            new_id: new_id(),
        };
        let Some(invoice) = account.invoice(run, month)? else {
            continue;
        };
        let carries = Carries {
            lines: !charges.lines.is_empty() && !run.keep_drafts,
            corrections: !charges.corrections.is_empty() && !run.keep_drafts,
        };
        made.push((invoice, carries));
    }
    // A draft that was kept has become the invoice, or there is nothing left of it.
    delete_drafts(tx, drafts, run.month).await?;
    mark(tx, &made).await?;
    Ok(made.into_iter().map(|(invoice, _)| invoice).collect())
}

/// What an invoice carries beside usage.
struct Carries {
    lines: bool,
    corrections: bool,
}

const NO_CHARGES: Charges = Charges {
    usage: Vec::new(),
    lines: Vec::new(),
    corrections: Vec::new(),
};

/// What users' settings say of who buys, by user.
async fn buyers(tx: &mut Tx, user_ids: &[String]) -> Result<HashMap<String, Buyer>, StoreError> {
    let rows: Vec<SettingsRow> = billing_settings::table
        .filter(billing_settings::user_id.eq_any(user_ids))
        .select(SettingsRow::as_select())
        .load(&mut tx.conn)
        .await?;
    let settings = rows.into_iter().map(Settings::try_from);
    let buyers = settings.map(|settings| {
        let settings = settings?;
        Ok((settings.user_id.to_string(), settings.buyer()))
    });
    buyers.collect()
}

impl Tx {
    /// Who sells, and who buys, as settings say now.
    pub(in super::super) async fn parties(
        &mut self,
        user_id: &UserId,
    ) -> Result<(Seller, Buyer), StoreError> {
        let found = buyers(self, &[user_id.to_string()]).await?;
        let buyer = found.into_values().next().unwrap_or_default();
        Ok((self.documents().seller.clone(), buyer))
    }
}

async fn delete_drafts(tx: &mut Tx, user_ids: Vec<String>, month: Month) -> Result<(), StoreError> {
    if user_ids.is_empty() {
        return Ok(());
    }
    let drafts = invoices::table
        .filter(invoices::user_id.eq_any(user_ids))
        .filter(invoices::billing_month.eq(month.to_string()))
        .filter(invoices::status.eq(InvoiceStatus::Draft.name()));
    diesel::delete(drafts).execute(&mut tx.conn).await?;
    Ok(())
}

/// Has what waits in a table for an invoice of its month be carried by one.
macro_rules! mark_carried {
    ($table:ident, $tx:ident, $invoice:ident) => {{
        let waiting = $table::table
            .filter($table::user_id.eq($invoice.user_id.as_str()))
            .filter($table::billing_month.eq($invoice.month.to_string()))
            .filter($table::invoice_id.is_null());
        let id = $invoice.id.map(|id| DbUuid(id.uuid()));
        diesel::update(waiting)
            .set($table::invoice_id.eq(id))
            .execute(&mut $tx.conn)
            .await?;
    }};
}

/// Marks what new invoices carry.
async fn mark(tx: &mut Tx, made: &[(Invoice, Carries)]) -> Result<(), StoreError> {
    for (invoice, carries) in made {
        if carries.lines {
            mark_carried!(invoice_lines, tx, invoice);
        }
        if carries.corrections {
            mark_carried!(invoice_corrections, tx, invoice);
        }
    }
    Ok(())
}
