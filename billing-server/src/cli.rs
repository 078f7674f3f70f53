//! The command line of `billing-server`.

use std::num::NonZeroU32;
use std::process;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::auth::Scopes;
use crate::auth::caller::check_subject;
use crate::settings::{CommonOptions, DatabaseOptions, KeyOptions, Options};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// Something failed at run time.
    Failure,
    /// The flags or settings are wrong.
    Usage,
    /// Finished, but some rows were rejected.
    RejectedRows,
    /// The database has another schema version.
    SchemaVersion,
    /// The invoices do not add up.
    ReconcileDifference,
}

impl Exit {
    /// The code that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::RejectedRows => 3,
            Self::SchemaVersion => 4,
            Self::ReconcileDifference => 5,
        }
    }
}

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

const ABOUT: &str = "Billing for AI gateways: prices, counts and records usage over gRPC and REST";
const SETTINGS_HELP: &str = "\
Every setting is a flag, a variable BILLING_<NAME> (--database-url: BILLING_DATABASE_URL) or a
key of the TOML file that --config names (database_url); the first of these that names it wins.
Durations are written like 500ms, 30s or 5m.";
const EXIT_HELP: &str = "\
Exit codes: 0 ok; 1 failure at run time; 2 bad flags or settings; 3 finished with rejected rows;
4 the database has another schema version; 5 reconcile difference.";

/// The whole command line. Without a command the flags are those of `serve`.
#[derive(Debug, Parser)]
#[command(
    name = "billing-server",
    version,
    about = ABOUT,
    long_about = None,
    after_help = format!("{SETTINGS_HELP}\n\n{EXIT_HELP}"),
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Options,
}

impl Cli {
    /// The command to run.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

/// What the program can do.
// The texts are named outright: those of flattened options would take their place.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server.
    #[command(
        about = "Run the server until SIGTERM or SIGINT (the default command)",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Serve(Box<Options>),
    /// Changes the database's schema.
    #[command(
        about = "Bring the database's schema up to date, or take migrations back",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Migrate(MigrateCommand),
    /// Mints a token.
    #[command(
        about = "Print a token for calling the server",
        long_about = None,
        after_help = SETTINGS_HELP
    )]
    Token(TokenCommand),
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateCommand {
    /// Take the last N migrations back instead; their data is lost
    #[arg(long, value_name = "N")]
    pub down: Option<NonZeroU32>,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    database: DatabaseOptions,
}

impl MigrateCommand {
    /// The settings among the flags.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            common: self.common.clone(),
            database: self.database.clone(),
            ..Options::default()
        }
    }
}

/// `token`
#[derive(Debug, Args)]
pub struct TokenCommand {
    /// User id that the token speaks for
    #[arg(long, value_name = "USER", value_parser = subject)]
    pub subject: String,
    /// What it allows beyond that user's account: usage:write, admin or both
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "",
        hide_default_value = true
    )]
    pub scope: Scopes,
    /// How long it is valid, as in 30m, 1h or 7days
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        value_parser = humantime::parse_duration
    )]
    pub ttl: Duration,
    #[command(flatten)]
    common: CommonOptions,
    #[command(flatten)]
    keys: KeyOptions,
}

impl TokenCommand {
    /// The settings among the flags.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            common: self.common.clone(),
            keys: self.keys.clone(),
            ..Options::default()
        }
    }
}

fn subject(text: &str) -> Result<String, &'static str> {
    check_subject(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rstest::rstest;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = line.split_whitespace().map(|word| word.replace('+', " "));
        Cli::try_parse_from([String::from("billing-server")].into_iter().chain(words))
            .map(Cli::into_command)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case("")]
    #[case("serve")]
    #[case("--listen 127.0.0.1:0 --plaintext --queue-records 9 --log-format json")]
    #[case("serve --listen [::1]:0 --plaintext=false --shutdown-timeout 5m")]
    fn serve_is_the_default_command(#[case] line: &str) {
        assert!(matches!(parse(line), Ok(Command::Serve(_))));
    }

    #[test]
    fn flags_mean_the_same_with_and_without_the_word_serve() {
        let flags = "--listen 127.0.0.1:0 --database-url sqlite://b.db --plaintext --tls-key k";
        let [implied, explicit] = [parse(flags), parse(&format!("serve {flags}"))];
        assert_eq!(
            format!("{:?}", implied.unwrap()),
            format!("{:?}", explicit.unwrap())
        );
    }

    #[rstest]
    #[case("migrate", None)]
    #[case(
        "migrate --down 2 --database-url sqlite://b.db --db-statement-timeout 10m",
        Some(2)
    )]
    fn migrate_goes_up_unless_told_how_far_down(#[case] line: &str, #[case] down: Option<u32>) {
        let Ok(Command::Migrate(migrate)) = parse(line) else {
            panic!("not migrate");
        };
        assert_eq!(migrate.down.map(NonZeroU32::get), down);
    }

    #[rstest]
    #[case("token --subject alice", "", 3_600)]
    #[case(
        "token --subject alice --scope usage:write+admin --ttl 90s",
        "usage:write admin",
        90
    )]
    #[case(
        "token --jwt-key-file k --subject alice --scope admin --ttl 7days",
        "admin",
        604_800
    )]
    fn a_token_has_defaults(#[case] line: &str, #[case] scopes: &str, #[case] seconds: u64) {
        let Ok(Command::Token(token)) = parse(line) else {
            panic!("not token");
        };
        assert_eq!(token.subject, "alice");
        assert_eq!(token.scope.to_string(), scopes);
        assert_eq!(token.ttl, Duration::from_secs(seconds));
    }

    #[rstest]
    #[case("--nonsense")]
    #[case("nonsense")]
    #[case("--listen here")]
    #[case("--listen 127.0.0.1:0 migrate")]
    #[case("--queue-records -1")]
    #[case("--shutdown-timeout 30")]
    #[case("--log-format xml")]
    #[case("--plaintext=maybe")]
    #[case("migrate --down 0")]
    #[case("migrate --listen 127.0.0.1:0")]
    #[case("token")]
    #[case("token --subject +alice")]
    #[case("token --subject alice --scope root")]
    #[case("token --subject alice --ttl soon")]
    fn wrong_flags_end_with_exit_code_2(#[case] line: &str) {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()));
    }

    #[test]
    fn help_and_version_end_with_exit_code_0() {
        for line in [
            "--help",
            "--version",
            "serve --help",
            "token --help",
            "help migrate",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }

    #[rstest]
    #[case("--help", ABOUT)]
    #[case(
        "serve --help",
        "Run the server until SIGTERM or SIGINT (the default command)"
    )]
    #[case(
        "migrate --help",
        "Bring the database's schema up to date, or take migrations back"
    )]
    #[case("token --help", "Print a token for calling the server")]
    fn help_begins_with_what_the_command_does(#[case] line: &str, #[case] about: &str) {
        let help = parse(line).unwrap_err().to_string();
        assert!(help.starts_with(about), "{help}");
        assert!(help.contains("BILLING_DATABASE_URL"));
    }

    #[test]
    fn debug_shows_no_password() {
        let command = parse("--database-url postgres://app:hunter2@db/billing").unwrap();
        assert!(!format!("{command:?}").contains("hunter2"));
    }

    #[test]
    fn exit_codes_are_pinned() {
        let all = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::RejectedRows,
            Exit::SchemaVersion,
            Exit::ReconcileDifference,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }
}
