//! Where settings come from, and which are refused.

use std::ffi::OsString;
use std::fs;

use clap::{CommandFactory, Parser};
use rstest::rstest;
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

/// Loads settings from flags, `NAME=value` variables and the text of a file.
fn load(flags: &str, variables: &[&str], file: &str) -> Result<Config, ConfigError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("billing.toml");
    fs::write(&path, file).unwrap();
    let mut options = Flags::try_parse_from(flags.split_whitespace())
        .unwrap()
        .options;
    options.common.config = Some(path);
    let variables = variables.iter().map(|variable| {
        let (name, value) = variable.split_once('=').unwrap();
        (OsString::from(name), OsString::from(value))
    });
    Config::load(&options, variables)
}

fn served(flags: &str, variables: &[&str]) -> Result<(), String> {
    load(flags, variables, "")
        .and_then(|settings| settings.check_serve().map(drop))
        .map_err(|error| error.to_string())
}

#[test]
fn nothing_given_means_the_documented_defaults() {
    let settings = load("", &[], "").unwrap();
    assert_eq!(settings, Config::default());
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url.to_string(), "sqlite://billing.db");
    assert_eq!(
        (settings.max_message_bytes, settings.queue_records),
        (16_777_216, 8_192)
    );
    assert_eq!((settings.db_read_pool, settings.db_writers), (4, 1));
    assert_eq!(settings.db_acquire_timeout, Period::seconds(5));
    assert_eq!(settings.db_statement_timeout, Period::seconds(30));
    assert_eq!(settings.shutdown_timeout, Period::seconds(30));
    assert_eq!(settings.month_end_grace, Period::seconds(86_400));
}

#[test]
fn the_help_tells_the_defaults() {
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut told = 0;
    for flag in Flags::command().get_arguments() {
        let default = &defaults[flag.get_id().as_str()];
        let default = match default.as_str() {
            Some(text) => text.to_owned(),
            None => default.to_string(),
        };
        let help = flag.get_help().unwrap().to_string();
        let text = help.split("[default: ").nth(1);
        let text = text.map(|rest| rest.trim_end_matches(']'));
        match default.as_str() {
            // What stands there is what its absence means.
            "null" => {}
            "false" => assert_eq!(text, None, "{help}"),
            "" => assert_eq!(text, Some("none"), "{help}"),
            "1day" => assert_eq!(text, Some("24h"), "{help}"),
            "1day,3days,7days" => assert_eq!(text, Some("1d,3d,7d"), "{help}"),
            default => {
                assert_eq!(text, Some(default), "{help}");
                told += 1;
            }
        }
    }
    assert_eq!(told, 17);
}

#[rstest]
#[case("--queue-records 1", &["BILLING_QUEUE_RECORDS=2"], "queue_records = 3", 1)]
#[case("", &["BILLING_QUEUE_RECORDS=2"], "queue_records = 3", 2)]
#[case("--db-writers 7", &[], "queue_records = 3", 3)]
#[case("", &["BILLING_DB_WRITERS=7"], "", 8_192)]
fn flags_win_over_variables_over_the_file_over_defaults(
    #[case] flags: &str,
    #[case] variables: &[&str],
    #[case] file: &str,
    #[case] queue_records: usize,
) {
    assert_eq!(
        load(flags, variables, file).unwrap().queue_records,
        queue_records
    );
}

