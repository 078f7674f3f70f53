//! What the providers say of a day's or a month's payments.

use std::{fmt, iter::successors};

use billing_client::v1::{
    PaymentProvider, ReconcileTransactionsRequest, ReconcileTransactionsResponse,
    TransactionDifference,
};
use chrono::{NaiveDate, Utc};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::super::{
    args::TransactionsReconcile,
    connect::connect,
    exit::{CommandError, Exit},
};
use crate::stdout;

/// What the API's names of providers begin with.
const PROVIDER: &str = "PAYMENT_PROVIDER_";

/// Asks for the differences of every day, and prints them.
pub(crate) fn reconcile(command: &TransactionsReconcile) -> Result<(), CommandError> {
    let found = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        let mut found = Found::default();
        for day in days(command, Utc::now().date_naive()) {
            let day = day.to_string();
            let request = ReconcileTransactionsRequest { day };
            found.add(client.reconcile_transactions(request).await?);
        }
        Ok::<_, CommandError>(found)
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

/// The days to compare: none that is still to come.
fn days(command: &TransactionsReconcile, today: NaiveDate) -> Vec<NaiveDate> {
    let Some(month) = command.month else {
        let day = command.day.or_else(|| today.pred_opt());
        return day.into_iter().collect();
    };
    let end = month.next().first_day();
    let days = successors(Some(month.first_day()), NaiveDate::succ_opt);
    days.take_while(|day| *day < end && *day <= today).collect()
}

/// What was found on all days.
#[derive(Debug, Default, Serialize)]
struct Found {
    days: i64,
    charges: i64,
    transactions: i64,
    differences: Vec<Fault>,
    difference_count: i64,
}

/// The fields of the API, and the day.
#[derive(Debug, Serialize)]
struct Fault {
    day: String,
    user_id: String,
    transaction_id: String,
    provider: String,
    provider_reference: String,
    reason: String,
}

impl Found {
    fn add(&mut self, day: ReconcileTransactionsResponse) {
        self.days = self.days.saturating_add(1);
        self.charges = self.charges.saturating_add(day.charges);
        self.transactions = self.transactions.saturating_add(day.transactions);
        self.difference_count = self.difference_count.saturating_add(day.difference_count);
        let faults = day.differences.into_iter();
        self.differences
            .extend(faults.map(|of| Fault::new(&day.day, of)));
    }
}

impl Fault {
    fn new(day: &str, of: TransactionDifference) -> Self {
        let provider: PaymentProvider = of.provider();
        let provider = provider.as_str_name();
        let provider = provider.strip_prefix(PROVIDER).unwrap_or(provider);
        Self {
            day: day.to_owned(),
            provider: provider.to_lowercase(),
            user_id: of.user_id,
            transaction_id: of.transaction_id,
            provider_reference: of.provider_reference,
            reason: of.reason,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "days: {}", self.days)?;
        writeln!(f, "charges: {}", self.charges)?;
        writeln!(f, "transactions: {}", self.transactions)?;
        write!(f, "differences: {}", self.difference_count)?;
        for fault in &self.differences {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (provider, reference) = (&self.provider, &self.provider_reference);
        write!(f, "{}, {provider} {reference}, ", self.day)?;
        match self.transaction_id.as_str() {
            "" => write!(f, "no transaction: {}", self.reason),
            id => write!(f, "{} {id}: {}", self.user_id, self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::{
        super::super::args::{Cli, Command, TransactionsCommand},
        *,
    };

    #[rstest]
    #[case::yesterday("", "2024-11-14..2024-11-14 1")]
    #[case::day("--day 2024-02-29", "2024-02-29..2024-02-29 1")]
    #[case::month("--month 2024-02", "2024-02-01..2024-02-29 29")]
    #[case::running_month("--month 2024-11", "2024-11-01..2024-11-15 15")]
    fn the_days_that_are_meant(#[case] flags: &str, #[case] expected: &str) {
        let words = ["billing-server", "transactions", "reconcile"].into_iter();
        let cli = Cli::try_parse_from(words.chain(flags.split_whitespace())).unwrap();
        let Command::Transactions(TransactionsCommand::Reconcile(command)) = cli.into_command()
        else {
            panic!("it is another command");
        };
        let days = days(&command, "2024-11-15".parse().unwrap());
        let (first, last) = (days.first().unwrap(), days.last().unwrap());
        assert_eq!(format!("{first}..{last} {}", days.len()), expected);
    }

    #[test]
    fn every_difference_has_a_line() {
        let difference = |transaction: &str, reason: &str| TransactionDifference {
            user_id: "alice".to_owned(),
            transaction_id: transaction.to_owned(),
            provider: PaymentProvider::Stripe.into(),
            provider_reference: "pi_1".to_owned(),
            reason: reason.to_owned(),
        };
        let day = ReconcileTransactionsResponse {
            day: "2024-11-15".to_owned(),
            charges: 3,
            transactions: 2,
            differences: vec![difference("", "unknown"), difference("tx-1", "missing")],
            difference_count: 2,
        };
        let mut found = Found::default();
        found.add(day);
        assert_eq!(
            found.to_string(),
            "days: 1\ncharges: 3\ntransactions: 2\ndifferences: 2\n  \
            2024-11-15, stripe pi_1, no transaction: unknown\n  \
            2024-11-15, stripe pi_1, alice tx-1: missing"
        );
        found.differences.truncate(1);
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"{"days":1,"charges":3,"transactions":2,"differences":[{"day":"2024-11-15","user_id":"alice","transaction_id":"","provider":"stripe","provider_reference":"pi_1","reason":"unknown"}],"difference_count":2}"#
        );
    }
}
