//! A dialogue with a mail server, step by step, so that it is known which step was refused.

use std::time::Duration;

use lettre::transport::smtp::{
    Error,
    authentication::DEFAULT_MECHANISMS,
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::ClientId,
};
use tokio::time::timeout;

use super::{
    Envelope,
    server::{Security, SmtpServer},
};

/// The longest that connecting takes, for each address of the server.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a server is waited for which has nothing more to do.
const GOODBYE: Duration = Duration::from_secs(2);
/// Answers by which a server asks for a login, at whatever step (RFC 4954).
const LOGIN_WANTED: [u16; 4] = [530, 534, 535, 538];
/// The server closes the connection, whatever was asked (RFC 5321).
const SHUTTING_DOWN: u16 = 421;

/// A step of the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Tls,
    Login,
    Sender,
    Recipient,
    Content,
}

/// What went wrong, and where.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    /// What the server answered, if it did.
    code: Option<u16>,
    /// What it said, or what else happened.
    pub(super) text: String,
}

impl Failure {
    fn at(step: Step) -> impl Fn(Error) -> Self {
        move |error| Self {
            step: if error.is_tls() { Step::Tls } else { step },
            code: error.status().map(u16::from),
            text: error.to_string(),
        }
    }

    fn because(step: Step, reason: &str) -> Self {
        Self {
            step,
            code: None,
            text: reason.to_owned(),
        }
    }

    /// The server has looked at the mail and will never take it.
    pub(super) fn is_final(&self) -> bool {
        self.is_about_mail() && self.code.is_some_and(|code| code >= 500)
    }

    /// The server has answered about this mail, and not about itself or our login.
    pub(super) fn is_about_mail(&self) -> bool {
        let is_late = matches!(self.step, Step::Recipient | Step::Content);
        is_late
            && self
                .code
                .is_some_and(|code| code != SHUTTING_DOWN && !LOGIN_WANTED.contains(&code))
    }

    /// The address is refused for what it is. What the server does not let us do (5.7.x of RFC
    /// 3463) says nothing about it.
    pub(super) fn is_about_address(&self) -> bool {
        self.step == Step::Recipient && !self.text.contains(" 5.7.")
    }
}

/// A connection that is logged in and has nothing to do.
pub(super) struct Connection(AsyncSmtpConnection);

impl Connection {
    /// Connects, secures and logs in.
    pub(super) async fn open(
        server: &SmtpServer,
        tls: Option<&TlsParameters>,
        hello: &ClientId,
    ) -> Result<Self, Failure> {
        let wrapped = tls.filter(|_| server.security == Security::Wrapped);
        let address = (server.host.as_str(), server.port);
        let opened = AsyncSmtpConnection::connect_tokio1(
            address,
            Some(CONNECT),
            hello,
            wrapped.cloned(),
            None,
        );
        let mut smtp = opened.await.map_err(Failure::at(Step::Connect))?;
        if let Some(tls) = tls {
            let starts = match server.security {
                Security::Required => true,
                Security::Opportunistic => smtp.can_starttls(),
                Security::Wrapped | Security::Plain => false,
            };
            if starts {
                let secured = smtp.starttls(tls.clone(), hello).await;
                secured.map_err(Failure::at(Step::Tls))?;
            }
        }
        if let Some(credentials) = server.credentials() {
            if !smtp.is_encrypted() && !server.is_here() {
                let reason = "the server offers none, and the login is not sent without";
                return Err(Failure::because(Step::Tls, reason));
            }
            let logged_in = smtp.auth(DEFAULT_MECHANISMS, &credentials).await;
            logged_in.map_err(Failure::at(Step::Login))?;
        }
        Ok(Self(smtp))
    }

    /// Hands a mail over, and answers what the server said when it took it.
    pub(super) async fn deliver(&mut self, envelope: &Envelope<'_>) -> Result<String, Failure> {
        let smtp = &mut self.0;
        // Addresses and bytes are ASCII: nothing has to be agreed on.
        let from = Mail::new(Some(envelope.from.clone()), Vec::new());
        let from = smtp.command(from).await;
        from.map_err(Failure::at(Step::Sender))?;
        let to = Rcpt::new(envelope.to.clone(), Vec::new());
        let to = smtp.command(to).await;
        to.map_err(Failure::at(Step::Recipient))?;
        let ready = smtp.command(Data).await;
        ready.map_err(Failure::at(Step::Content))?;
        // The end of the last line belongs to the mark of the end.
        let bytes = envelope.bytes.strip_suffix(b"\r\n");
        let taken = smtp.message(bytes.unwrap_or(envelope.bytes)).await;
        let taken = taken.map_err(Failure::at(Step::Content))?;
        let said: Vec<_> = taken.message().collect();
        Ok(format!("{} {}", taken.code(), said.join(" ")))
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        // A server that does not answer any more is left without.
        let _left = timeout(GOODBYE, self.0.abort()).await;
    }
}