/// Every setting with a value that is not its default, as it stands in the file.
const ALL: &[(&str, &str)] = &[
    ("listen", "\"127.0.0.1:9\""),
    ("database_url", "\"sqlite://other.db\""),
    ("auto_migrate", "true"),
    ("jwt_key_file", "\"other.key\""),
    ("jwt_issuer", "\"123\""),
    ("jwt_audience", "\"billing\""),
    ("tls_cert", "\"cert.pem\""),
    ("tls_key", "\"key.pem\""),
    ("plaintext", "true"),
    ("cors_origin", "\"https://app.example.com\""),
    ("reflection_public", "true"),
    ("max_message_bytes", "2048"),
    ("queue_records", "9"),
    ("db_read_pool", "9"),
    ("db_writers", "9"),
    ("db_acquire_timeout", "\"1s\""),
    ("db_statement_timeout", "\"5m\""),
    ("shutdown_timeout", "\"500ms\""),
    ("month_end_grace", "\"0s\""),
    ("log_format", "\"json\""),
    ("stripe_secret_key", "\"sk_test_1\""),
    ("stripe_secret_key_file", "\"stripe.key\""),
    ("stripe_webhook_secret", "\"whsec_1\""),
    ("stripe_webhook_secret_file", "\"webhook.secret\""),
    ("stripe_api_base", "\"http://127.0.0.1:12111\""),
    ("paypal_client_id", "\"app\""),
    ("paypal_client_secret", "\"hidden\""),
    ("paypal_client_secret_file", "\"paypal.secret\""),
    ("paypal_webhook_id", "\"8PT597110X687430LKGECATA\""),
    ("paypal_api_base", "\"https://api-m.sandbox.paypal.com\""),
    ("paypal_item_name", "\"Tokens\""),
    ("payment_description", "\"Tokens\""),
    ("topup_min", "\"0.50\""),
    ("topup_max", "\"500\""),
    ("topup_max_per_day", "9"),
    ("topup_max_per_month", "9"),
    ("collection_retries", "\"2h,3d\""),
    ("webhook_allow_http", "true"),
    ("event_retention", "\"20days\""),
    ("webhook_allow_cidr", "\"127.0.0.0/8,fd00::/64\""),
    ("seller_name", "\"Oblivious\""),
    ("seller_address", "\"Street\""),
    ("seller_country", "\"DE\""),
    ("seller_tax_id", "\"DE123\""),
    ("seller_registration", "\"HRB1\""),
    ("seller_footer", "\"Thanks\""),
    ("invoice_series", "\"RE\""),
    ("credit_note_series", "\"GS\""),
    ("smtp_url", "\"smtps://u:hidden@mail.example.com\""),
    ("smtp_url_file", "\"smtp.url\""),
    ("mail_from", "\"billing@example.com\""),
    ("mail_templates", "\"texts\""),
    ("operator_email", "\"ops@example.com\""),
];

#[test]
fn every_setting_can_be_given_in_all_three_ways() {
    let file: Vec<_> = ALL
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    let plain = |value: &str| value.trim_matches('"').to_owned();
    let variables: Vec<_> = ALL
        .iter()
        .map(|(key, value)| format!("BILLING_{}={}", key.to_uppercase(), plain(value)))
        .collect();
    let variables: Vec<_> = variables.iter().map(String::as_str).collect();
    let flags: Vec<_> = ALL
        .iter()
        .map(|(key, value)| format!("--{}={}", key.replace('_', "-"), plain(value)))
        .collect();

    let expected = load("", &[], &file.join("\n")).unwrap();
    assert_eq!(load("", &variables, "").unwrap(), expected);
    assert_eq!(load(&flags.join(" "), &[], "").unwrap(), expected);

    let as_map = |settings: &Config| serde_json::to_value(settings).unwrap();
    let (expected, default) = (as_map(&expected), as_map(&Config::default()));
    assert_eq!(default.as_object().unwrap().len(), ALL.len());
    for (key, _) in ALL {
        assert_ne!(expected[key], default[key], "{key} was not set");
    }
}

#[test]
fn a_switch_can_be_turned_off_again() {
    assert!(load("", &[], "plaintext = true").unwrap().plaintext);
    assert!(
        !load("--plaintext=false", &[], "plaintext = true")
            .unwrap()
            .plaintext
    );
    assert!(
        !load("", &["BILLING_PLAINTEXT=false"], "plaintext = true")
            .unwrap()
            .plaintext
    );
}

#[test]
fn the_file_can_be_named_by_a_variable() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("billing.toml");
    fs::write(&path, "db_writers = 3").unwrap();
    let variable = (OsString::from("BILLING_CONFIG"), path.into_os_string());
    let settings = Config::load(&Options::default(), [variable]).unwrap();
    assert_eq!(settings.db_writers, 3);
}

/// `cargo run` gives the program what the build script sets for the compiler.
#[test]
fn what_the_build_sets_is_not_taken_for_a_setting() {
    let build = include_str!("../../build.rs");
    let set = build.split("rustc-env=").skip(1);
    let names: Vec<_> = set
        .filter_map(|rest| rest.split('=').next())
        .map(OsString::from)
        .collect();
    assert_eq!(names.len(), 1);
    assert_eq!(check_variables(names), Ok(()));
}

#[test]
fn variables_of_others_are_ignored() {
    let variables = [
        "PATH=/bin",
        "BILLING_TOKEN=x",
        "BILLINGLISTEN=x",
        "billing_listen=x",
    ];
    assert_eq!(load("", &variables, "").unwrap(), Config::default());
}

