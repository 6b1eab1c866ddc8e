//! Which host names a request may carry, and where an act may come from.
//!
//! A page of somebody else can make a browser resolve its own name to 127.0.0.1 and then talk to us (DNS rebinding). The
//! name it then sends is its own, so every route asks for one of ours.

use axum::http::{HeaderMap, Uri, header};

/// The exact names, in lower case, with the port where it is not the usual one.
#[derive(Clone, Debug)]
pub struct Hosts {
    allowed: Vec<String>,
    /// Host of `public_url` when that is https: cookies are then Secure.
    secure: Option<String>,
}

impl Hosts {
    pub fn new(bind: &str, port: u16, public_url: Option<&str>, more: &[String]) -> Self {
        let bound = bind.rsplit_once(':').map_or(bind, |(host, _)| host);
        let own = ["127.0.0.1", "localhost", "[::1]", bound].map(|host| format!("{}:{port}", host.to_lowercase()));
        let mut allowed: Vec<String> = own.to_vec();
        if port == 80 {
            allowed.extend(["127.0.0.1", "localhost", "[::1]", bound].map(str::to_lowercase));
        }
        let public = public_url.and_then(|url| url.split_once("://")).map(|(scheme, host)| (scheme, host.to_lowercase()));
        allowed.extend(public.iter().map(|(_, host)| host.clone()));
        allowed.extend(more.iter().map(|host| host.to_lowercase()));
        let secure = public.filter(|(scheme, _)| *scheme == "https").map(|(_, host)| host);
        Self { allowed, secure }
    }

    /// The host a request names, if it names exactly one and that is ours.
    pub fn of(&self, headers: &HeaderMap, uri: &Uri) -> Option<String> {
        let mut named = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else { return None };
        let host = host.to_str().ok()?.to_lowercase();
        // A request may name a host in its target too; two that differ are a trick.
        let fits = uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(&host));
        (fits && self.allowed.contains(&host)).then_some(host)
    }

    /// Is this the host that people reach through TLS?
    pub fn is_secure(&self, host: &str) -> bool {
        self.secure.as_deref() == Some(host)
    }

    /// May an act come from where this request says it comes from?
    ///
    /// `Sec-Fetch-Site` is the browser's own word. Without it `Origin` must be ours. A program with a token sends neither,
    /// which is fine: it carries nothing that a browser would add by itself.
    pub fn may_act(&self, headers: &HeaderMap, host: &str, has_token: bool) -> bool {
        let single = |name: &str| {
            let mut values = headers.get_all(name).iter();
            (values.next().map(|value| value.to_str().unwrap_or("?")), values.next().is_some())
        };
        let (site, sites) = single("sec-fetch-site");
        let (origin, origins) = single("origin");
        if sites || origins {
            return false;
        }
        let origin_is_ours = |origin: &str| {
            let scheme = if self.is_secure(host) { "https" } else { "http" };
            origin.eq_ignore_ascii_case(&format!("{scheme}://{host}"))
        };
        match (site, origin) {
            (Some(site), origin) => site == "same-origin" && origin.is_none_or(|origin| origin == "null" || origin_is_ours(origin)),
            (None, Some(origin)) => origin_is_ours(origin),
            (None, None) => has_token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn hosts() -> Hosts {
        Hosts::new("127.0.0.1:0", 7227, Some("https://jobs.example"), &["inner:81".into()])
    }

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in given {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn only_our_names_are_ours() {
        let uri: Uri = "/".parse().unwrap();
        for host in ["127.0.0.1:7227", "LOCALHOST:7227", "[::1]:7227", "jobs.example", "inner:81"] {
            let mut map = HeaderMap::new();
            map.insert("host", HeaderValue::from_str(host).unwrap());
            assert_eq!(hosts().of(&map, &uri), Some(host.to_lowercase()));
        }
        for host in ["evil.example", "127.0.0.1", "localhost:80", "jobs.example.evil", "127.0.0.1:7227.evil", "evil@127.0.0.1:7227", ""] {
            let mut map = HeaderMap::new();
            map.insert("host", HeaderValue::from_str(host).unwrap());
            assert_eq!(hosts().of(&map, &uri), None, "{host}");
        }
        assert_eq!(hosts().of(&headers(&[]), &uri), None);
        assert_eq!(hosts().of(&headers(&[("host", "jobs.example"), ("host", "evil")]), &uri), None);
        assert_eq!(hosts().of(&headers(&[("host", "jobs.example")]), &"http://evil/".parse().unwrap()), None);
    }

    #[test]
    fn an_act_comes_from_our_own_pages_or_from_a_program() {
        let hosts = hosts();
        let may = |given: &[(&'static str, &'static str)], token| hosts.may_act(&headers(given), "127.0.0.1:7227", token);
        assert!(may(&[("sec-fetch-site", "same-origin")], false));
        assert!(may(&[("origin", "http://127.0.0.1:7227")], false));
        assert!(may(&[], true));
        for token in [false, true] {
            assert!(!may(&[("sec-fetch-site", "cross-site")], token));
            assert!(!may(&[("sec-fetch-site", "same-site")], token));
            assert!(!may(&[("sec-fetch-site", "none")], token));
            assert!(!may(&[("origin", "null")], token));
            assert!(!may(&[("origin", "http://evil.example")], token));
            assert!(!may(&[("origin", "https://127.0.0.1:7227")], token));
            assert!(!may(&[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")], token));
            assert!(!may(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], token));
        }
        assert!(!may(&[], false));
        assert!(hosts.may_act(&headers(&[("origin", "https://jobs.example")]), "jobs.example", false));
    }
}
