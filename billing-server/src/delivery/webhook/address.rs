//! Where webhooks may be sent: never into a network that only this server can reach, unless the
//! operator says so.

mod ranges;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;

/// The longest address, in characters.
const MAX_URL_CHARS: usize = 2_048;

/// Why nothing is sent to an address, in a lowercase sentence without a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// Longer than [`MAX_URL_CHARS`].
    #[error("must be at most {MAX_URL_CHARS} characters")]
    TooLong,
    /// Characters that readers of addresses skip over, each in its own way.
    #[error("must not contain spaces or control characters")]
    Unseen,
    /// No address at all.
    #[error("must be an address such as https://example.com/webhooks")]
    Malformed,
    /// A scheme that is not allowed; the one that is.
    #[error("must begin with {0}")]
    Scheme(&'static str),
    /// Credentials, which would be in every log on the way.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// A part that is never sent.
    #[error("must not contain a fragment")]
    Fragment,
    /// A literal address that is refused.
    #[error("must not lead to {0}")]
    Refused(RefusedIp),
}

/// An address to which nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{ip}, which is {kind}")]
pub(crate) struct RefusedIp {
    ip: IpAddr,
    kind: &'static str,
}

/// Why nothing is sent to a host that was looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RefusedHost {
    /// One of its addresses is refused, and with it all of them.
    #[error("{host} resolves to {refused}; nothing is sent to any of its addresses")]
    Address { host: String, refused: RefusedIp },
    /// Nothing to connect to.
    #[error("{0} has no address")]
    Nowhere(String),
}

/// What addresses must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressRules {
    /// Whether http will do.
    pub(crate) allow_http: bool,
    /// Networks that are allowed although they are not everybody's.
    pub(crate) allowed: Vec<IpNet>,
}

impl AddressRules {
    /// Checks all that an address itself tells, and answers it taken apart. A host in any notation
    /// of an IP address, such as `0x7f.1`, is that address afterwards.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub(crate) fn check(&self, text: &str) -> Result<Url, AddressError> {
        if text.chars().nth(MAX_URL_CHARS).is_some() {
            return Err(AddressError::TooLong);
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Unseen);
        }
        let url = Url::parse(text).map_err(|_| AddressError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ if self.allow_http => return Err(AddressError::Scheme("https:// or http://")),
            _ => return Err(AddressError::Scheme("https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }
        if let Some(ip) = literal(&url) {
            self.check_ip(ip).map_err(AddressError::Refused)?;
        }
        Ok(url)
    }

    /// Checks all addresses of a host, and answers those to connect to.
    ///
    /// # Errors
    /// When one of them is refused, for a host that leads inwards and outwards is not to be
    /// trusted, or when there is none.
    pub(super) fn check_host(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, RefusedHost> {
        let checked = found.map(|address| {
            let ip = self.check_ip(address.ip())?;
            Ok(SocketAddr::new(ip, address.port()))
        });
        let checked = checked.collect::<Result<Vec<_>, _>>();
        let checked = checked.map_err(|refused| RefusedHost::Address {
            host: host.to_owned(),
            refused,
        })?;
        if checked.is_empty() {
            return Err(RefusedHost::Nowhere(host.to_owned()));
        }
        Ok(checked)
    }

    /// The address, as IPv4 if it only maps one.
    fn check_ip(&self, ip: IpAddr) -> Result<IpAddr, RefusedIp> {
        let ip = ip.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&ip)) {
            return Ok(ip);
        }
        match ranges::refused(ip) {
            Some(kind) => Err(RefusedIp { ip, kind }),
            None => Ok(ip),
        }
    }
}

/// The host of an address, if it is an IP address.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests;
