use std::net::IpAddr;

use rstest::rstest;

use super::*;

fn rules() -> AddressRules {
    AddressRules::default()
}

fn allowing(networks: &[&str]) -> AddressRules {
    AddressRules {
        allow_http: true,
        allowed: networks.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn is_refused(ip: &str) -> bool {
    rules().check_ip(ip.parse().unwrap()).is_err()
}

/// The first and the last address of each range, and its neighbours outside where those are
/// everybody's.
#[rstest]
#[case::no_host(&["0.0.0.0", "0.255.255.255"], &["1.0.0.0"])]
#[case::private_10(&["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0"])]
#[case::shared(&["100.64.0.0", "100.127.255.255"], &["100.63.255.255", "100.128.0.0"])]
#[case::loopback(&["127.0.0.0", "127.0.0.1", "127.255.255.255"], &["126.255.255.255", "128.0.0.0"])]
#[case::link_local(
    &["169.254.0.0", "169.254.169.254", "169.254.255.255"],
    &["169.253.255.255", "169.255.0.0"]
)]
#[case::private_172(&["172.16.0.0", "172.31.255.255"], &["172.15.255.255", "172.32.0.0"])]
#[case::protocols(&["192.0.0.0", "192.0.0.255"], &["191.255.255.255", "192.0.1.0"])]
#[case::documentation_1(&["192.0.2.0", "192.0.2.255"], &["192.0.1.255", "192.0.3.0"])]
#[case::six_to_four_relay(&["192.88.99.0", "192.88.99.255"], &["192.88.98.255", "192.88.100.0"])]
#[case::private_192(&["192.168.0.0", "192.168.255.255"], &["192.167.255.255", "192.169.0.0"])]
#[case::benchmarks(&["198.18.0.0", "198.19.255.255"], &["198.17.255.255", "198.20.0.0"])]
#[case::documentation_2(&["198.51.100.0", "198.51.100.255"], &["198.51.99.255", "198.51.101.0"])]
#[case::documentation_3(&["203.0.113.0", "203.0.113.255"], &["203.0.112.255", "203.0.114.0"])]
#[case::multicast(&["224.0.0.0", "239.255.255.255"], &["223.255.255.255"])]
#[case::reserved(&["240.0.0.0", "255.255.255.254"], &[])]
#[case::broadcast(&["255.255.255.255"], &[])]
#[case::everybodys_in_ipv4(&[], &["8.8.8.8", "93.184.215.14"])]
#[case::unspecified_in_ipv6(&["::"], &[])]
#[case::loopback_in_ipv6(&["::1"], &[])]
#[case::ipv4_compatible(&["::2", "::8.8.8.8", "::ffff:ffff"], &[])]
#[case::ipv4_mapped(
    &["::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"],
    &["::ffff:8.8.8.8"]
)]
#[case::ipv4_translated(&["::ffff:0:8.8.8.8"], &[])]
#[case::nat64(&["64:ff9b::", "64:ff9b::8.8.8.8", "64:ff9b::ffff:ffff"], &[])]
#[case::local_nat64(&["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"], &[])]
#[case::discarding(&["100::", "100::ffff:ffff:ffff:ffff"], &[])]
#[case::before_global_unicast(&["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[])]
#[case::teredo(&["2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"], &[])]
#[case::benchmarks_in_ipv6(&["2001:2::"], &[])]
#[case::orchid(&["2001:10::", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"], &[])]
#[case::protocols_in_ipv6(&["2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"], &["2001:200::"])]
#[case::documentation_in_ipv6(
    &["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    &["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"]
)]
#[case::six_to_four(
    &["2002::", "2002:7f00:1::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    &["2003::"]
)]
#[case::former_6bone(&["3ffe::", "3ffe:ffff::"], &["3ffd:ffff::"])]
#[case::more_documentation_in_ipv6(
    &["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
    &["3fff:1000::"]
)]
#[case::after_global_unicast(&["4000::", "5f00::1"], &[])]
#[case::private_in_ipv6(&["fc00::", "fd12:3456::1", "fdff:ffff::"], &[])]
#[case::link_local_in_ipv6(&["fe80::1", "febf:ffff::"], &[])]
#[case::site_local(&["fec0::1", "feff:ffff::"], &[])]
#[case::multicast_in_ipv6(&["ff00::", "ff02::1"], &[])]
#[case::everybodys_in_ipv6(&[], &["2606:4700:4700::1111", "2a00:1450:4001:82f::200e"])]
fn only_what_is_everybodys_is_sent_to(#[case] refused: &[&str], #[case] taken: &[&str]) {
    for ip in refused {
        assert!(is_refused(ip), "{ip}");
    }
    for ip in taken {
        assert!(!is_refused(ip), "{ip}");
    }
}

#[rstest]
#[case("https://example.com/hooks?team=1")]
#[case("https://example.com:8443/")]
#[case("HTTPS://EXAMPLE.COM")]
#[case("https://8.8.8.8/")]
#[case("https://[2606:4700:4700::1111]/")]
#[case("https://exämple.com/")]
fn addresses_of_everybody_are_taken(#[case] text: &str) {
    rules().check(text).unwrap();
}

