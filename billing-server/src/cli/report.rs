//! A month's figures over all users, or its records.

use billing_client::{
    BillingClient, ReadDecimal,
    v1::{Amount, ExportUsageRequest, GetMonthlyReportRequest, GetMonthlyReportResponse},
};
use billing_core::money::Money;
use futures_util::TryStreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use super::{args::ReportCommand, connect::connect, exit::CommandError};
use crate::stdout::{self, Reader};

/// Prints the figures of the month, or its records.
pub(crate) fn run(command: &ReportCommand) -> Result<(), CommandError> {
    let month = command.month.to_string();
    Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        if command.csv {
            return export(&client, month).await;
        }
        let report = client
            .get_monthly_report(GetMonthlyReportRequest { month })
            .await?;
        let text = if command.json {
            json(&report)?
        } else {
            table(&report)?
        };
        stdout::line(text)?;
        Ok(())
    })
}

async fn export(client: &BillingClient, month: String) -> Result<(), CommandError> {
    let request = ExportUsageRequest {
        month,
        ..ExportUsageRequest::default()
    };
    let mut parts = client.export_usage(request).await?;
    while let Some(part) = parts.try_next().await? {
        if stdout::text_as_it_is(part.chunk)? == Reader::Gone {
            break;
        }
    }
    Ok(())
}

/// At least two decimals and as many as the amount has.
fn digits(amount: &Option<Amount>) -> Result<String, CommandError> {
    let amount = amount.decimal().map_err(CommandError::failure)?;
    let amount = Money::from_decimal(amount).map_err(CommandError::failure)?;
    Ok(amount.digits(2))
}

fn table(report: &GetMonthlyReportResponse) -> Result<String, CommandError> {
    let rows = [
        ("month", report.month.clone()),
        ("records", report.record_count.to_string()),
        ("tokens", report.total_tokens.to_string()),
        ("revenue in USD", digits(&report.total_revenue)?),
        (
            "average per record in USD",
            digits(&report.avg_cost_per_record)?,
        ),
    ];
    let width = rows.iter().map(|(_, figure)| figure.len()).max();
    let width = width.unwrap_or_default();
    let lines = rows.map(|(name, figure)| format!("{name:<25}  {figure:>width$}"));
    Ok(lines.join("\n"))
}

/// The fields and digits of the REST API.
#[derive(Serialize)]
struct Figures<'a> {
    month: &'a str,
    total_revenue: Box<RawValue>,
    total_tokens: i64,
    record_count: i64,
    avg_cost_per_record: Box<RawValue>,
}

fn json(report: &GetMonthlyReportResponse) -> Result<String, CommandError> {
    let exact = |amount| RawValue::from_string(digits(amount)?).map_err(CommandError::failure);
    let figures = Figures {
        month: &report.month,
        total_revenue: exact(&report.total_revenue)?,
        total_tokens: report.total_tokens,
        record_count: report.record_count,
        avg_cost_per_record: exact(&report.avg_cost_per_record)?,
    };
    serde_json::to_string(&figures).map_err(CommandError::failure)
}
