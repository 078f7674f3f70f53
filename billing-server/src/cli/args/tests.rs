//! Command lines and how they are read.

use clap::CommandFactory;
use rstest::rstest;

use super::*;
use crate::cli::exit::Exit;

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
#[case("mail")]
#[case("mail test --kind letter")]
#[case("mail test --language de")]
#[case("mail test --listen 127.0.0.1:0")]
#[case("check --to alice@example.com")]
#[case("prices")]
#[case("prices import")]
#[case("prices import f.json --format xml")]
#[case("prices import f.json --effective-from yesterday")]
#[case("usage import f.csv --format azure-trace")]
#[case("usage import f.csv --format azure-trace --models m --users 0")]
#[case("usage import f.csv --in-flight 0")]
#[case("usage import f.csv --progress always")]
#[case("report")]
#[case("report --month 2024-13")]
#[case("invoices")]
#[case("invoices close")]
#[case("invoices close --month 11")]
#[case("invoices close --month 2024-11 --json")]
#[case("invoices close --month 2024-11 --progress always")]
#[case("invoices reconcile")]
#[case("invoices list --status open")]
#[case("invoices list --json --csv")]
#[case("invoices list --month 11")]
#[case("transactions")]
#[case("transactions list --status paid")]
#[case("transactions list --json --csv")]
#[case("transactions reconcile --day 2024-11")]
#[case("transactions reconcile --day 2024-11-15 --month 2024-11")]
#[case("transactions clear-attention txn-1")]
#[case("transactions clear-attention --user alice")]
#[case("prices history")]
#[case("report --month 2024-11 --by colour")]
#[case("report --month 2024-11 --by model --csv")]
#[case("invoices reconcile --month 2024-11 --progress never")]
#[case("report --month 2024-11 --endpoint nowhere")]
#[case("report --month 2024-11 --endpoint ftp://nowhere")]
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
#[case(
    "check --help",
    "Check settings, key, database, schema and mail templates, and change nothing"
)]
#[case("mail --help", "Send a mail through the mail server of the settings")]
#[case(
    "mail test --help",
    "Send an example of a mail, and print what the mail server answers"
)]
#[case("prices --help", "Set and show model prices on a running server")]
#[case(
    "prices history --help",
    "Show every price that a model has had, the one set last first, by the id that records name"
)]
#[case(
    "prices import --help",
    "Set the prices that a file lists; those in force already stay as they are"
)]
#[case("usage --help", "Record usage on a running server")]
#[case(
    "usage import --help",
    "Record the usage that a file lists; what is recorded already is not charged again"
)]
#[case(
    "report --help",
    "Show a month's revenue, fees, invoices and what recurs (MRR) over all users"
)]
#[case("invoices --help", "Issue, check and list all users' invoices")]
#[case(
    "invoices list --help",
    "List invoices and what is left to pay of them; --unpaid shows who owes money"
)]
#[case(
    "invoices close --help",
    "Issue the invoices of a month that is over for all users who have none yet"
)]
#[case(
    "invoices reconcile --help",
    "Check every invoice of a month that is over against the usage records"
)]
#[case(
    "transactions --help",
    "List all users' payments, and compare them with the payment providers"
)]
#[case(
    "transactions list --help",
    "List payments and refunds; --attention shows what a person should look at"
)]
#[case(
    "transactions reconcile --help",
    "Compare what the payment providers have charged with the transactions, both ways"
)]
#[case(
    "transactions clear-attention --help",
    "Take a transaction that you have looked at off the list of --attention"
)]
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
fn a_usage_import_has_defaults() {
    let Ok(Command::Usage(UsageCommand::Import(import))) = parse("usage import f.csv") else {
        panic!("not usage import");
    };
    assert_eq!((import.users, import.seed, import.in_flight), (200, 1, 4));
    assert_eq!(import.format, None);
    assert_eq!(import.progress, Progress::Auto);
    assert!(!import.json);
}

#[test]
fn a_trace_is_dealt_over_what_the_flags_say() {
    let line = "usage import f.csv --format azure-trace --users 3 --models a/b,c --seed 9";
    let Ok(Command::Usage(UsageCommand::Import(import))) = parse(line) else {
        panic!("not usage import");
    };
    assert_eq!(import.format, Some(UsageFormat::AzureTrace));
    assert_eq!((import.users, import.seed), (3, 9));
    assert_eq!(import.models, ["a/b", "c"]);
}

#[test]
fn a_month_is_closed_with_progress_unless_told_otherwise() {
    for (flags, progress) in [("", Progress::Auto), ("--progress never", Progress::Never)] {
        let line = format!("invoices close --month 2024-11 {flags}");
        let Ok(Command::Invoices(InvoicesCommand::Close(close))) = parse(&line) else {
            panic!("not invoices close");
        };
        assert_eq!(close.month.to_string(), "2024-11");
        assert_eq!(close.progress, progress);
    }
}

#[test]
fn a_month_is_reconciled_for_people_or_programs() {
    for (flags, json) in [("", false), ("--json", true)] {
        let line = format!("invoices reconcile --month 2024-11 {flags}");
        let Ok(Command::Invoices(InvoicesCommand::Reconcile(check))) = parse(&line) else {
            panic!("not invoices reconcile");
        };
        assert_eq!(
            (check.month.to_string().as_str(), check.json),
            ("2024-11", json)
        );
    }
}

#[test]
fn debug_shows_no_token() {
    let command = parse("report --month 2024-11 --token secret").unwrap();
    assert!(!format!("{command:?}").contains("secret"));
}
