//! Handing mails to the operator's mail server.

mod connection;
mod server;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::{
    Address,
    transport::smtp::{client::TlsParameters, extension::ClientId},
};
use tokio::{sync::Semaphore, time::timeout};

use self::{
    connection::{Connection, Failure, Step},
    server::{Security, SmtpServer},
};
use super::{address, compose::ComposedMail};

/// Connections at a time.
const CONNECTIONS: usize = 4;
/// The longest that one attempt takes. The lease of a mail is longer.
const ATTEMPT: Duration = Duration::from_secs(4 * 60);
/// How long a connection without work is used again. Servers give up theirs after minutes.
const IDLE: Duration = Duration::from_secs(30);
/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What came of an attempt to send a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The server has taken it; what it answered.
    Accepted(String),
    /// The server will never take it.
    Refused {
        /// What the server said.
        reason: String,
        /// Whether it is the address that it does not take.
        address_is_bad: bool,
    },
    /// It is to be tried again.
    Later {
        /// What went wrong.
        reason: String,
        /// Whether it is about the server and no single mail, which the operator should know.
        is_fault_of_server: bool,
    },
}

/// The way to a mail server. A few connections are kept for what comes next.
pub(crate) struct Mailer {
    server: SmtpServer,
    tls: Option<TlsParameters>,
    hello: ClientId,
    turns: Semaphore,
    /// The longest that one attempt takes.
    patience: Duration,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Mailer {
    /// The server of a URL, greeted by the name of a domain. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with the URL, without showing it, or that TLS cannot be set up.
    pub(super) fn new(url: &str, domain: &str) -> Result<Self, String> {
        let server = SmtpServer::parse(url)?;
        let tls = match server.security {
            Security::Plain => None,
            Security::Wrapped | Security::Required | Security::Opportunistic => {
                let tls = TlsParameters::new(server.host.clone());
                Some(tls.map_err(|error| format!("TLS cannot be set up: {error}"))?)
            }
        };
        Ok(Self {
            server,
            tls,
            hello: ClientId::Domain(domain.to_owned()),
            turns: Semaphore::new(CONNECTIONS),
            patience: ATTEMPT,
            idle: Mutex::default(),
        })
    }

    /// Sends a mail as it is.
    pub(super) async fn send(&self, mail: &ComposedMail) -> Sent {
        let parsed = address::recipient(&mail.from).and_then(|from| {
            let to = address::recipient(&mail.to)?;
            Ok(Envelope {
                from,
                to,
                bytes: &mail.bytes,
            })
        });
        let envelope = match parsed {
            Ok(envelope) => envelope,
            Err(error) => {
                return Sent::Refused {
                    reason: format!("an address {error}"),
                    address_is_bad: true,
                };
            }
        };
        match timeout(self.patience, self.attempt(&envelope)).await {
            Ok(Ok(answer)) => Sent::Accepted(clean(&answer)),
            Ok(Err(failure)) => self.verdict(&failure),
            Err(_) => Sent::Later {
                reason: format!(
                    "{} took longer than {} s",
                    self.server,
                    self.patience.as_secs()
                ),
                is_fault_of_server: true,
            },
        }
    }

    async fn attempt(&self, envelope: &Envelope<'_>) -> Result<String, Failure> {
        // Nobody closes the semaphore.
        let _turn = self.turns.acquire().await;
        while let Some(mut connection) = self.take_idle() {
            match connection.deliver(envelope).await {
                // The server may have had enough of the connection; nothing was sent yet.
                Err(failure) if failure.step == Step::Sender => connection.close().await,
                outcome => return self.put_back(connection, outcome).await,
            }
        }
        let mut connection = Connection::open(&self.server, self.tls.as_ref(), &self.hello).await?;
        let outcome = connection.deliver(envelope).await;
        self.put_back(connection, outcome).await
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection whose dialogue has come to its end.
    async fn put_back(
        &self,
        mut connection: Connection,
        outcome: Result<String, Failure>,
    ) -> Result<String, Failure> {
        if outcome.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection, Instant::now()));
        } else {
            connection.close().await;
        }
        outcome
    }

    fn verdict(&self, failure: &Failure) -> Sent {
        let reason = match failure.step {
            Step::Connect => format!("cannot connect to {}", self.server),
            Step::Tls => format!("no TLS with {}", self.server),
            Step::Login => format!("{} does not take the login", self.server),
            Step::Sender => format!("{} does not take the sender", self.server),
            Step::Recipient => format!("{} does not take the recipient", self.server),
            Step::Content => format!("{} does not take the mail", self.server),
        };
        let reason = if self.server.is_secret_in(&failure.text) {
            reason
        } else {
            clean(&format!("{reason}: {}", failure.text))
        };
        if failure.is_final() {
            return Sent::Refused {
                reason,
                address_is_bad: failure.is_about_address(),
            };
        }
        Sent::Later {
            reason,
            is_fault_of_server: !failure.is_about_mail(),
        }
    }
}

/// A mail and the addresses that the server is told.
struct Envelope<'a> {
    from: Address,
    to: Address,
    bytes: &'a [u8],
}

/// What a server said, on one line of bounded length.
fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(shown).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests;
