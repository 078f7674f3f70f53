//! Commands that try what the settings name.

use clap::{Args, Subcommand};

use super::SETTINGS_HELP;
use crate::{
    config::{CommonOptions, MailOptions, Options},
    delivery::mail::letters::{Language, MailKind},
};

/// `mail`
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Sends an example.
    #[command(
        about = "Send an example of a mail, and print what the mail server answers",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Test(MailTest),
}

/// `mail test`
#[derive(Debug, Args)]
pub(crate) struct MailTest {
    /// Whom to send it to [default: --operator-email]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<String>,
    /// Which mail
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        default_value = "invoice_issued"
    )]
    pub(crate) kind: MailKind,
    /// In which language
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value = "en")]
    pub(crate) language: Language,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    mail: MailOptions,
}

impl MailTest {
    /// The settings among the flags.
    #[must_use]
    pub(crate) fn options(&self) -> Options {
        Options {
            common: self.common.clone(),
            mail: self.mail.clone(),
            ..Options::default()
        }
    }
}
