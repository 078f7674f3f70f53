//! Addresses that are not everybody's: IANA's registries of special purposes, and what IPv6 has not
//! given out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What IPv6 gives out as global unicast.
const GLOBAL: Ipv6Net = v6([0x2000, 0, 0], 3);

/// What is refused, and what it is. In IPv6, those beyond [`GLOBAL`] only have a name here.
const REFUSED: [(IpNet, &str); 29] = [
    (v4([0, 0, 0, 0], 8), "no address of a host"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "shared behind a carrier's NAT"),
    (v4([127, 0, 0, 0], 8), "this machine"),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "kept for protocols"),
    (v4([192, 0, 2, 0], 24), "for documentation"),
    (v4([192, 88, 99, 0], 24), "for 6to4"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([198, 18, 0, 0], 15), "for benchmarks"),
    (v4([198, 51, 100, 0], 24), "for documentation"),
    (v4([203, 0, 113, 0], 24), "for documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (
        IpNet::V6(v6([0, 0, 0], 96)),
        "IPv4-compatible, or this machine",
    ),
    (IpNet::V6(v6([0x64, 0xff9b, 0], 96)), "for NAT64"),
    (IpNet::V6(v6([0x64, 0xff9b, 1], 48)), "for NAT64"),
    (IpNet::V6(v6([0x100, 0, 0], 64)), "for discarding"),
    // Teredo 2001::/32, benchmarks 2001:2::/48 and ORCHID 2001:10::/28 and 2001:20::/28 among them.
    (IpNet::V6(v6([0x2001, 0, 0], 23)), "kept for protocols"),
    (IpNet::V6(v6([0x2001, 0xdb8, 0], 32)), "for documentation"),
    (IpNet::V6(v6([0x2002, 0, 0], 16)), "for 6to4"),
    (IpNet::V6(v6([0x3ffe, 0, 0], 16)), "of the former 6bone"),
    (IpNet::V6(v6([0x3fff, 0, 0], 20)), "for documentation"),
    (IpNet::V6(v6([0x5f00, 0, 0], 16)), "for segment routing"),
    (IpNet::V6(v6([0xfc00, 0, 0], 7)), "private"),
    (IpNet::V6(v6([0xfe80, 0, 0], 10)), "link-local"),
    (IpNet::V6(v6([0xfec0, 0, 0], 10)), "site-local"),
    (IpNet::V6(v6([0xff00, 0, 0], 8)), "multicast"),
];

/// What an address is, if it is not everybody's. One that maps IPv4 is to be given as IPv4.
pub(super) fn refused(ip: IpAddr) -> Option<&'static str> {
    let named = REFUSED.iter().find(|(network, _)| network.contains(&ip));
    named.map(|(_, kind)| *kind).or_else(|| match ip {
        IpAddr::V6(ip) if !GLOBAL.contains(&ip) => Some("no global unicast address"),
        _ => None,
    })
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// The network that begins with three groups of digits.
const fn v6([a, b, c]: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}
