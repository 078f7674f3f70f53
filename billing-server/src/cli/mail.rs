//! Trying the mail server.

use chrono::{SubsecRound, Utc};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{
    args::MailTest,
    exit::{CommandError, Exit},
    load,
};
use crate::{
    config::ConfigError,
    delivery::mail::{Mail, Sent, compose::MailOrder, letters::Letter},
    stdout,
};

/// Sends an example of a mail, and prints what became of it.
pub(super) fn test(test: &MailTest) -> Result<(), CommandError> {
    let config = load(&test.options())?;
    let mail = Mail::new(&config)?
        .ok_or_else(|| ConfigError::new("smtp_url", "is needed to send mail"))?;
    for problem in mail.templates().problems() {
        stdout::line(format_args!("not used: {problem}"))?;
    }
    let to = test.to.as_deref().or(mail.operator());
    let to = to.ok_or_else(|| CommandError::new(Exit::Usage, "nobody to send to: give --to"))?;
    let order = MailOrder {
        event_id: &format!("test-{}", Uuid::now_v7()),
        outlet: "test",
        at: Utc::now().trunc_subsecs(0),
        to,
        buyer_name: "",
        language: test.language,
        letter: Letter::example(test.kind),
        pdf: None,
    };
    let composed = mail
        .compose(&order)
        .map_err(|error| CommandError::new(Exit::Usage, error))?;
    if mail.templates().fallbacks() > 0 {
        stdout::line("built-in texts are sent in place of your own")?;
    }
    match Runtime::new()?.block_on(mail.send(&composed)) {
        Sent::Accepted(answer) => {
            stdout::line(format_args!("accepted for {}: {answer}", composed.to))?;
            Ok(())
        }
        Sent::Refused { reason, .. } => Err(CommandError::failure(format_args!(
            "refused for good: {reason}"
        ))),
        Sent::Later { reason, .. } => Err(CommandError::failure(format_args!(
            "not sent, would be tried again: {reason}"
        ))),
    }
}
