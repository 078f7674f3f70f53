//! What is written: bytes that can be stored, and headers that nobody can add to.

use chrono::{DateTime, Utc};
use integration_tests::mail_server::MailServer;
use rstest::rstest;

use super::{
    compose::Pdf,
    letters::{Language, Letter, MailKind},
    *,
};

const PDF: &[u8] = b"%PDF-1.7\n\xff\xfe not really\n";

fn at() -> DateTime<Utc> {
    "2026-11-02T09:30:00Z".parse().unwrap()
}

fn order<'a>(to: &'a str, buyer_name: &'a str) -> MailOrder<'a> {
    MailOrder {
        event_id: "evt-0191",
        outlet: "mail",
        at: at(),
        to,
        buyer_name,
        language: Language::En,
        letter: Letter::example(MailKind::InvoiceIssued),
        pdf: Some(Pdf {
            file_name: "INV-alice-2026-10.pdf",
            bytes: PDF,
        }),
    }
}

fn written(order: &MailOrder<'_>) -> String {
    let templates = Templates::new(None).unwrap();
    let from = address::sender("账单 <billing@bücher.example>").unwrap();
    let mail = compose(&templates, &from, order).unwrap();
    let text = String::from_utf8(mail.bytes).unwrap();
    assert!(text.is_ascii());
    assert!(text.lines().all(|line| line.len() <= 998));
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    text
}

/// The headers, each on one line.
fn headers(text: &str) -> Vec<String> {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    unfolded.lines().map(str::to_owned).collect()
}

#[test]
fn the_same_order_makes_the_same_bytes() {
    let text = written(&order("alice@example.com", "Alice Ltd"));
    assert_eq!(text, written(&order("alice@example.com", "Alice Ltd")));
    let other = MailOrder {
        event_id: "evt-0192",
        ..order("alice@example.com", "Alice Ltd")
    };
    assert_ne!(text, written(&other));
}

#[test]
fn a_mail_has_the_headers_it_needs_and_no_more() {
    let headers = headers(&written(&order("alice@bücher.example", "Alice, Ltd")));
    let expected = [
        "From: =?utf-8?b?6LSm5Y2V?= <billing@xn--bcher-kva.example>",
        "To: =?utf-8?b?QWxpY2UsIEx0ZA==?= <alice@xn--bcher-kva.example>",
        "Subject: Invoice INV-alice-2026-10: 167.20 USD due 2026-12-02",
        "Date: Mon, 02 Nov 2026 09:30:00 +0000",
        "Message-ID: <evt-0191.mail@xn--bcher-kva.example>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ];
    assert_eq!(headers[..7], expected);
    assert!(
        headers[7].starts_with("Content-Type: multipart/mixed; "),
        "{headers:?}"
    );
    assert_eq!(headers.len(), 8);
}

#[rstest]
#[case::crlf("Alice\r\nBcc: eve@example.com")]
#[case::lf("Alice\nBcc: eve@example.com")]
#[case::body("Alice\r\n\r\nhello")]
#[case::quote("Alice\" <eve@example.com>, \"")]
#[case::encoded("=?utf-8?q?Alice=0D=0ABcc:_eve@example.com?=")]
#[case::nul("Alice\0")]
#[case::long("Alice Ltd of a very long name, which would be folded ".repeat(9))]
#[case::chinese("爱丽丝有限公司\r\nBcc: eve@example.com")]
fn a_name_adds_no_header_and_no_recipient(#[case] name: impl AsRef<str>) {
    let mut order = order("alice@example.com", name.as_ref());
    let Letter::InvoiceIssued(letter) = &mut order.letter else {
        panic!("another kind");
    };
    letter.invoice_number = name.as_ref().to_owned();
    let headers = headers(&written(&order));
    let names: Vec<_> = headers
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected);
    let to = headers[1].strip_prefix("To: ").unwrap();
    assert!(to.ends_with(" <alice@example.com>"), "{to}");
    let parsed: lettre::message::Mailboxes = to.parse().unwrap();
    assert_eq!(parsed.into_iter().count(), 1);
}

#[rstest]
#[case("")]
#[case("nobody")]
#[case("a@example.com, b@example.com")]
#[case("a@example.com\r\nBcc: b@example.com")]
#[case("用户@example.com")]
fn an_address_that_is_none_is_refused_for_good(#[case] to: &str) {
    let templates = Templates::new(None).unwrap();
    let from = address::sender("billing@example.com").unwrap();
    let refused = compose(&templates, &from, &order(to, "Alice")).unwrap_err();
    assert!(matches!(refused, ComposeError::Address(_)), "{refused}");
}

#[rstest]
#[case("evt 1", "mail")]
#[case("evt-1", "mail>\r\nX: y")]
#[case("", "mail")]
fn ids_that_make_no_message_id_are_refused(#[case] event_id: &str, #[case] outlet: &str) {
    let templates = Templates::new(None).unwrap();
    let from = address::sender("billing@example.com").unwrap();
    let order = MailOrder {
        event_id,
        outlet,
        ..order("alice@example.com", "Alice")
    };
    assert!(matches!(
        compose(&templates, &from, &order),
        Err(ComposeError::Id)
    ));
}

