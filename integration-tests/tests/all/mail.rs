//! Mail through a real mail server, as the command line sends it.

use integration_tests::{
    Backend, TestServer,
    mail_server::{MailServer, Tls},
    on_both_databases,
};
use serde_json::json;

use crate::{command_line::said, support::user};

on_both_databases!(settings_say_whether_invoices_are_mailed);

const FROM: &str = "Oblivious AI, 账单 <billing@example.com>";
const KINDS: [&str; 6] = [
    "invoice_issued",
    "invoice_voided",
    "credit_note",
    "payment_failed",
    "quota_warning",
    "topup_done",
];

/// What `mail test` says of a mail to somebody, with more variables and arguments.
async fn test(
    url: &str,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let server = TestServer::start(Backend::Sqlite).await;
    let settings = [("BILLING_SMTP_URL", url), ("BILLING_MAIL_FROM", FROM)];
    let variables = [&settings, variables].concat();
    let arguments = [&["mail", "test"], arguments].concat();
    said(server.cli_with(&variables, &arguments).await)
}

fn plain(server: &MailServer) -> String {
    format!("smtp://127.0.0.1:{}", server.port())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_arrives_in_both_languages_and_can_be_read() {
    let Some(mails) = MailServer::start() else {
        return;
    };
    let server = TestServer::start(Backend::Sqlite).await;
    let url = plain(&mails);
    let settings = [("BILLING_SMTP_URL", &*url), ("BILLING_MAIL_FROM", FROM)];
    for kind in KINDS {
        for language in ["en", "zh"] {
            let flags = ["mail", "test", "--kind", kind, "--language", language];
            let flags = [&flags, ["--to", "alice@bücher.example"].as_slice()].concat();
            let (code, printed, errors) = said(server.cli_with(&settings, &flags).await);
            assert_eq!((code, errors.as_str()), (Some(0), ""));
            let start = "accepted for alice@xn--bcher-kva.example: 250 2.0.0 kept as ";
            assert!(printed.starts_with(start), "{printed}");
        }
    }
    let kept = mails.kept();
    assert_eq!(kept.len(), 12);
    for mail in &kept {
        assert_eq!(mail.read["defects"], json!([]));
        assert_eq!(mail.read["from"], "billing@example.com");
        assert_eq!(mail.read["to"], json!(["alice@xn--bcher-kva.example"]));
        assert_eq!(mail.header("To"), "alice@xn--bcher-kva.example");
        assert_eq!(
            mail.header("From"),
            "\"Oblivious AI, 账单\" <billing@example.com>"
        );
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert!(mail.header("Message-ID").ends_with(".test@example.com>"));
        assert!(mail.bytes.is_ascii());
        let types = ["multipart/alternative", "text/plain", "text/html"];
        assert_eq!(mail.types(), types);
        for read in ["text/plain", "text/html"] {
            let content = mail.content(read);
            assert!(content.contains("Oblivious AI, 账单"), "{content}");
        }
    }
    assert_eq!(
        kept[0].header("Subject"),
        "Invoice INV-alice-2026-10: 167.20 USD due 2026-12-02"
    );
    assert_eq!(
        kept[1].header("Subject"),
        "账单 INV-alice-2026-10：应付 167.20 USD，2026-12-02 前"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_to_the_operator_as_text() {
    let Some(mails) = MailServer::start() else {
        return;
    };
    let operator = [("BILLING_OPERATOR_EMAIL", "ops@example.com")];
    let kind = ["--kind", "operator_notice", "--language", "zh"];
    let (code, _, errors) = test(&plain(&mails), &operator, &kind).await;
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let kept = mails.kept();
    assert_eq!(kept[0].types(), ["text/plain"]);
    assert_eq!(kept[0].header("Subject"), "Billing: mail cannot be sent");
    assert_eq!(kept[0].header("To"), "ops@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_not_taken_ends_with_1() {
    let Some(mails) = MailServer::start() else {
        return;
    };
    for (to, expected) in [
        ("later@example.com", "not sent, would be tried again: "),
        ("nobody@example.com", "refused for good: "),
        ("spam@example.com", "refused for good: "),
        ("drop@example.com", "not sent, would be tried again: "),
    ] {
        let (code, printed, errors) = test(&plain(&mails), &[], &["--to", to]).await;
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_login_are_used() {
    let server = TestServer::start(Backend::Sqlite).await;
    for (tls, scheme, query) in [
        (Tls::Started, "smtp", "?tls=required"),
        (Tls::Started, "smtp", "?tls=opportunistic"),
        (Tls::Wrapped, "smtps", ""),
        (Tls::Off, "smtp", "?tls=opportunistic"),
        (Tls::Off, "smtp", ""),
    ] {
        let Some(mails) = MailServer::with(tls, &["--login", "billing:hunter2"]) else {
            return;
        };
        let certificate = mails.certificate();
        let trusted = ("SSL_CERT_FILE", certificate.to_str().unwrap());
        let send = async |password: &str, trusted: &[(&str, &str)]| {
            let port = mails.port();
            let url = format!("{scheme}://billing:{password}@localhost:{port}{query}");
            let settings = [("BILLING_SMTP_URL", &*url), ("BILLING_MAIL_FROM", FROM)];
            let variables = [&settings, trusted].concat();
            let arguments = ["mail", "test", "--to", "a@example.com"];
            let (code, _, errors) = said(server.cli_with(&variables, &arguments).await);
            assert!(!errors.contains(password), "{errors}");
            (code, errors)
        };
        let trusted = if tls == Tls::Off { &[][..] } else { &[trusted] };
        let context = format!("{tls:?} {scheme} {query}");
        assert_eq!(
            send("hunter2", trusted).await,
            (Some(0), String::new()),
            "{context}"
        );
        let (code, errors) = send("hunter3", trusted).await;
        assert_eq!(code, Some(1), "{context}: {errors}");
        assert!(
            errors.contains("does not take the login"),
            "{context}: {errors}"
        );
        if tls != Tls::Off {
            // Nobody whom the system trusts has signed it.
            let (code, errors) = send("hunter2", &[]).await;
            assert_eq!(code, Some(1), "{context}: {errors}");
            let reason = "invalid peer certificate: UnknownIssuer";
            assert!(errors.contains(reason), "{context}: {errors}");
        }
        assert_eq!(mails.kept().len(), 1, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_a_server_that_lacks_the_tls_it_must_have() {
    let Some(mails) = MailServer::with(Tls::Off, &["--login", "billing:hunter2"]) else {
        return;
    };
    let url = format!(
        "smtp://billing:hunter2@localhost:{}?tls=required",
        mails.port()
    );
    let (code, _, errors) = test(&url, &[], &["--to", "a@example.com"]).await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("STARTTLS is not supported"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_of_mail_end_with_2_and_are_named() {
    let server = TestServer::start(Backend::Sqlite).await;
    let url = ("BILLING_SMTP_URL", "smtp://u:hunter2@mail.example.com");
    let from = ("BILLING_MAIL_FROM", FROM);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let mail = ["mail", "test", "--to", "a@example.com"];
    for (variables, command, expected) in [
        (
            vec![url],
            serve.as_slice(),
            "mail_from: is needed with smtp_url",
        ),
        (vec![from], &serve, "smtp_url: is needed with mail_from"),
        (vec![], &mail, "smtp_url: is needed to send mail"),
        (vec![url, from], &mail[..2], "nobody to send to: give --to"),
        (
            vec![("BILLING_SMTP_URL", "smtp://u:hunter2@x/y"), from],
            &serve,
            "smtp_url: takes nothing after the port",
        ),
        (
            vec![url, from],
            &["mail", "test", "--to", "a@b@c"],
            "the recipient is no mail address",
        ),
    ] {
        let (code, printed, errors) = said(server.cli_with(&variables, command).await);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{errors}");
        assert!(errors.contains(expected), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_may_stand_in_a_file() {
    let Some(mails) = MailServer::start() else {
        return;
    };
    let server = TestServer::start(Backend::Sqlite).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", plain(&mails))).unwrap();
    let flags = ["mail", "test", "--to", "a@example.com", "--mail-from", FROM];
    let file = ["--smtp-url-file", file.path().to_str().unwrap()];
    let (code, _, errors) = said(server.cli(&[flags.as_slice(), &file].concat()).await);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
}

async fn settings_say_whether_invoices_are_mailed(backend: Backend) {
    let server = TestServer::builder(backend)
        .env("BILLING_SMTP_URL", "smtp://billing:hunter2@127.0.0.1:1")
        .env("BILLING_MAIL_FROM", FROM)
        .start()
        .await;
    let alice = user(&server, "alice").await;
    const SETTINGS: &str = "/v1/billing/settings";
    for (change, is_mailed, reason) in [
        ("{}", false, "the user has no billing_email"),
        (r#"{"billing_email":"a@example.com"}"#, true, ""),
        (
            r#"{"send_invoice_email":false}"#,
            false,
            "send_invoice_email is off",
        ),
        (
            r#"{"send_invoice_email":true,"billing_email":"用户@example.com"}"#,
            false,
            "billing_email has characters other than ASCII before the @, which mail servers do not \
             take",
        ),
    ] {
        let set = alice.put(SETTINGS, change).await.json();
        assert_eq!(
            set["effective"]["send_invoice_email"], is_mailed,
            "{change}"
        );
        assert_eq!(set["effective"]["send_invoice_email_reason"], reason);
    }
    let log = server.log();
    assert!(
        !log.contains("no mail server") && !log.contains("hunter2"),
        "{log}"
    );
}
