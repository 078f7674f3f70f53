//! The program as a shell sees it: what it prints, how it ends, how it stops.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Output, time::Duration};

use integration_tests::{
    Backend, TestServer, on_both_databases,
    postgres::{connect, fresh_database},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{call, digits, operator, record, set_example_prices};

on_both_databases!(
    both_signals_end_the_server_with_0_and_only_the_ready_line_on_stdout,
    a_running_call_is_finished_before_the_server_ends,
    migrations_go_up_and_down,
    nothing_is_taken_back_while_a_server_is_connected,
);

const PATIENCE: Duration = Duration::from_secs(20);

/// Exit code, stdout and stderr.
pub(crate) fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

async fn both_signals_end_the_server_with_0_and_only_the_ready_line_on_stdout(backend: Backend) {
    let mut server = TestServer::start(backend).await;
    for signal in ["INT", "TERM"] {
        set_example_prices(&operator(&server).await).await;
        // An idle connection does not hold the server up.
        let _idle = TcpStream::connect(server.addr()).await.unwrap();
        let (status, printed) = server.stop(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}");
        assert_eq!(printed, Vec::<String>::new(), "{signal}");
        server.restart().await;
    }
}

async fn a_running_call_is_finished_before_the_server_ends(backend: Backend) {
    let mut server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let token = server.token("gateway", "usage:write").await;
    let body = r#"{"user_id":"alice","request_id":"a","model":"gpt-4","prompt_tokens":1000}"#;
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!(
        "POST /v1/billing/usage HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once the call runs.
    let mut asked = [0; 64];
    let length = socket.read(&mut asked).await.unwrap();
    assert!(asked[..length].starts_with(b"HTTP/1.1 100"), "{asked:?}");

    let addr = server.addr();
    let call = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        socket.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (stopped, answer) = tokio::join!(server.stop("TERM"), timeout(PATIENCE, call));
    let answer = answer.expect("the listener closes and the call is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(stopped.0.code(), Some(0));
    server.restart().await;
    let stats = operator(&server)
        .await
        .get("/v1/billing/stats?user_id=alice")
        .await;
    assert_eq!(digits(&stats, "total_cost"), "0.03");
}

async fn migrations_go_up_and_down(backend: Backend) {
    let server = TestServer::start(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let url = match backend {
        Backend::Sqlite => format!("sqlite://{}/other.db", folder.path().display()),
        Backend::Postgres => fresh_database().await,
    };
    let migrate = async |more: &[&str]| {
        let arguments = [&["migrate", "--database-url", &url], more].concat();
        said(server.cli(&arguments).await)
    };
    let (code, printed, errors) = migrate(&[]).await;
    assert_eq!(
        (code, printed.starts_with("applied ")),
        (Some(0), true),
        "{printed}{errors}"
    );
    let (code, printed, _) = migrate(&[]).await;
    assert_eq!(
        (code, printed.as_str()),
        (Some(0), "the schema is up to date\n")
    );
    let (code, printed, errors) = migrate(&["--down", "1"]).await;
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{errors}");
    assert!(errors.contains("--yes"), "{errors}");
    let (code, printed, errors) = migrate(&["--down", "1", "--yes"]).await;
    assert_eq!(
        (code, printed.starts_with("reverted ")),
        (Some(0), true),
        "{printed}{errors}"
    );
    let (code, printed, errors) = migrate(&[]).await;
    assert_eq!(
        (code, printed.starts_with("applied ")),
        (Some(0), true),
        "{printed}{errors}"
    );
}

async fn nothing_is_taken_back_while_a_server_is_connected(backend: Backend) {
    let mut server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let down = ["migrate", "--down", "1", "--yes"];
    let (code, printed, errors) = said(server.cli(&down).await);
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("a server"), "{errors}");
    let operator = operator(&server).await;
    assert_eq!(operator.get("/v1/billing/prices/gpt-4").await.status, 200);
    server.terminate().await;
    let (code, printed, errors) = said(server.cli(&down).await);
    assert_eq!(
        (code, printed.starts_with("reverted ")),
        (Some(0), true),
        "{printed}{errors}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_without_its_schema_ends_with_4() {
    let server = TestServer::start(Backend::Sqlite).await;
    let url = fresh_database().await;
    let key = server
        .database_url()
        .trim_start_matches("sqlite://")
        .replace("billing.db", "billing.key");
    let serve = async || {
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            &url,
            "--jwt-key-file",
            &key,
        ];
        said(server.cli(&arguments).await)
    };
    let refused = |(code, printed, errors): (Option<i32>, String, String)| {
        assert_eq!((code, printed.as_str()), (Some(4), ""), "{errors}");
        assert!(errors.contains("billing-server migrate"), "{errors}");
    };
    refused(serve().await);
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'accounts'";
    let row = connect(&url).await.query_one(tables, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    let up = server.cli(&["migrate", "--database-url", &url]).await;
    assert!(up.status.success());
    let down = server
        .cli(&["migrate", "--down", "1", "--yes", "--database-url", &url])
        .await;
    assert!(down.status.success());
    refused(serve().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_an_sqlite_file_ends_with_1() {
    let server = TestServer::start(Backend::Sqlite).await;
    let started = std::time::Instant::now();
    let output = server.cli(&["serve", "--listen", "127.0.0.1:0"]).await;
    let (code, printed, errors) = said(output);
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
    let last = errors.lines().last().unwrap();
    assert!(
        last.contains("billing.db") && last.contains("another"),
        "{last}"
    );
    assert!(
        started.elapsed() < PATIENCE,
        "it tried again for {:?}",
        started.elapsed()
    );
    assert_eq!(server.rest("").get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_flags_and_settings_end_with_2_and_are_named() {
    let server = TestServer::builder(Backend::Sqlite).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "queue_recrods = 5\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, named) in [
        (vec!["--nonsense"], "--nonsense"),
        (vec!["nonsense"], "nonsense"),
        (vec!["--listen", "here"], "--listen"),
        (vec!["--shutdown-timeout", "30"], "--shutdown-timeout"),
        (vec!["--queue-records", "0"], "queue_records"),
        (vec!["--max-message-bytes", "1"], "max_message_bytes"),
        (
            vec!["--database-url", "mysql://localhost/billing"],
            "database_url",
        ),
        (vec!["--tls-cert", "cert.pem"], "tls_key"),
        (vec!["--cors-origin", "nonsense"], "cors_origin"),
        (vec!["--config", "missing.toml"], "missing.toml"),
        (vec!["--config", file], "queue_recrods"),
        (
            vec!["--listen", "127.0.0.1:0", "--jwt-key-file", "missing.key"],
            "jwt_key_file",
        ),
        (vec!["--listen", "0.0.0.0:0"], "listen"),
        (vec!["--listen", "[::]:0"], "listen"),
        // With a test clock not even behind a proxy.
        (
            vec!["--listen", "0.0.0.0:0", "--plaintext"],
            "BILLING_TEST_CLOCK",
        ),
        (vec!["token"], "--subject"),
        (vec!["token", "--subject", "a", "--scope", "root"], "root"),
        (vec!["migrate", "--down", "0"], "--down"),
    ] {
        let (code, printed, errors) = said(server.cli(&arguments).await);
        assert_eq!(
            (code, printed.as_str()),
            (Some(2), ""),
            "{arguments:?}: {errors}"
        );
        assert!(errors.contains(named), "{arguments:?}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_early_is_no_failure() {
    let server = TestServer::start(Backend::Sqlite).await;
    let operator = operator(&server).await;
    set_example_prices(&operator).await;
    record(&operator, &call("r", "gpt-4", 1, 1)).await;
    let folder = tempfile::tempdir().unwrap();
    let usage = folder.path().join("usage.csv");
    std::fs::write(&usage, "user_id,model\nalice,gpt-4\n").unwrap();
    let usage = usage.to_str().unwrap();
    for line in [
        "report --month 2024-11",
        "report --month 2024-11 --csv",
        "usage import FILE --json",
        "usage import FILE --dry-run",
        "invoices reconcile --month 2024-11",
        "token --subject alice",
        "migrate --help",
    ] {
        let words = line.split_whitespace();
        let words: Vec<_> = words
            .map(|word| if word == "FILE" { usage } else { word })
            .collect();
        let (code, _, errors) = said(server.cli_unread(&words).await);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{line}");
    }
}

/// A folder with nothing in it, and the URL of a database there.
fn nowhere_yet() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new.db", folder.path().display());
    (folder, url)
}

fn is_empty(folder: &TempDir) -> bool {
    std::fs::read_dir(folder.path()).unwrap().next().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_leaves_no_files_behind() {
    let server = TestServer::start(Backend::Sqlite).await;
    let (folder, url) = nowhere_yet();
    let port = server.addr().port();
    for listen in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let serve = ["serve", "--listen", &listen, "--database-url", &url];
        let (code, printed, errors) = said(server.cli(&serve).await);
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
        let named = format!("cannot listen on 127.0.0.1:{port}: ");
        assert!(errors.contains(&named), "{errors}");
        assert!(is_empty(&folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_beside_no_key_makes_none() {
    let server = TestServer::start(Backend::Sqlite).await;
    let (folder, url) = nowhere_yet();
    for command in [
        ["token", "--subject", "alice"],
        ["report", "--month", "2024-11"],
    ] {
        let arguments = [command.as_slice(), &["--database-url", &url]].concat();
        let (code, printed, errors) = said(server.cli(&arguments).await);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{errors}");
        let path = folder.path().join("billing.key");
        let named = format!("there is no key file {}: ", path.display());
        assert!(errors.contains(&named), "{errors}");
        assert!(errors.contains("keygen"), "{errors}");
        assert!(is_empty(&folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_once_and_for_its_owner() {
    let server = TestServer::start(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.key");
    let file = path.to_str().unwrap();
    let (code, _, errors) = said(server.cli(&["keygen", file]).await);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(mode(&path), 0o600);
    let key = std::fs::read(&path).unwrap();
    let token = ["token", "--subject", "alice", "--jwt-key-file", file];
    assert_eq!(said(server.cli(&token).await).0, Some(0));
    let (code, printed, errors) = said(server.cli(&["keygen", file]).await);
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{errors}");
    assert!(errors.contains("never overwritten"), "{errors}");
    assert_eq!(std::fs::read(&path).unwrap(), key);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqlite_database_is_for_its_owner() {
    let server = TestServer::start(Backend::Sqlite).await;
    set_example_prices(&operator(&server).await).await;
    let path = server.database_url().trim_start_matches("sqlite://");
    for end in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(Path::new(&format!("{path}{end}"))), 0o600, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_is_told_at_start() {
    let server = TestServer::start(Backend::Sqlite).await;
    let key = server.database_url().trim_start_matches("sqlite://");
    let key = key.replace("billing.db", "billing.key");
    let started = std::time::Instant::now();
    // Nobody, not even root, can make a file there.
    let url = "sqlite:///proc/billing.db";
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database-url", url];
    let serve = [serve.as_slice(), &["--jwt-key-file", &key]].concat();
    let (code, printed, errors) = said(server.cli(&serve).await);
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
    let named = "/proc/billing.db.lock cannot be written: ";
    assert!(errors.contains(named), "{errors}");
    assert!(started.elapsed() < PATIENCE, "it tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_no_setting_ends_with_2() {
    let server = TestServer::start(Backend::Sqlite).await;
    for command in [
        ["token", "--subject", "alice"],
        // Does not look at the settings.
        ["keygen", "new.key", "--"],
    ] {
        let variables = [("BILLING_JWT_ISSUR", "me")];
        let (code, printed, errors) = said(server.cli_with(&variables, &command).await);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{errors}");
        assert!(errors.contains("BILLING_JWT_ISSUR: is not"), "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_its_commit_and_completes_its_commands() {
    let server = TestServer::start(Backend::Sqlite).await;
    let (code, printed, _) = said(server.cli(&["--version"]).await);
    assert_eq!(code, Some(0));
    let commit = printed.trim_end().strip_suffix(')');
    let commit = commit.and_then(|version| version.split_once(" ("));
    let (_, commit) = commit.expect("a version and a commit");
    assert!(
        commit == "unknown" || commit.chars().all(|c| c.is_ascii_hexdigit()),
        "{printed}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let (code, printed, _) = said(server.cli(&["completions", shell]).await);
        assert_eq!(code, Some(0), "{shell}");
        assert!(printed.contains("reconcile"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_prints_the_token_and_nothing_else() {
    let server = TestServer::start(Backend::Sqlite).await;
    let (code, printed, errors) = said(server.cli(&["token", "--subject", "alice"]).await);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let token = printed.strip_suffix('\n').expect("a line");
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert_eq!(
        server.rest(token).get("/v1/billing/stats").await.status,
        200
    );
}
