//! Where the server listens.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// An address and a port, or a host's name, which is looked up, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ListenAddress(String);

impl ListenAddress {
    /// The addresses that it stands for, IPv4 first: `localhost` is often both, and those who
    /// connect to 127.0.0.1 would miss a server that listens on ::1.
    ///
    /// # Errors
    /// The host's name is not known.
    pub(crate) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found: Vec<_> = self.0.to_socket_addrs()?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_named = || {
            let (host, port) = text.rsplit_once(':')?;
            let is_host = !host.is_empty() && !host.contains([':', '/', '[', ']', ' ']);
            (is_host && port.parse::<u16>().is_ok()).then_some(())
        };
        if text.parse::<SocketAddr>().is_ok() || is_named().is_some() {
            return Ok(Self(text.to_owned()));
        }
        Err("must be an address or a host with a port, such as 127.0.0.1:8080 or localhost:8080")
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> Self {
        address.0
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:0")]
    #[case("[::1]:8080")]
    #[case("localhost:8080")]
    #[case("billing.internal:1")]
    fn addresses_and_hosts_are_taken(#[case] text: &str) {
        assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case("")]
    #[case("localhost")]
    #[case(":8080")]
    #[case("localhost:")]
    #[case("localhost:65536")]
    #[case("::1:8080")]
    #[case("http://localhost:8080")]
    fn what_names_no_port_of_a_host_is_refused(#[case] text: &str) {
        assert!(text.parse::<ListenAddress>().is_err());
    }

    #[test]
    fn a_host_is_looked_up_and_its_ipv4_address_comes_first() {
        let found = ListenAddress("localhost:80".to_owned()).resolve().unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(found.is_sorted_by_key(SocketAddr::is_ipv6));
    }
}
