//! A dialogue with a real mail server, and with ones that fail.

use integration_tests::mail_server::{MailServer, Tls};
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const PASSWORD: &str = "hunter2";

fn mailer(server: &MailServer) -> Mailer {
    let url = format!("smtp://127.0.0.1:{}", server.port());
    Mailer::new(&url, "example.com").unwrap()
}

fn mail(to: &str) -> ComposedMail {
    ComposedMail {
        from: "billing@example.com".to_owned(),
        to: to.to_owned(),
        bytes: b"Subject: hello\r\n\r\n.a dot\r\n..two\r\n.\r\nthe end\r\n".to_vec(),
    }
}

#[tokio::test]
async fn a_mail_arrives_byte_for_byte_and_connections_are_used_again() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let mailer = mailer(&server);
    for count in 1..=3 {
        let sent = mailer.send(&mail("alice@example.com")).await;
        assert_eq!(sent, Sent::Accepted(format!("250 2.0.0 kept as {count}")));
        assert_eq!(mailer.idle.lock().unwrap().len(), 1);
    }
    for kept in server.kept() {
        assert_eq!(kept.bytes, mail("").bytes);
        assert_eq!(kept.read["from"], "billing@example.com");
        assert_eq!(kept.read["to"], serde_json::json!(["alice@example.com"]));
        assert_eq!(kept.read["greeted_by"], "example.com");
    }
}

#[tokio::test]
async fn many_mails_at_once_share_few_connections() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let mailer = mailer(&server);
    let order = mail("alice@example.com");
    let sending = (0..20).map(|_| mailer.send(&order));
    let sent = futures_util::future::join_all(sending).await;
    assert!(
        sent.iter().all(|sent| matches!(sent, Sent::Accepted(_))),
        "{sent:?}"
    );
    assert_eq!(server.kept().len(), 20);
    assert!(mailer.idle.lock().unwrap().len() <= CONNECTIONS);
}

#[rstest]
#[case::box_is_full("later", None, false, "does not take the recipient: ")]
#[case::no_such_box("nobody", Some(true), false, "does not take the recipient: ")]
#[case::may_not_write("barred", Some(false), false, "does not take the recipient: ")]
#[case::content("spam", Some(false), false, "does not take the mail: ")]
#[case::lost("drop", None, true, "does not take the mail: ")]
#[tokio::test]
async fn a_refusal_is_final_and_about_the_address_only_where_it_is(
    #[case] to: &str,
    #[case] refused: Option<bool>,
    #[case] is_fault_of_server: bool,
    #[case] reason: &str,
) {
    let Some(server) = MailServer::start() else {
        return;
    };
    let mailer = mailer(&server);
    // With a connection that was used, and without.
    for _ in 0..2 {
        let sent = mailer.send(&mail(&format!("{to}@example.com"))).await;
        let said = match (&sent, refused) {
            (Sent::Accepted(_), None) if to == "drop" => continue,
            (
                Sent::Refused {
                    reason,
                    address_is_bad,
                },
                Some(expected),
            ) => {
                assert_eq!(*address_is_bad, expected);
                reason
            }
            (
                Sent::Later {
                    reason,
                    is_fault_of_server: found,
                },
                None,
            ) => {
                assert_eq!(*found, is_fault_of_server);
                reason
            }
            _ => panic!("{sent:?}"),
        };
        assert!(said.contains(reason), "{said}");
        mailer.send(&mail("alice@example.com")).await;
    }
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_sent_again_byte_for_byte() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let mailer = mailer(&server);
    let order = mail("drop@example.com");
    assert!(matches!(mailer.send(&order).await, Sent::Later { .. }));
    assert!(matches!(mailer.send(&order).await, Sent::Accepted(_)));
    let kept = server.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].bytes, kept[1].bytes);
}

/// What comes of a mail to a server with arguments, whose login is `user`.
async fn sent_to(arguments: &[&str], user: &str) -> Option<Sent> {
    let server = MailServer::with(Tls::Off, arguments)?;
    let url = format!("smtp://{user}127.0.0.1:{}", server.port());
    let mailer = Mailer::new(&url, "example.com").unwrap();
    Some(mailer.send(&mail("alice@example.com")).await)
}

#[rstest]
#[case::shut(&["--shut"], "", "cannot connect to")]
#[case::wrong_login(&["--login", "billing:other"], "billing:hunter2@", "does not take the login")]
#[case::login_wanted(&["--login", "billing:other"], "", "does not take the sender: ")]
#[case::no_login_there(&[], "billing:hunter2@", "does not take the login: ")]
#[tokio::test]
async fn a_fault_of_the_server_is_no_fault_of_a_mail(
    #[case] arguments: &[&str],
    #[case] user: &str,
    #[case] expected: &str,
) {
    let Some(sent) = sent_to(arguments, user).await else {
        return;
    };
    let Sent::Later {
        reason,
        is_fault_of_server: true,
    } = sent
    else {
        panic!("{sent:?}");
    };
    assert!(
        reason.contains(expected) && !reason.contains(PASSWORD),
        "{reason}"
    );
}

#[tokio::test]
async fn a_login_is_used() {
    let login = format!("billing:{PASSWORD}");
    let sent = sent_to(&["--login", &login], &format!("{login}@")).await;
    assert!(matches!(sent, None | Some(Sent::Accepted(_))), "{sent:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_later() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", socket.local_addr().unwrap());
    drop(socket);
    let mailer = Mailer::new(&url, "example.com").unwrap();
    let sent = mailer.send(&mail("alice@example.com")).await;
    assert!(
        matches!(
            sent,
            Sent::Later {
                is_fault_of_server: true,
                ..
            }
        ),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", socket.local_addr().unwrap());
    let mut mailer = Mailer::new(&url, "example.com").unwrap();
    mailer.patience = Duration::from_millis(50);
    let sent = mailer.send(&mail("alice@example.com")).await;
    let Sent::Later {
        reason,
        is_fault_of_server: true,
    } = sent
    else {
        panic!("{sent:?}");
    };
    assert!(reason.contains("took longer than"), "{reason}");
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_costs_no_attempt() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", socket.local_addr().unwrap());
    let mailer = Mailer::new(&url, "example.com").unwrap();
    let order = mail("alice@example.com");
    // Takes one mail on each connection, and closes it.
    let serving = async {
        for _ in 0..2 {
            let (mut stream, _) = socket.accept().await.unwrap();
            stream.write_all(b"220 hi\r\n").await.unwrap();
            for answer in ["250 hi", "250 ok", "250 ok", "354 go", "250 taken"] {
                let mut read = [0; 4096];
                assert_ne!(stream.read(&mut read).await.unwrap(), 0);
                stream
                    .write_all(format!("{answer}\r\n").as_bytes())
                    .await
                    .unwrap();
            }
        }
    };
    let sending = async { [mailer.send(&order).await, mailer.send(&order).await] };
    let ((), sent) = tokio::join!(serving, sending);
    assert_eq!(
        sent,
        [(); 2].map(|()| Sent::Accepted("250 taken".to_owned()))
    );
}

#[tokio::test]
async fn an_address_of_a_stored_mail_is_looked_at_again() {
    let mailer = Mailer::new("smtp://127.0.0.1:1", "example.com").unwrap();
    let sent = mailer
        .send(&mail("a@example.com>\r\nRCPT TO:<b@example.com"))
        .await;
    assert!(
        matches!(
            sent,
            Sent::Refused {
                address_is_bad: true,
                ..
            }
        ),
        "{sent:?}"
    );
}
