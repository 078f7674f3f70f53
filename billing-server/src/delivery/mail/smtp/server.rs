//! Where the mail server is, and how it is talked to.

use std::{fmt, net::IpAddr};

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use reqwest::Url;

/// A mail server. It is shown without the login.
pub(super) struct SmtpServer {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    login: Option<(String, String)>,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// With the connection.
    Wrapped,
    /// Before anything is said, or nothing is.
    Required,
    /// When the server offers it.
    Opportunistic,
    /// Never: the server is on this machine, where nobody listens in.
    Plain,
}

impl SmtpServer {
    /// The server of a URL such as `smtp://user:password@mail.example.com:587?tls=required`.
    ///
    /// # Errors
    /// What is wrong with it; it is not shown, because it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        let host = url.host_str().unwrap_or_default();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        if !["", "/"].contains(&url.path()) || url.fragment().is_some() {
            let advice = "characters such as / ? # of a password are written %2F %3F %23";
            return Err(format!("takes nothing after the port but ?tls=: {advice}"));
        }
        let is_here = is_loopback(&host);
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Wrapped, 465),
            ("smtp", None) if is_here => (Security::Plain, 587),
            ("smtp", None | Some("tls=required")) => (Security::Required, 587),
            ("smtp", Some("tls=opportunistic")) => (Security::Opportunistic, 587),
            ("smtp" | "smtps", Some(_)) => {
                return Err("takes ?tls=required or ?tls=opportunistic, with smtp://".to_owned());
            }
            _ => return Err("must start with smtp:// or smtps://".to_owned()),
        };
        Ok(Self {
            port: url.port().unwrap_or(port),
            host,
            security,
            login: login(&url)?,
        })
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.host)
    }

    /// What the server knows us by.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let (user, password) = self.login.clone()?;
        Some(Credentials::new(user, password))
    }

    /// Whether a text holds the password.
    pub(super) fn is_secret_in(&self, text: &str) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|(_, password)| text.contains(password.as_str()))
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn login(url: &Url) -> Result<Option<(String, String)>, String> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (_, None | Some("")) => Err("names a user and no password".to_owned()),
        ("", Some(_)) => Err("has a password and names no user".to_owned()),
        (user, Some(password)) => Ok(Some((decoded(user)?, decoded(password)?))),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    let text = text.map_err(|_| "has a user or a password that is not UTF-8")?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("smtps://mail.example.com", "mail.example.com:465", Security::Wrapped)]
    #[case("smtp://mail.example.com", "mail.example.com:587", Security::Required)]
    #[case(
        "smtp://mail.example.com:25/",
        "mail.example.com:25",
        Security::Required
    )]
    #[case(
        "smtp://mail.example.com?tls=opportunistic",
        "mail.example.com:587",
        Security::Opportunistic
    )]
    #[case("smtp://127.0.0.1:2525", "127.0.0.1:2525", Security::Plain)]
    #[case("smtp://localhost:25", "localhost:25", Security::Plain)]
    #[case("smtp://[::1]:25", "::1:25", Security::Plain)]
    #[case("smtp://localhost?tls=required", "localhost:587", Security::Required)]
    #[case("smtps://localhost", "localhost:465", Security::Wrapped)]
    fn a_url_names_the_server_and_how_it_is_talked_to(
        #[case] url: &str,
        #[case] shown: &str,
        #[case] security: Security,
    ) {
        let server = SmtpServer::parse(url).unwrap();
        assert_eq!(server.to_string(), shown);
        assert_eq!(server.security, security);
        assert!(server.login.is_none());
    }

    #[test]
    fn a_login_is_decoded() {
        let url = "smtps://billing%40example.com:p%2Fa%3As@mail.example.com";
        let server = SmtpServer::parse(url).unwrap();
        let login = Some(("billing@example.com".to_owned(), "p/a:s".to_owned()));
        assert_eq!(server.login, login);
        assert!(server.is_secret_in("535 no p/a:s here"));
        assert_eq!(server.to_string(), "mail.example.com:465");
    }

    #[rstest]
    #[case("mail.example.com", "is no URL")]
    #[case("http://u:hunter2@mail.example.com", "must start with")]
    #[case("smtp://", "names no host")]
    #[case("smtp://u@mail.example.com", "names a user and no password")]
    #[case("smtp://:hunter2@mail.example.com", "has a password and names no user")]
    #[case("smtp://u:hunter2@mail.example.com/x", "takes nothing after the port")]
    #[case("smtp://u:hunter/2@mail.example.com", "is no URL")]
    #[case("smtp://u:hunter2@mail.example.com?tls=no", "takes ?tls=required")]
    #[case(
        "smtps://u:hunter2@mail.example.com?tls=required",
        "takes ?tls=required"
    )]
    #[case(
        "smtp://u:%ffhunter2@mail.example.com",
        "has a user or a password that"
    )]
    fn other_urls_are_refused_without_showing_them(#[case] url: &str, #[case] reason: &str) {
        let error = SmtpServer::parse(url).err().unwrap();
        assert!(
            error.starts_with(reason) && !error.contains("hunter"),
            "{error}"
        );
    }
}
