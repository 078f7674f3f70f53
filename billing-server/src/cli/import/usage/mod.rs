//! Recording the usage that a file lists.

mod csv;
mod dry_run;
mod jsonl;
mod row;
mod tally;
mod trace;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use billing_client::{
    BillingClient, Error,
    v1::{RecordUsageRequest, RecordUsageResult, UsageOutcome},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::runtime::Runtime;
use tonic::Code;

use self::{
    row::{Requests, Row, Rows},
    tally::{Fate, Tally},
    trace::Deal,
};
use super::{extension, open, outcome};
use crate::{
    cli::{
        args::{UsageFormat, UsageImport},
        connect::connect,
        exit::{CommandError, Exit},
        progress,
    },
    error::ErrorCode,
    stdout,
};

/// Records in one call.
const RECORDS_PER_CALL: usize = 1_000;
/// Large reads, for files of gigabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Records the usage that the file lists and prints a summary.
pub(crate) fn run(command: &UsageImport) -> Result<(), CommandError> {
    let (file, bytes) = input(&command.file)?;
    let bar = progress::reading(command.progress, bytes);
    let file = BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(file));
    let rows = rows(command, file)?;
    if command.dry_run {
        return dry_run::run(command, rows, &bar);
    }
    let tally = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        record(&client, rows, command.in_flight.into(), &bar).await
    });
    bar.finish_and_clear();
    let tally = tally?;
    let text = if command.json {
        tally.json().map_err(CommandError::failure)?
    } else {
        tally.to_string()
    };
    stdout::line(text)?;
    outcome(tally.rejected())
}

/// What is read, and how many bytes that is, if it has an end that is known.
fn input(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), CommandError> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = open(path)?;
    let about = file.metadata()?;
    let bytes = about.is_file().then_some(about.len());
    Ok((Box::new(file), bytes))
}

fn guess(path: &Path) -> Option<UsageFormat> {
    match extension(path)? {
        "csv" => Some(UsageFormat::Csv),
        "jsonl" => Some(UsageFormat::Jsonl),
        _ => None,
    }
}

fn rows(command: &UsageImport, file: impl BufRead + Send + 'static) -> Result<Rows, CommandError> {
    let format = command.format.or_else(|| guess(&command.file));
    let format = format.ok_or_else(|| {
        CommandError::new(Exit::Usage, "--format is needed: csv, jsonl or azure-trace")
    })?;
    let rows = match format {
        UsageFormat::Csv => Requests::new(None).and_then(|requests| csv::rows(file, requests)),
        UsageFormat::Jsonl => Requests::new(None).map(|requests| jsonl::rows(file, requests)),
        UsageFormat::AzureTrace => {
            let deal = Deal {
                users: command.users,
                models: command.models.clone(),
                seed: command.seed,
            };
            trace::rows(file, deal)
        }
    };
    rows.map_err(|reason| CommandError::unusable(&command.file, reason))
}

/// Sends all rows, several calls at a time. Stops at the first call that fails.
async fn record(
    client: &BillingClient,
    mut rows: Rows,
    in_flight: usize,
    bar: &ProgressBar,
) -> Result<Tally, CommandError> {
    let calls = std::iter::from_fn(|| {
        let call = rows.by_ref().take(RECORDS_PER_CALL);
        let call = call.collect::<io::Result<Vec<_>>>();
        (!call.as_ref().is_ok_and(Vec::is_empty)).then_some(call)
    });
    let mut tally = Tally::start();
    let mut answers = stream::iter(calls)
        .map(|call| async { send(client, call.map_err(Stop::File)?).await })
        .buffered(in_flight);
    while let Some(fates) = answers.try_next().await? {
        for (line, fate) in fates {
            if let Some(told) = tally.add(line, fate) {
                tell(bar, &told);
            }
        }
        bar.set_message(format!("{} rows", tally.rows()));
    }
    Ok(tally)
}

/// Writes a line on stderr, above the bar.
fn tell(bar: &ProgressBar, line: &str) {
    // Nothing is left to be done when stderr is gone.
    let _ = bar.suspend(|| writeln!(io::stderr(), "{line}"));
}

/// Why the import ends before the file does.
#[derive(Debug)]
enum Stop {
    File(io::Error),
    Server(Error),
    /// Records were refused for a reason that passes.
    Busy(String),
}

impl From<Stop> for CommandError {
    fn from(stop: Stop) -> Self {
        let (reason, passing) = match stop {
            Stop::File(error) => (error.to_string(), false),
            Stop::Server(error) => {
                let late = error.code() == Some(Code::DeadlineExceeded);
                (error.to_string(), late || error.is_retryable())
            }
            Stop::Busy(reason) => (reason, true),
        };
        let advice = if passing {
            "; nothing is lost or charged twice: running the same command again continues"
        } else {
            ""
        };
        Self::failure(format_args!("{reason}{advice}"))
    }
}

/// Records what can be recorded of the rows; answers what became of each line.
async fn send(client: &BillingClient, rows: Vec<Row>) -> Result<Vec<(u64, Fate)>, Stop> {
    let mut fates = Vec::with_capacity(rows.len());
    let mut lines = Vec::with_capacity(rows.len());
    let mut usages: Vec<RecordUsageRequest> = Vec::with_capacity(rows.len());
    for Row { line, usage } in rows {
        match usage {
            Ok(usage) => {
                lines.push(line);
                usages.push(usage);
            }
            Err(message) => fates.push((line, malformed(message))),
        }
    }
    if !usages.is_empty() {
        let answer = client.record_usage_batch(usages).await;
        for (line, result) in lines.into_iter().zip(answer.map_err(Stop::Server)?.results) {
            fates.push((line, fate(result)?));
        }
    }
    fates.sort_by_key(|(line, _)| *line);
    Ok(fates)
}

/// The fate of a row that is no record.
fn malformed(message: String) -> Fate {
    let code = ErrorCode::InvalidField.as_str().to_owned();
    Fate::Rejected { code, message }
}

fn fate(result: RecordUsageResult) -> Result<Fate, Stop> {
    if result.is_retryable() {
        let problem = result.problem.map(|problem| problem.message);
        return Err(Stop::Busy(problem.unwrap_or_default()));
    }
    Ok(match result.outcome() {
        UsageOutcome::Recorded => Fate::Recorded,
        UsageOutcome::Duplicate => Fate::Duplicate,
        _ => {
            let problem = result.problem;
            let (code, message) =
                problem.map_or_else(Default::default, |problem| (problem.code, problem.message));
            Fate::Rejected { code, message }
        }
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn refused(code: Code) -> Stop {
        Stop::Server(Error::Api {
            code,
            reason: String::new(),
            message: "no".to_owned(),
            violations: Vec::new(),
            retry_after: None,
        })
    }

    #[rstest]
    #[case(refused(Code::Unavailable), true)]
    #[case(refused(Code::DeadlineExceeded), true)]
    #[case(Stop::Server(Error::Transport { message: "gone".to_owned(), sent: true }), true)]
    #[case(Stop::Busy("too much work is queued".to_owned()), true)]
    #[case(refused(Code::PermissionDenied), false)]
    #[case(Stop::File(io::Error::other("the disk is gone")), false)]
    fn running_again_is_advised_only_where_it_helps(#[case] stop: Stop, #[case] helps: bool) {
        let error = format!("{:?}", CommandError::from(stop));
        assert!(error.contains("exit: Failure"), "{error}");
        assert_eq!(error.contains("again continues"), helps, "{error}");
    }
}