#[test]
fn without_a_document_nothing_is_attached_and_a_notice_is_text_alone() {
    let mail = |kind| {
        let order = MailOrder {
            letter: Letter::example(kind),
            language: Language::Zh,
            pdf: None,
            ..order("ops@example.com", "")
        };
        headers(&written(&order)).pop().unwrap()
    };
    let alternative = mail(MailKind::QuotaWarning);
    assert!(
        alternative.starts_with("Content-Type: multipart/alternative; "),
        "{alternative}"
    );
    let notice = mail(MailKind::OperatorNotice);
    assert_eq!(notice, "Content-Transfer-Encoding: quoted-printable");
}

#[tokio::test]
async fn a_mail_program_finds_both_texts_and_the_document() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let config = Config {
        smtp_url: Some(
            format!("smtp://127.0.0.1:{}", server.port())
                .parse()
                .unwrap(),
        ),
        mail_from: Some("Oblivious AI <billing@example.com>".to_owned()),
        ..Config::default()
    };
    let mail = Mail::new(&config).unwrap().unwrap();
    let order = MailOrder {
        language: Language::Zh,
        ..order("alice@example.com", "爱丽丝, \"Ltd\"")
    };
    let composed = mail.compose(&order).unwrap();
    let sent = mail.send(&composed).await;
    assert!(matches!(sent, Sent::Accepted(_)), "{sent:?}");
    let kept = server.kept();
    assert_eq!(kept[0].bytes, composed.bytes);
    assert_eq!(kept[0].read["defects"], serde_json::json!([]));
    assert_eq!(
        kept[0].header("To"),
        "\"爱丽丝, \\\"Ltd\\\"\" <alice@example.com>"
    );
    let types = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ];
    assert_eq!(kept[0].types(), types);
    assert!(
        kept[0]
            .content("text/plain")
            .starts_with("尊敬的 爱丽丝, \"Ltd\"：")
    );
    assert!(kept[0].content("text/html").contains("账单 PDF 见附件"));
    let pdf: String = PDF.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(kept[0].content("application/pdf"), pdf);
    assert_eq!(
        kept[0].read["parts"][4]["filename"],
        "INV-alice-2026-10.pdf"
    );
}

#[rstest]
#[case(&[], Ok(false))]
#[case(&["smtp_url", "mail_from"], Ok(true))]
#[case(&["smtp_url", "mail_from", "operator_email"], Ok(true))]
#[case(&["smtp_url"], Err("mail_from: is needed with smtp_url"))]
#[case(&["mail_from"], Err("smtp_url: is needed with mail_from"))]
#[case(&["operator_email"], Err("smtp_url: is needed with operator_email"))]
fn settings_of_mail_stand_together(#[case] given: &[&str], #[case] expected: Result<bool, &str>) {
    let text = |key: &str, value: &str| given.contains(&key).then(|| value.to_owned());
    let config = Config {
        smtp_url: text("smtp_url", "smtp://mail.example.com").map(|url| url.parse().unwrap()),
        mail_from: text("mail_from", "Billing <billing@example.com>"),
        operator_email: text("operator_email", "ops@example.com"),
        ..Config::default()
    };
    let mail = Mail::new(&config).map(|mail| mail.is_some());
    let expected = expected.map_err(str::to_owned);
    assert_eq!(mail.map_err(|error| error.to_string()), expected);
}

#[rstest]
#[case("smtp_url", "smtp_url: must start with smtp:// or smtps://")]
#[case(
    "mail_from",
    "mail_from: is no mail address, such as billing@example.com"
)]
#[case(
    "operator_email",
    "operator_email: is no mail address, such as billing@example.com"
)]
#[case("mail_templates", "mail_templates: cannot read /nowhere: ")]
fn a_wrong_setting_is_named_and_no_password_shown(#[case] key: &str, #[case] message: &str) {
    let value = |of: &str, right: &str, wrong: &str| {
        if of == key {
            wrong.to_owned()
        } else {
            right.to_owned()
        }
    };
    let url = value(
        "smtp_url",
        "smtps://u:hunter2@mail.example.com",
        "http://u:hunter2@x",
    );
    let config = Config {
        smtp_url: Some(url.parse().unwrap()),
        mail_from: Some(value("mail_from", "billing@example.com", "billing")),
        operator_email: Some(value("operator_email", "ops@example.com", "ops")),
        mail_templates: (key == "mail_templates").then(|| "/nowhere".into()),
        ..Config::default()
    };
    let error = Mail::new(&config).err().unwrap().to_string();
    assert!(
        error.starts_with(message) && !error.contains("hunter2"),
        "{error}"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}