#[rstest]
#[case::nothing("", AddressError::Malformed)]
#[case::no_scheme("example.com/hook", AddressError::Malformed)]
#[case::no_host("https://", AddressError::Malformed)]
#[case::a_space("https://example.com/a b", AddressError::Unseen)]
#[case::a_line("https://exam\nple.com/", AddressError::Unseen)]
#[case::a_space_before(" https://example.com/", AddressError::Unseen)]
#[case::http("http://example.com/", AddressError::Scheme("https://"))]
#[case::file("file:///etc/passwd", AddressError::Scheme("https://"))]
#[case::gopher("gopher://example.com/", AddressError::Scheme("https://"))]
#[case::user("https://user@example.com/", AddressError::UserInfo)]
#[case::password("https://:secret@example.com/", AddressError::UserInfo)]
#[case::host_in_disguise("https://example.com@10.0.0.1/", AddressError::UserInfo)]
#[case::fragment("https://example.com/#part", AddressError::Fragment)]
fn other_texts_are_no_addresses(#[case] text: &str, #[case] error: AddressError) {
    assert_eq!(rules().check(text), Err(error));
}

#[test]
fn an_address_has_a_longest_length() {
    let text = format!("https://example.com/{}", "a".repeat(2_028));
    assert!(rules().check(&text).is_ok());
    let longer = format!("{text}a");
    assert_eq!(rules().check(&longer), Err(AddressError::TooLong));
}

/// Notations that readers of addresses take for an IP address.
#[rstest]
#[case::dotted("https://127.0.0.1/", "127.0.0.1")]
#[case::decimal("https://2130706433/", "127.0.0.1")]
#[case::octal("https://0177.0.0.1/", "127.0.0.1")]
#[case::hexadecimal("https://0x7f.0x0.0x0.0x1/", "127.0.0.1")]
#[case::one_hexadecimal("https://0x7f000001/", "127.0.0.1")]
#[case::shortened("https://127.1/", "127.0.0.1")]
#[case::dot_at_the_end("https://127.0.0.1./", "127.0.0.1")]
#[case::wide_digits("https://１２７.0.0.1/", "127.0.0.1")]
#[case::percent_encoded("https://%31%32%37.0.0.1/", "127.0.0.1")]
#[case::metadata("https://2852039166/", "169.254.169.254")]
#[case::zero("https://0/", "0.0.0.0")]
#[case::ipv6("https://[::1]/", "::1")]
#[case::long_ipv6("https://[0:0:0:0:0:0:0:1]/", "::1")]
#[case::mapped("https://[::ffff:127.0.0.1]/", "127.0.0.1")]
#[case::mapped_in_hexadecimal("https://[::ffff:7f00:1]/", "127.0.0.1")]
#[case::nat64("https://[64:ff9b::7f00:1]/", "64:ff9b::7f00:1")]
fn a_literal_address_is_refused_in_any_notation(#[case] text: &str, #[case] ip: IpAddr) {
    let Err(AddressError::Refused(refused)) = rules().check(text) else {
        panic!("{text} is taken");
    };
    assert_eq!(refused.ip, ip);
    assert!(refused.to_string().starts_with(&format!("{ip}, which is ")));
}

#[rstest]
#[case::a_literal("http://127.0.0.1:8080/hook")]
#[case::decimal("http://2130706433/")]
#[case::mapped("http://[::ffff:127.0.0.1]/")]
#[case::ipv6("https://[fd00::1]/")]
#[case::a_name("http://example.com/")]
fn what_the_operator_allows_is_taken(#[case] text: &str) {
    let rules = allowing(&["127.0.0.0/8", "fd00::/64"]);
    rules.check(text).unwrap();
}

#[rstest]
#[case::another_network("http://10.0.0.1/")]
#[case::beyond_its_network("http://[fd00:0:0:1::1]/")]
#[case::another_scheme("ftp://127.0.0.1/")]
fn nothing_but_what_the_operator_allows_is_taken(#[case] text: &str) {
    let rules = allowing(&["127.0.0.0/8", "fd00::/64"]);
    rules.check(text).unwrap_err();
}

fn sockets(ips: &[&str]) -> Vec<SocketAddr> {
    let ips = ips.iter().map(|ip| ip.parse::<IpAddr>().unwrap());
    ips.map(|ip| SocketAddr::new(ip, 0)).collect()
}

#[test]
fn all_addresses_of_a_host_are_connected_to_as_ipv4_where_they_map_it() {
    let found = sockets(&["8.8.8.8", "::ffff:8.8.4.4", "2606:4700:4700::1111"]);
    let checked = rules()
        .check_host("example.com", found.into_iter())
        .unwrap();
    let expected = sockets(&["8.8.8.8", "8.8.4.4", "2606:4700:4700::1111"]);
    assert_eq!(checked, expected);
}

#[rstest]
#[case::first(&["10.0.0.1", "8.8.8.8"], "10.0.0.1, which is private")]
#[case::last(&["8.8.8.8", "::1"], "::1, which is IPv4-compatible, or this machine")]
#[case::mapped(&["::ffff:192.168.0.1"], "192.168.0.1, which is private")]
#[case::nat64(&["64:ff9b::a00:1"], "64:ff9b::a00:1, which is for NAT64")]
fn a_host_with_one_refused_address_is_refused_as_a_whole(
    #[case] found: &[&str],
    #[case] refused: &str,
) {
    let found = sockets(found).into_iter();
    let error = rules().check_host("evil.example", found).unwrap_err();
    let expected =
        format!("evil.example resolves to {refused}; nothing is sent to any of its addresses");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_host_without_an_address_is_refused() {
    let error = rules()
        .check_host("example.com", [].into_iter())
        .unwrap_err();
    assert_eq!(error.to_string(), "example.com has no address");
}
