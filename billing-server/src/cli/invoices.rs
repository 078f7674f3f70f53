//! Closing a month, checking its invoices, and listing them.

mod list;

use std::fmt;

use billing_client::{
    BillingClient,
    v1::{
        CloseMonthRequest, CloseMonthResponse, ReconcileDifference, ReconcileMonthRequest,
        ReconcileMonthResponse,
    },
};
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::runtime::Runtime;

pub(crate) use self::list::list;
use super::{
    args::{MonthClose, MonthReconcile},
    connect::connect,
    exit::{CommandError, Exit},
    progress,
};
use crate::stdout;

/// Closes the month for all users and prints for how many.
pub(crate) fn close(command: &MonthClose) -> Result<(), CommandError> {
    // The server tells the number of users first.
    let bar = progress::bar(command.progress, 0, "users");
    let closed = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        watch(&client, command.month.to_string(), &bar).await
    });
    bar.finish_and_clear();
    let (done, failed) = closed?;
    stdout::line(format_args!("closed {done} users, {failed} failed"))?;
    if failed == 0 {
        return Ok(());
    }
    let message = format!("{failed} users could not be closed: the server's log names them");
    Err(CommandError::new(Exit::RejectedRows, message))
}

/// Follows the closing to its end: how many users are done, and how many failed.
async fn watch(
    client: &BillingClient,
    month: String,
    bar: &ProgressBar,
) -> Result<(i64, i64), CommandError> {
    let mut told = client.close_month(CloseMonthRequest { month }).await?;
    let mut last = (0, 0);
    while let Some(CloseMonthResponse {
        done,
        total,
        failed,
    }) = told.try_next().await?
    {
        bar.set_length(u64::try_from(total).unwrap_or_default());
        let settled = done.saturating_add(failed);
        bar.set_position(u64::try_from(settled).unwrap_or_default());
        last = (done, failed);
    }
    Ok(last)
}

/// Checks the invoices of the month and prints what was found.
pub(crate) fn reconcile(command: &MonthReconcile) -> Result<(), CommandError> {
    let found = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        let month = command.month.to_string();
        let found = client
            .reconcile_month(ReconcileMonthRequest { month })
            .await?;
        Ok::<_, CommandError>(Found::from(found))
    })?;
    let text = if command.json {
        serde_json::to_string(&found).map_err(CommandError::failure)?
    } else {
        found.to_string()
    };
    stdout::line(text)?;
    if found.difference_count == 0 {
        return Ok(());
    }
    let message = format!("{} differences", found.difference_count);
    Err(CommandError::new(Exit::ReconcileDifference, message))
}

/// The fields of the API.
#[derive(Serialize)]
struct Found {
    month: String,
    invoices: i64,
    records: i64,
    open_users: i64,
    differences: Vec<Fault>,
    difference_count: i64,
}

#[derive(Serialize)]
struct Fault {
    user_id: String,
    invoice_id: String,
    field: String,
    expected: String,
    found: String,
}

impl From<ReconcileMonthResponse> for Found {
    fn from(found: ReconcileMonthResponse) -> Self {
        Self {
            month: found.month,
            invoices: found.invoices,
            records: found.records,
            open_users: found.open_users,
            differences: found.differences.into_iter().map(Fault::from).collect(),
            difference_count: found.difference_count,
        }
    }
}

impl From<ReconcileDifference> for Fault {
    fn from(difference: ReconcileDifference) -> Self {
        Self {
            user_id: difference.user_id,
            invoice_id: difference.invoice_id,
            field: difference.field,
            expected: difference.expected,
            found: difference.found,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "month: {}", self.month)?;
        writeln!(f, "invoices: {}", self.invoices)?;
        writeln!(f, "records: {}", self.records)?;
        writeln!(f, "users without an invoice yet: {}", self.open_users)?;
        write!(f, "differences: {}", self.difference_count)?;
        for fault in &self.differences {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invoice = match self.invoice_id.as_str() {
            "" => "no invoice",
            id => id,
        };
        write!(
            f,
            "{}, {invoice}: {} is {}, expected {}",
            self.user_id, self.field, self.found, self.expected
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Found {
        let fault = |invoice_id: &str| Fault {
            user_id: "alice".to_owned(),
            invoice_id: invoice_id.to_owned(),
            field: "amount".to_owned(),
            expected: "15.00".to_owned(),
            found: "14.99".to_owned(),
        };
        Found {
            month: "2024-11".to_owned(),
            invoices: 2,
            records: 7,
            open_users: 1,
            differences: vec![fault("inv-1"), fault("")],
            difference_count: 2,
        }
    }

    #[test]
    fn every_difference_has_a_line() {
        let text = "month: 2024-11\ninvoices: 2\nrecords: 7\nusers without an invoice yet: 1\n\
            differences: 2\n  alice, inv-1: amount is 14.99, expected 15.00\n  \
            alice, no invoice: amount is 14.99, expected 15.00";
        assert_eq!(found().to_string(), text);
    }

    #[test]
    fn the_json_line_has_the_fields_of_the_api() {
        let mut found = found();
        found.differences.truncate(1);
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"{"month":"2024-11","invoices":2,"records":7,"open_users":1,"differences":[{"user_id":"alice","invoice_id":"inv-1","field":"amount","expected":"15.00","found":"14.99"}],"difference_count":2}"#
        );
    }
}
