//! Mail to users and to the operator: what it says (`templates`), how it is written (`compose`),
//! and how it is handed to the mail server (`smtp`). Who decides when to send is elsewhere.

mod address;
pub(crate) mod compose;
pub(crate) mod letters;
mod smtp;
mod templates;

#[cfg(test)]
mod tests;

use lettre::message::Mailbox;

pub(crate) use self::{address::AddressError, smtp::Sent, templates::Templates};
use self::{
    compose::{ComposeError, ComposedMail, MailOrder, compose},
    smtp::Mailer,
};
use crate::config::{Config, ConfigError, secret};

/// Whether an address can be mailed to, as far as can be told without asking anybody.
///
/// # Errors
/// Why it never can.
pub(crate) fn check_address(text: &str) -> Result<(), AddressError> {
    address::recipient(text).map(drop)
}

/// The operator's mail server, and what is written to it.
pub(crate) struct Mail {
    mailer: Mailer,
    templates: Templates,
    from: Mailbox,
    operator: Option<String>,
}

impl Mail {
    /// Mail as the settings say; `None` without a server. The file of a secret and the folder of
    /// templates are read now.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, ConfigError> {
        let url = secret("smtp_url", &config.smtp_url, &config.smtp_url_file)?;
        let (url, from) = match (url, &config.mail_from) {
            (Some(url), Some(from)) => (url, from),
            (Some(_), None) => {
                return Err(ConfigError::new("mail_from", "is needed with smtp_url"));
            }
            (None, from) => {
                let given = [
                    ("mail_from", from),
                    ("operator_email", &config.operator_email),
                ];
                return match given.into_iter().find(|(_, value)| value.is_some()) {
                    Some((key, _)) => {
                        let reason = format!("is needed with {key}");
                        Err(ConfigError::new("smtp_url", reason))
                    }
                    None => Ok(None),
                };
            }
        };
        let wrong = |key: &'static str| move |reason: String| ConfigError::new(key, reason);
        let from = address::sender(from).map_err(wrong("mail_from"))?;
        let operator = config.operator_email.as_deref().map(address::recipient);
        let operator = operator
            .transpose()
            .map_err(|error| ConfigError::new("operator_email", error.to_string()))?;
        Ok(Some(Self {
            mailer: Mailer::new(&url, from.email.domain()).map_err(wrong("smtp_url"))?,
            templates: Templates::new(config.mail_templates.as_deref())?,
            from,
            operator: operator.map(|address| address.to_string()),
        }))
    }

    /// A mail, to be stored: the same order makes the same bytes.
    ///
    /// # Errors
    /// It can never be sent, as when the address is none.
    pub(crate) fn compose(&self, order: &MailOrder<'_>) -> Result<ComposedMail, ComposeError> {
        compose(&self.templates, &self.from, order)
    }

    /// Hands a mail to the mail server, and tells what came of it.
    pub(crate) async fn send(&self, mail: &ComposedMail) -> Sent {
        self.mailer.send(mail).await
    }

    /// Where the operator is told what a person should know; nowhere unless set.
    pub(crate) fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// What mails say.
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }
}
