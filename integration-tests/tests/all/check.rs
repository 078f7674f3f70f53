//! `billing-server check`: what it finds before a server starts.

use std::{fs, path::Path};

use integration_tests::{Backend, TestServer, on_both_databases, postgres::fresh_database};

use crate::command_line::said;

on_both_databases!(
    a_server_that_runs_is_in_order,
    a_schema_that_is_behind_is_told,
);

fn lines(printed: &str) -> Vec<&str> {
    printed.lines().collect()
}

async fn a_server_that_runs_is_in_order(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (code, printed, errors) = said(server.cli(&["check"]).await);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{printed}");
    let lines = lines(&printed);
    assert_eq!(lines.len(), 5, "{printed}");
    assert_eq!(lines[0], "settings: ok, accepted");
    assert_eq!(lines[1], "key: ok, signs and verifies tokens");
    assert!(lines[2].starts_with("database: ok, "), "{printed}");
    assert_eq!(lines[3], "schema: ok, current");
    assert_eq!(lines[4], "mail templates: ok, 0 of your own");
}

async fn a_schema_that_is_behind_is_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let url = match backend {
        Backend::Sqlite => format!("sqlite://{}/other.db", folder.path().display()),
        Backend::Postgres => fresh_database().await,
    };
    if backend == Backend::Sqlite {
        fs::write(folder.path().join("other.db"), "").unwrap();
    }
    let check = async |more: &[&str]| {
        let arguments = [&["check", "--database-url", &url], more].concat();
        said(server.cli(&arguments).await)
    };
    let (code, printed, errors) = check(&[]).await;
    match backend {
        // The server does it by itself.
        Backend::Sqlite => assert_eq!(code, Some(0), "{printed}{errors}"),
        Backend::Postgres => {
            assert_eq!(code, Some(4), "{printed}{errors}");
            assert!(
                printed.contains("schema: FAILED, the database lacks "),
                "{printed}"
            );
            assert!(errors.contains("run `billing-server migrate`"), "{errors}");
        }
    }
    let (code, printed, _) = check(&["--auto-migrate"]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("schema: ok, brought up to date when"),
        "{printed}"
    );
    assert_eq!(
        said(server.cli(&["migrate", "--database-url", &url]).await).0,
        Some(0)
    );
    let (code, printed, _) = check(&[]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("schema: ok, current"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_start_nothing_is_made() {
    let server = TestServer::start(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new.db", folder.path().display());
    let (code, printed, errors) = said(server.cli(&["check", "--database-url", &url]).await);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{printed}");
    assert!(
        printed.contains("key: ok, made when the server starts"),
        "{printed}"
    );
    assert!(
        printed.contains("new.db is made when the server starts"),
        "{printed}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_line_and_its_code() {
    let server = TestServer::start(Backend::Sqlite).await;
    for (flags, code, line) in [
        (
            "--listen 0.0.0.0:80",
            2,
            "settings: FAILED, listen: 0.0.0.0:80 can be reached",
        ),
        (
            "--tls-cert nowhere.pem --tls-key nowhere.key",
            2,
            "settings: FAILED, tls_cert: nowhere.pem: ",
        ),
        (
            "--smtp-url smtp://u:hunter2@mail.example.com",
            2,
            "settings: FAILED, mail_from: is needed with smtp_url",
        ),
        (
            "--paypal-client-id app",
            2,
            "settings: FAILED, paypal_client_secret: ",
        ),
        (
            "--jwt-key-file nowhere.key",
            2,
            "key: FAILED, jwt_key_file: there is no key file",
        ),
        (
            "--database-url sqlite:///nowhere/b.db",
            1,
            "database: FAILED, /nowhere: ",
        ),
        (
            "--database-url postgres://u:hunter2@127.0.0.1:1/x --jwt-key-file billing.key",
            1,
            "database: FAILED, ",
        ),
        (
            "--mail-templates /nowhere",
            2,
            "mail templates: FAILED, mail_templates: cannot read",
        ),
    ] {
        let arguments = ["check"]
            .into_iter()
            .chain(flags.split(' '))
            .collect::<Vec<_>>();
        let (found, printed, errors) = said(server.cli(&arguments).await);
        assert_eq!(found, Some(code), "{flags}: {printed}{errors}");
        assert!(
            printed.lines().any(|found| found.starts_with(line)),
            "{printed}"
        );
        assert!(errors.starts_with("billing-server: "), "{errors}");
        assert!(
            !printed.contains("hunter2") && !errors.contains("hunter2"),
            "{printed}{errors}"
        );
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_mail_template_is_named_with_line_and_variable() {
    let server = TestServer::start(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let texts = ["--mail-templates", folder.path().to_str().unwrap()];
    let check = ["check", texts[0], texts[1]];
    write(
        folder.path(),
        "quota_warning.en.subject",
        "{{ tokens_remaining }} left",
    );
    let (code, printed, _) = said(server.cli(&check).await);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("mail templates: ok, 1 of your own"),
        "{printed}"
    );

    write(
        folder.path(),
        "invoice_issued.zh.html",
        "<p>\n{{ invoice_nr }}\n</p>",
    );
    let (code, printed, errors) = said(server.cli(&check).await);
    assert_eq!(code, Some(2), "{printed}");
    let named = "invoice_issued.zh.html, line 2: invoice_nr is no variable of invoice_issued";
    assert!(
        printed.contains(named) && errors.contains(named),
        "{printed}{errors}"
    );

    // A server starts all the same, and says so once.
    let server = TestServer::builder(Backend::Sqlite)
        .flag(texts[0], texts[1])
        .flag("--smtp-url", "smtp://127.0.0.1:1")
        .flag("--mail-from", "billing@example.com")
        .start()
        .await;
    assert_eq!(server.log().matches(named).count(), 1, "{}", server.log());
}
