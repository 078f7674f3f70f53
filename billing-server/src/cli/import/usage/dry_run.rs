//! What an import would send, without sending it.

use std::{collections::BTreeMap, fmt};

use billing_client::v1::RecordUsageRequest;
use billing_core::ids::RecordId;
use chrono::Utc;
use indicatif::ProgressBar;
use serde::Serialize;
use uuid::Uuid;

use super::{
    row::{MESSAGE, Row, Rows},
    tell,
};
use crate::{
    api::usage::check,
    auth::{Caller, Scopes},
    cli::{
        args::UsageImport,
        exit::CommandError,
        import::{outcome, rejections::Rejections},
    },
    error::{ApiError, ErrorCode},
    rest::text,
    stdout,
};

/// Records that are shown.
const SHOWN: u64 = 10;
const NOT_CHECKED: &str = "not checked: prices, costs, and what is recorded already";

/// Checks every row as the server would before it looks anything up, shows the first requests and
/// prints a summary. No server is needed.
pub(super) fn run(
    command: &UsageImport,
    rows: Rows,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    let mut summary = Summary::default();
    for row in rows {
        let Row { line, usage } = row?;
        match usage
            .map_err(|message| (ErrorCode::InvalidField, message))
            .and_then(checked)
        {
            Ok(request) => {
                summary.accepted = summary.accepted.saturating_add(1);
                if !command.json && summary.accepted <= SHOWN {
                    let shown = text::to_json(MESSAGE, &request).map_err(CommandError::failure)?;
                    bar.suspend(|| stdout::line(format_args!("line {line}: {shown}")))?;
                }
            }
            Err((code, message)) => {
                let rejections = &mut summary.rejections;
                let told = rejections.add(format_args!("line {line}"), code.as_str(), &message);
                if let Some(told) = told {
                    tell(bar, &told);
                }
            }
        }
    }
    bar.finish_and_clear();
    let text = if command.json {
        summary.json().map_err(CommandError::failure)?
    } else {
        summary.to_string()
    };
    stdout::line(text)?;
    outcome(summary.rejections.rows())
}

/// The request, if the server would accept it but for what it has to look up.
fn checked(request: RecordUsageRequest) -> Result<RecordUsageRequest, (ErrorCode, String)> {
    let gateway = Caller {
        subject: String::new(),
        scopes: Scopes {
            usage_write: true,
            admin: false,
        },
    };
    let told = |error: ApiError| (error.code, error.message);
    let user = gateway.resolve_for_usage(&request.user_id).map_err(told)?;
    check(
        user,
        request.clone(),
        RecordId::new(Uuid::nil()),
        Utc::now(),
    )
    .map_err(told)?;
    Ok(request)
}

#[derive(Default)]
struct Summary {
    accepted: u64,
    rejections: Rejections,
}

impl Summary {
    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            dry_run: true,
            records: self.accepted,
            rejected: self.rejections.rows(),
            reasons: self.rejections.reasons(),
            note: NOT_CHECKED,
        })
    }
}

#[derive(Serialize)]
struct Line<'a> {
    dry_run: bool,
    records: u64,
    rejected: u64,
    reasons: &'a BTreeMap<String, u64>,
    note: &'static str,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejections = &self.rejections;
        writeln!(f, "nothing was sent")?;
        writeln!(f, "would be sent: {}", self.accepted)?;
        writeln!(f, "rejected: {}{rejections}", rejections.rows())?;
        f.write_str(NOT_CHECKED)
    }
}
