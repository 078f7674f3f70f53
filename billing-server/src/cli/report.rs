//! A month's figures over all users, or its records.

use billing_client::{
    BillingClient,
    v1::{
        ExportUsageRequest, GetMonthlyReportRequest, GetMonthlyReportResponse,
        GetUsageBreakdownRequest, GetUsageBreakdownResponse, UsageBreakdownRow, UsageGrouping,
    },
};
use futures_util::TryStreamExt;
use prost::Message;
use tokio::runtime::Runtime;

use super::{
    args::{ReportBy, ReportCommand},
    connect::connect,
    exit::CommandError,
    table::{self, digits},
};
use crate::{
    rest::text::to_answer,
    stdout::{self, Reader},
};

/// Rows that are asked for at a time.
const PAGE: i32 = 1_000;

/// Prints the figures of the month, or its records.
pub(crate) fn run(command: &ReportCommand) -> Result<(), CommandError> {
    let month = command.month.to_string();
    Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        if command.csv {
            return export(&client, month).await;
        }
        if let Some(by) = command.by {
            stdout::line(breakdown(&client, month, by, command.json).await?)?;
            return Ok(());
        }
        let request = GetMonthlyReportRequest { month };
        let report = client.get_monthly_report(request).await?;
        let text = if command.json {
            json("billing.v1.GetMonthlyReportResponse", &report)?
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

fn table(report: &GetMonthlyReportResponse) -> Result<String, CommandError> {
    let usd = [
        ("revenue", &report.total_revenue),
        ("average per record", &report.avg_cost_per_record),
        ("plan fees", &report.fees),
        ("invoiced", &report.invoiced),
        ("tax", &report.tax),
        ("credited", &report.credited),
        ("collected", &report.collected),
        ("top-ups", &report.topups),
        ("refunds", &report.refunds),
        ("lost disputes", &report.lost_disputes),
        ("provider fees", &report.provider_fees),
        ("outstanding", &report.outstanding),
        ("unapplied credit, now", &report.unapplied_credit),
        ("prepaid tokens, now", &report.prepaid_tokens),
        ("recurring per month (MRR)", &report.recurring_revenue),
    ];
    let mut rows = vec![
        ("month".to_owned(), report.month.clone()),
        ("active users".to_owned(), report.active_users.to_string()),
        ("records".to_owned(), report.record_count.to_string()),
        ("tokens".to_owned(), report.total_tokens.to_string()),
    ];
    for (name, amount) in usd {
        rows.push((format!("{name} in USD"), digits(amount)?));
    }
    let wide = rows.iter().map(|(name, _)| name.len()).max();
    let width = rows.iter().map(|(_, figure)| figure.len()).max();
    let (wide, width) = (wide.unwrap_or_default(), width.unwrap_or_default());
    let lines = rows.iter();
    let lines = lines.map(|(name, figure)| format!("{name:<wide$}  {figure:>width$}"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The month's usage per model, user or day.
async fn breakdown(
    client: &BillingClient,
    month: String,
    by: ReportBy,
    as_json: bool,
) -> Result<String, CommandError> {
    let (name, grouping) = match by {
        ReportBy::Model => ("model", UsageGrouping::Model),
        ReportBy::User => ("user", UsageGrouping::User),
        ReportBy::Day => ("day", UsageGrouping::Day),
    };
    let request = GetUsageBreakdownRequest {
        month,
        group_by: vec![grouping.into()],
        page_size: PAGE,
        ..GetUsageBreakdownRequest::default()
    };
    let rows: Vec<UsageBreakdownRow> = client.all(request).try_collect().await?;
    if as_json {
        let all = GetUsageBreakdownResponse {
            rows,
            next_page_token: String::new(),
        };
        return json("billing.v1.GetUsageBreakdownResponse", &all);
    }
    let header = [
        name,
        "records",
        "tokens",
        "list price in USD",
        "coupons in USD",
        "cost in USD",
    ];
    let rows = rows.iter().map(row).collect::<Result<_, _>>()?;
    Ok(table::table(header, 1, rows))
}

fn row(row: &UsageBreakdownRow) -> Result<[String; 6], CommandError> {
    Ok([
        // What is not grouped by is empty.
        [row.day.as_str(), &row.model, &row.user_id].concat(),
        row.record_count.to_string(),
        row.total_tokens.to_string(),
        digits(&row.cost_usd)?,
        digits(&row.discount_amount)?,
        digits(&row.final_cost)?,
    ])
}

/// A message as REST answers it.
fn json(name: &str, message: &impl Message) -> Result<String, CommandError> {
    let written = to_answer(name, message);
    written.map_err(|error| CommandError::failure(error.message))
}