#[rstest]
#[case(
    "--queue-records 0",
    "queue_records: must be between 1 and 10000000, is 0"
)]
#[case("--db-read-pool 0", "db_read_pool: must be between 1 and 1000, is 0")]
#[case("--db-writers 0", "db_writers: must be between 1 and 1000, is 0")]
#[case(
    "--max-message-bytes 0",
    "max_message_bytes: must be between 1024 and 1073741824, is 0"
)]
#[case(
    "--db-acquire-timeout 0s",
    "db_acquire_timeout: must be more than 0s and at most 1day, is 0s"
)]
#[case(
    "--db-statement-timeout 2days",
    "db_statement_timeout: must be more than 0s and at most 1day, is 2days"
)]
#[case(
    "--shutdown-timeout 0s",
    "shutdown_timeout: must be more than 0s and at most 1day, is 0s"
)]
#[case(
    "--month-end-grace 29d",
    "month_end_grace: must be at most 28days, is 29days"
)]
#[case("--jwt-issuer=", "jwt_issuer: must not be empty")]
#[case("--jwt-audience=", "jwt_audience: must not be empty")]
#[case(
    "--invoice-series inv",
    "invoice_series: must be 1 to 16 characters of A to Z, 0 to 9 and -"
)]
#[case(
    "--credit-note-series A2345678901234567",
    "credit_note_series: must be 1 to 16 characters of A to Z, 0 to 9 and -"
)]
#[case(
    "--seller-country UK",
    "seller_country: must be the code of a country, such as DE (ISO 3166-1)"
)]
#[case(
    "--cors-origin https://app.example.com/",
    "cors_origin: must be * or an origin such as https://app.example.com, without a path"
)]
#[case(
    "--database-url mysql://root:hunter2@db/x",
    "database_url: must start with sqlite://, postgres:// or postgresql://"
)]
fn values_out_of_range_are_refused_by_name(#[case] flags: &str, #[case] message: &str) {
    assert_eq!(load(flags, &[], "").unwrap_err().to_string(), message);
}

#[rstest]
#[case(
    "BILLING_QUEUE_RECORDS=many",
    "BILLING_QUEUE_RECORDS: many is not valid: "
)]
#[case("BILLING_LISTEN=here", "BILLING_LISTEN: here is not valid: ")]
#[case(
    "BILLING_SHUTDOWN_TIMEOUT=30",
    "BILLING_SHUTDOWN_TIMEOUT: 30 is not valid: "
)]
#[case(
    "BILLING_LOG_FORMAT=xml",
    "BILLING_LOG_FORMAT: xml is not one of: text, json"
)]
#[case(
    "BILLING_PLAINTEXT=maybe",
    "BILLING_PLAINTEXT: maybe is not one of: true, false"
)]
#[case(
    "BILLING_WEBHOOK_ALLOW_CIDR=10.0.0.0",
    "BILLING_WEBHOOK_ALLOW_CIDR: 10.0.0.0 is not valid: "
)]
#[case("BILLING_TLS_CERT=", "BILLING_TLS_CERT: must not be empty")]
#[case(
    "BILLING_TEST_CLOCK=noon",
    "BILLING_TEST_CLOCK: must be a time such as "
)]
fn malformed_variables_are_refused_by_name(#[case] variable: &str, #[case] message: &str) {
    let error = load("", &[variable], "").unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

#[rstest]
#[case("queue_record = 1", "queue_record: is not a setting in ")]
#[case("config = \"x\"", "config: is not a setting in ")]
#[case(
    "test_clock = \"2024-11-01T00:00:00Z\"",
    "test_clock: is not a setting in "
)]
#[case("queue_records = \"many\"", "queue_records: invalid type: ")]
#[case("queue_records = -1", "queue_records: invalid ")]
#[case("shutdown_timeout = \"30\"", "shutdown_timeout: ")]
#[case("listen = \"here\"", "listen: ")]
#[case("log_format = \"xml\"", "log_format: unknown variant: ")]
#[case(
    "database_url = \"mysql://a:hunter2@db\"",
    "database_url: must start with "
)]
#[case(
    "database_url = \"postgres://a:hunter2@db",
    "config: TOML parse error at line 1, "
)]
fn malformed_files_are_refused_by_key(#[case] file: &str, #[case] message: &str) {
    let error = load("", &[], file).unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let options = Flags::try_parse_from(["--config=/nowhere/billing.toml"])
        .unwrap()
        .options;
    let error = Config::load(&options, []).unwrap_err().to_string();
    assert!(
        error.starts_with("config: cannot read /nowhere/billing.toml: "),
        "{error}"
    );
}

#[rstest]
#[case("")]
#[case("--listen 127.0.0.2:0")]
#[case("--listen [::1]:8080")]
#[case("--listen localhost:8080")]
#[case("--listen [::ffff:127.0.0.1]:8080")]
#[case("--listen 0.0.0.0:8080 --plaintext")]
#[case("--listen 0.0.0.0:8080 --tls-cert c.pem --tls-key k.pem")]
#[case("--database-url postgres://db/x --jwt-key-file k")]
fn safe_combinations_are_served(#[case] flags: &str) {
    assert_eq!(served(flags, &[]), Ok(()));
}

