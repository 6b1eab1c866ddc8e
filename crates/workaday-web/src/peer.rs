//! Where a request comes from: who is connected, and for whom, as far as a proxy is believed.

use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The one that is connected: a proxy, if there is one. It alone may name a user.
    pub connected: IpAddr,
    /// The one that asks, once proxies are believed or not: for buckets and the audit.
    pub client: IpAddr,
}

impl Peer {
    /// The client is the last address that a trusted proxy wrote and that is no trusted proxy itself.
    pub fn of(connected: IpAddr, trusted: &[IpAddr], headers: &HeaderMap) -> Self {
        // A socket of both families shows IPv4 as `::ffff:127.0.0.1`.
        let connected = connected.to_canonical();
        let trusts = |address: &IpAddr| trusted.iter().any(|own| own.to_canonical() == *address);
        let named = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?"));
        let chain: Vec<&str> = named.flat_map(|line| line.split(',')).collect();
        let mut client = connected;
        // From the end, and only as long as it is a proxy of ours that says so. What is no address ends it: the one before
        // it may be the visitor's own invention.
        for text in chain.into_iter().rev() {
            if !trusts(&client) {
                break;
            }
            let Some(named) = address(text.trim()) else { break };
            client = named;
        }
        Self { connected, client }
    }
}

/// An address as proxies write it: bare, in brackets, with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

/// What one person is counted by: of IPv6 the network, since every machine has 2^64 addresses in it.
pub fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(connected: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_static(line));
        }
        let trusted = ["127.0.0.1".parse().expect("an address"), "10.0.0.7".parse().expect("an address")];
        Peer::of(connected.parse().expect("an address"), &trusted, &headers).client.to_string()
    }

    #[test]
    fn a_proxy_of_ours_is_believed_and_nobody_else() {
        assert_eq!(client("203.0.113.9", &["8.8.8.8"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["8.8.8.8, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["8.8.8.8", "203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(client("::ffff:127.0.0.1", &["203.0.113.9"]), "203.0.113.9", "a socket of both families");
    }

    #[test]
    fn an_address_with_a_port_is_read_and_nonsense_never_uncovers_what_the_visitor_wrote() {
        assert_eq!(client("127.0.0.1", &["8.8.8.8, 203.0.113.9:51234"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["8.8.8.8, [2001:db8::9]:443"]), "2001:db8::9");
        assert_eq!(client("127.0.0.1", &["8.8.8.8, unknown"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["8.8.8.8, "]), "127.0.0.1");
    }

    #[test]
    fn one_machine_has_one_bucket() {
        let of = |text: &str| counted(text.parse().expect("an address")).to_string();
        assert_eq!(
            (of("2001:db8:1:2::7"), of("2001:db8:1:2:ffff::1"), of("192.0.2.7")),
            ("2001:db8:1:2::".into(), "2001:db8:1:2::".into(), "192.0.2.7".into())
        );
    }
}
