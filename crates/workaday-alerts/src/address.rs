//! Which addresses a message may go to. A URL in a configuration, or one that a name server answers differently the
//! second time, must not reach what only this machine can: its own services, its network, the metadata of its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is no receiver; `None`: it is one.
pub fn refused(address: IpAddr, allow_private: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refused_v4(address, allow_private),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => refused_v4(inner, allow_private),
            None => refused_v6(address, allow_private),
        },
    }
}

fn refused_v4(address: Ipv4Addr, allow_private: bool) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    let private = match (a, b, c) {
        (127, ..) => Some("a loopback address"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("a private address"),
        (100, 64..=127, _) => Some("a shared address (carrier-grade NAT)"),
        _ => None,
    };
    if private.is_some() {
        return private.filter(|_| !allow_private);
    }
    match (a, b, c) {
        (0, ..) => Some("an unspecified address"),
        (169, 254, _) => Some("a link-local address, where clouds keep their metadata"),
        (224..=239, ..) => Some("a multicast address"),
        (240..=255, ..) => Some("a reserved address"),
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => Some("an address that is routed nowhere"),
        _ => None,
    }
}

fn refused_v6(address: Ipv6Addr, allow_private: bool) -> Option<&'static str> {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let segments = address.segments();
    if address == METADATA {
        return Some("the metadata service of a cloud");
    }
    let private = match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfec0..=0xfeff, ..] => Some("a site-local address"),
        _ => None,
    };
    if private.is_some() {
        return private.filter(|_| !allow_private);
    }
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an unspecified address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] | [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] => {
            Some("an address that is routed nowhere")
        }
        _ => None,
    }
}

/// The IPv4 address inside: mapped, compatible, NAT64 and 6to4 reach it all the same.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let inner = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => inner(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => inner(high, low),
        _ => None,
    }
}

/// The URL as it may be shown: what follows the host is often the whole secret.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    if rest.len() > end + 1 { format!("{scheme}://{host}/…") } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_inner_address_is_refused() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::10.0.0.1",
        ] {
            let address: IpAddr = text.parse().expect("an address");
            assert!(refused(address, false).is_some(), "{text} is refused");
            assert!(refused(address, true).is_none(), "{text} is allowed when private ones are");
        }
    }

    #[test]
    fn metadata_and_nowhere_are_refused_whatever_is_allowed() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "2001:db8::1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
        ] {
            assert!(refused(text.parse().expect("an address"), true).is_some(), "{text}");
        }
    }

    #[test]
    fn the_open_internet_is_allowed() {
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::8.8.8.8"] {
            assert_eq!(refused(text.parse().expect("an address"), false), None, "{text}");
        }
    }

    #[test]
    fn a_shown_url_ends_at_its_host() {
        for (url, shown) in [
            ("https://hc.example/0b9e-secret", "https://hc.example/…"),
            ("https://user:pass@hc.example:8443/x?y=z", "https://hc.example:8443/…"),
            ("https://hc.example?token=1", "https://hc.example/…"),
            ("https://hc.example", "https://hc.example"),
            ("nonsense", "…"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
