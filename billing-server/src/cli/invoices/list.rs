//! Who was invoiced what, and what is left to pay.

use billing_client::{
    BillingClient,
    v1::{
        ExportInvoicesRequest, InvoiceStatus, InvoiceSummary, ListInvoicesRequest,
        ListInvoicesResponse,
    },
};
use billing_core::{ids::ALL_USERS, money::Money};
use futures_util::TryStreamExt;
use tokio::runtime::Runtime;

use super::super::{
    args::InvoicesList,
    connect::connect,
    exit::CommandError,
    table::{digits, money, table, time},
};
use crate::{
    rest::text::to_answer,
    stdout::{self, Reader},
};

/// Invoices that are asked for at a time.
const PAGE: i32 = 100;
/// What the API's names of statuses begin with.
const STATUS: &str = "INVOICE_STATUS_";

/// Prints invoices, and how much is left to pay of all of them.
pub(crate) fn list(command: &InvoicesList) -> Result<(), CommandError> {
    Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        if command.csv {
            return export(&client, command).await;
        }
        let invoices = client.all(listed(command)).try_collect().await?;
        let text = if command.json {
            json(invoices)?
        } else {
            text(&invoices)?
        };
        stdout::line(text)?;
        Ok(())
    })
}

fn listed(command: &InvoicesList) -> ListInvoicesRequest {
    ListInvoicesRequest {
        page_size: PAGE,
        status: status(command),
        user_id: user(command),
        billing_month: month(command),
        unpaid: command.unpaid,
        ..ListInvoicesRequest::default()
    }
}

fn user(command: &InvoicesList) -> String {
    command.user.clone().unwrap_or_else(|| ALL_USERS.to_owned())
}

fn month(command: &InvoicesList) -> String {
    let month = command.month.map(|month| month.to_string());
    month.unwrap_or_default()
}

/// The status that is asked for, which was checked with the flags.
fn status(command: &InvoicesList) -> i32 {
    let name = command.status.as_ref().map(|name| name.to_uppercase());
    let name = name.map(|name| format!("{STATUS}{name}"));
    let status = name.and_then(|name| InvoiceStatus::from_str_name(&name));
    status.unwrap_or_default().into()
}

async fn export(client: &BillingClient, command: &InvoicesList) -> Result<(), CommandError> {
    let request = ExportInvoicesRequest {
        user_id: user(command),
        billing_month: month(command),
        status: status(command),
        unpaid: command.unpaid,
        ..ExportInvoicesRequest::default()
    };
    let mut parts = client.export_invoices(request).await?;
    while let Some(part) = parts.try_next().await? {
        if stdout::text_as_it_is(part.chunk)? == Reader::Gone {
            break;
        }
    }
    Ok(())
}

/// All pages as one, as REST answers one.
fn json(invoices: Vec<InvoiceSummary>) -> Result<String, CommandError> {
    let total = i64::try_from(invoices.len()).unwrap_or(i64::MAX);
    let all = ListInvoicesResponse { invoices, total };
    let written = to_answer("billing.v1.ListInvoicesResponse", &all);
    written.map_err(|error| CommandError::failure(error.message))
}

fn text(invoices: &[InvoiceSummary]) -> Result<String, CommandError> {
    let header = [
        "invoice", "user", "month", "status", "due", "total", "to pay",
    ];
    let rows = invoices.iter().map(row).collect::<Result<_, _>>()?;
    let mut due = Money::ZERO;
    for invoice in invoices {
        let sum = due.plus(money(&invoice.amount_due)?);
        due = sum.map_err(CommandError::failure)?;
    }
    let (table, count) = (table(header, 5, rows), invoices.len());
    Ok(format!(
        "{table}\ninvoices: {count}, to pay: {} USD",
        due.digits(2)
    ))
}

fn row(invoice: &InvoiceSummary) -> Result<[String; 7], CommandError> {
    let status = invoice.status().as_str_name();
    let status = status.strip_prefix(STATUS).unwrap_or(status);
    Ok([
        invoice.invoice_number.clone(),
        invoice.user_id.clone(),
        invoice.billing_month.clone(),
        status.to_lowercase(),
        time(&invoice.due_date),
        digits(&invoice.final_amount)?,
        digits(&invoice.amount_due)?,
    ])
}
