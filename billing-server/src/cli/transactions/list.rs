//! Who has paid what, and what became of it.

use billing_client::v1::{
    ListTransactionsRequest, ListTransactionsResponse, Transaction, TransactionKind,
    TransactionStatus,
};
use billing_core::ids::ALL_USERS;
use futures_util::TryStreamExt;
use prost_reflect::DynamicMessage;
use tokio::runtime::Runtime;

use super::super::{
    args::TransactionsList,
    connect::connect,
    exit::CommandError,
    table::{digits, table, time},
};
use crate::{
    api::{csv, neutral},
    rest::text,
    stdout,
};

/// Transactions that are asked for at a time.
const PAGE: i32 = 1_000;
/// What the API's names of statuses begin with.
const STATUS: &str = "TRANSACTION_STATUS_";
/// The same of kinds.
const KIND: &str = "TRANSACTION_KIND_";
/// What a line of the CSV file is: its columns are the fields, in the order of their numbers.
const MESSAGE: &str = "billing.v1.Transaction";
/// A field that no list has.
const SECRET: &str = "client_secret";

/// Prints transactions.
pub(crate) fn list(command: &TransactionsList) -> Result<(), CommandError> {
    let listed: Vec<_> = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        let listed = client.all(listed(command)).try_collect().await?;
        Ok::<_, CommandError>(listed)
    })?;
    if command.csv {
        stdout::text_as_it_is(csv(&listed)?)?;
    } else if command.json {
        stdout::line(json(listed)?)?;
    } else {
        stdout::line(as_table(&listed)?)?;
    }
    Ok(())
}

fn listed(command: &TransactionsList) -> ListTransactionsRequest {
    let user = command.user.clone();
    ListTransactionsRequest {
        user_id: user.unwrap_or_else(|| ALL_USERS.to_owned()),
        status: status(command),
        open: command.open,
        attention: command.attention,
        page_size: PAGE,
        ..ListTransactionsRequest::default()
    }
}

/// The status that is asked for, which was checked with the flags.
fn status(command: &TransactionsList) -> i32 {
    let name = command.status.as_ref().map(|name| name.to_uppercase());
    let name = name.map(|name| format!("{STATUS}{name}"));
    let status = name.and_then(|name| TransactionStatus::from_str_name(&name));
    status.unwrap_or_default().into()
}

/// All pages as one, as REST answers one.
fn json(transactions: Vec<Transaction>) -> Result<String, CommandError> {
    let all = ListTransactionsResponse {
        transactions,
        next_page_token: String::new(),
    };
    let written = text::to_answer("billing.v1.ListTransactionsResponse", &all);
    written.map_err(|error| CommandError::failure(error.message))
}

fn csv(transactions: &[Transaction]) -> Result<String, CommandError> {
    let written = text::descriptor(MESSAGE).and_then(|descriptor| {
        let columns = text::columns(&descriptor).into_iter();
        let columns: Vec<_> = columns.filter(|column| column.name() != SECRET).collect();
        csv::text(|file| {
            file.write_record(columns.iter().map(text::Column::name))?;
            for transaction in transactions {
                let mut line = DynamicMessage::new(descriptor.clone());
                line.transcode_from(transaction)?;
                for column in &columns {
                    let cell = column.cell(&line)?;
                    let is_text = column.is_text();
                    let cell = if is_text { neutral(&cell) } else { cell.into() };
                    file.write_field(cell.as_ref())?;
                }
                csv::end_row(file)?;
            }
            Ok(())
        })
    });
    written.map_err(|error| CommandError::failure(error.message))
}

/// A row each, and below what a person should look at.
fn as_table(transactions: &[Transaction]) -> Result<String, CommandError> {
    let header = [
        "transaction",
        "user",
        "kind",
        "status",
        "made",
        "amount",
        "given back",
    ];
    let rows = transactions.iter().map(row).collect::<Result<_, _>>()?;
    let mut lines = vec![table(header, 5, rows)];
    let odd = transactions.iter().filter(|of| !of.attention.is_empty());
    lines.extend(odd.map(|of| format!("{}: {}", of.id, of.attention)));
    lines.push(format!("transactions: {}", transactions.len()));
    Ok(lines.join("\n"))
}

fn row(transaction: &Transaction) -> Result<[String; 7], CommandError> {
    let (kind, status): (TransactionKind, TransactionStatus) =
        (transaction.kind(), transaction.status());
    Ok([
        transaction.id.clone(),
        transaction.user_id.clone(),
        short(kind.as_str_name(), KIND),
        short(status.as_str_name(), STATUS),
        time(&transaction.created_at),
        digits(&transaction.amount)?,
        digits(&transaction.refunded_amount)?,
    ])
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}