#[rstest]
#[case(
    "--listen 0.0.0.0:8080",
    "listen: 0.0.0.0:8080 can be reached by others and would be served without TLS: set tls_cert \
     and tls_key, or plaintext behind a proxy that adds TLS"
)]
#[case("--tls-cert c.pem", "tls_cert: needs tls_key too")]
#[case(
    "--listen 0.0.0.0:8080 --plaintext --tls-key k.pem",
    "tls_key: needs tls_cert too"
)]
#[case(
    "--database-url postgres://db/x",
    "jwt_key_file: several servers: a signing key must be configured, the same for all servers \
     on a PostgreSQL database"
)]
#[case(
    "--invoice-series A --credit-note-series A",
    "credit_note_series: must not be A, which is invoice_series too"
)]
fn unsafe_combinations_are_refused_with_the_remedy(#[case] flags: &str, #[case] message: &str) {
    assert_eq!(served(flags, &[]), Err(message.to_owned()));
}

#[test]
fn a_host_that_nobody_knows_is_named() {
    let refused = served("--listen nowhere.invalid:8080", &[]).unwrap_err();
    let start = "listen: cannot look up nowhere.invalid:8080: ";
    assert!(refused.starts_with(start), "{refused}");
}

#[rstest]
#[case("", true)]
#[case("--listen localhost:0", true)]
#[case("--listen [::1]:0", true)]
#[case("--listen 0.0.0.0:0 --plaintext", false)]
#[case("--listen 10.0.0.1:0 --tls-cert c --tls-key k", false)]
fn a_test_clock_needs_loopback(#[case] flags: &str, #[case] accepted: bool) {
    let variables = ["BILLING_TEST_CLOCK=2024-11-01T01:00:00+01:00"];
    assert_eq!(served(flags, &variables).is_ok(), accepted);
    let clock = load(flags, &variables, "").unwrap().test_clock.unwrap();
    assert_eq!(clock.to_rfc3339(), "2024-11-01T00:00:00+00:00");
}

#[test]
fn the_default_key_is_created_beside_the_database() {
    let folder = TempDir::new().unwrap();
    let url = format!(
        "--database-url sqlite://{}/billing.db",
        folder.path().display()
    );
    assert!(
        load(&url, &[], "")
            .unwrap()
            .load_signing_key()
            .unwrap()
            .can_sign()
    );
    assert!(folder.path().join("billing.key").exists());
}

#[rstest]
#[case(
    "",
    "start the server, which makes it, or name its key file with --jwt-key-file"
)]
#[case(" --jwt-key-file billing.key", "name another with --jwt-key-file")]
fn a_key_that_must_be_there_is_not_created(#[case] flag: &str, #[case] advice: &str) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("billing.key");
    let path = path.display();
    let folder = folder.path().display();
    let flag = flag.replace("billing.key", &path.to_string());
    let url = format!("--database-url sqlite://{folder}/billing.db{flag}");
    let error = load(&url, &[], "").unwrap().load_existing_signing_key();
    assert_eq!(
        error.unwrap_err().to_string(),
        format!(
            "jwt_key_file: there is no key file {path}: {advice}, or make one with \
             `billing-server keygen {path}`"
        )
    );
    assert!(!fs::exists(path.to_string()).unwrap());
}

#[test]
fn variables_that_are_no_setting_are_refused_by_name() {
    let error = load("", &["BILLING_LISTN=127.0.0.1:0"], "").unwrap_err();
    let message = "BILLING_LISTN: is not a setting; `billing-server --help` tells them all";
    assert_eq!(error.to_string(), message);
    let names = [
        "PATH",
        "BILLING_TOKEN",
        "BILLING_LISTEN",
        "BILLING_TEST_CLOCK",
    ];
    assert_eq!(check_variables(names.map(OsString::from)), Ok(()));
    let names = ["BILLING_TOKEN", "BILLING_TOKENS"].map(OsString::from);
    assert_eq!(check_variables(names).unwrap_err().key, "BILLING_TOKENS");
}

#[test]
fn a_configured_key_is_never_created() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("typo.key");
    let settings = load(&format!("--jwt-key-file {}", path.display()), &[], "").unwrap();
    let error = settings.load_signing_key().unwrap_err();
    assert_eq!(error.key, "jwt_key_file");
    assert!(!path.exists());
}

#[test]
fn postgres_has_no_default_key() {
    let settings = load("--database-url postgres://db/x", &[], "").unwrap();
    assert_eq!(settings.load_signing_key().unwrap_err().key, "jwt_key_file");
}

#[test]
fn debug_shows_no_password() {
    let flags = "--database-url postgres://app:hunter2@db/billing";
    let settings = load(flags, &[], "").unwrap();
    let url = String::from(settings.database_url.clone());
    assert!(url.contains("hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
}
