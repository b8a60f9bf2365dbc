//! Who a request comes from: its network address and the web page behind it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};
use shared::keys::ClusterKeys;

use super::cookie::{SessionCookie, is_beyond_dns};
use crate::{limits::connection_limit::network, transport::trusted_proxies::TrustedProxies};

/// Where proxies write whom they heard.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Said once: a stranger who invents the header must not fill the log, and a proxy that is not known has to be found.
const DOUBT: &str = "X-Forwarded-For came from somebody who is no trusted proxy, and does not count: \
    CONFAB_TRUSTED_PROXY_ADDRESSES says who is one";
static DOUBTED: Once = Once::new();

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address, or the one that a proxy named for it.
    pub address: SocketAddr,
    /// How the client came, as far as the gateway sees it.
    pub scheme: Scheme,
}

/// How a client reached the gateway, or the first proxy before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
    /// A proxy knows and does not say.
    Unknown,
}

impl Scheme {
    /// Whether an origin with this scheme can be the gateway itself.
    fn is(self, scheme: &str) -> bool {
        match self {
            Self::Http => scheme.eq_ignore_ascii_case("http"),
            Self::Https => scheme.eq_ignore_ascii_case("https"),
            Self::Unknown => ["http", "https"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known)),
        }
    }
}

/// Decides about addresses and origins.
#[derive(Debug, Clone)]
pub struct ClientOrigins {
    allowed: Vec<String>,
    proxies: TrustedProxies,
    keys: ClusterKeys,
    plain_http: bool,
}

impl ClientOrigins {
    /// Allows these origins besides the gateway's own host.
    pub fn new(allowed: &[String], proxies: TrustedProxies, keys: ClusterKeys) -> Self {
        let allowed = allowed
            .iter()
            .map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase())
            .filter(|origin| !origin.is_empty())
            .collect();
        Self {
            allowed,
            proxies,
            keys,
            plain_http: false,
        }
    }

    /// The same, where pages may sign in that came over plain HTTP from another machine.
    #[must_use]
    pub const fn with_plain_http(mut self, allowed: bool) -> Self {
        self.plain_http = allowed;
        self
    }

    /// The address of the client: trusted proxies append whom they heard, so
    /// what stands before them may be invented and is not read.
    pub fn client_address(&self, headers: &HeaderMap, peer: Peer) -> IpAddr {
        self.follow_proxies(headers, peer).0
    }

    /// The client, and how many trusted proxies it came through: who is named by one of them is
    /// the next one, as long as he stands where they do and there are as many.
    fn follow_proxies(&self, headers: &HeaderMap, peer: Peer) -> (IpAddr, usize) {
        let (mut client, mut hops) = (peer.address.ip(), 0);
        while hops < self.proxies.hops() && self.proxies.include(client) {
            let named = from_end(headers, FORWARDED_FOR, hops).and_then(parse_address);
            hops += 1;
            match named {
                Some(named) => client = named,
                // Whom it heard it does not say: nobody is known beyond it.
                None => return (client, self.proxies.hops()),
            }
        }
        if hops < self.proxies.hops() && from_end(headers, FORWARDED_FOR, hops).is_some() {
            DOUBTED.call_once(|| tracing::warn!("{DOUBT}"));
        }
        (client, hops)
    }

    /// How the client came: trusted proxies may have ended its TLS, and say so.
    fn client_scheme(&self, headers: &HeaderMap, peer: Peer) -> Scheme {
        let (_, hops) = self.follow_proxies(headers, peer);
        let Some(back) = hops.checked_sub(1) else {
            return peer.scheme;
        };
        // A proxy that sets the header, instead of appending to it, leaves one entry.
        let named = from_end(headers, "x-forwarded-proto", back)
            .or_else(|| from_end(headers, "x-forwarded-proto", 0));
        match named {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => Scheme::Unknown,
        }
    }

    /// What limits per address count by: the same for a whole /64 of IPv6.
    pub fn hash_address(&self, address: IpAddr) -> u64 {
        match network(address) {
            IpAddr::V4(v4) => self.keys.hash_address(&v4.octets()),
            IpAddr::V6(v6) => self.keys.hash_address(&v6.octets()),
        }
    }

    /// The origin of a web page that may be answered; `Err` for one that may not.
    /// Without an origin the caller is no browser.
    /// A page whose name leads here now may be anybody's, as long as TLS did not prove that it is
    /// ours: those are answered where the operator listed them, or said that plain HTTP is enough.
    pub fn check_origin<'a>(
        &self,
        headers: &'a HeaderMap,
        peer: Peer,
    ) -> Result<Option<&'a str>, Forbidden> {
        let found = self.find_origin(headers, peer)?;
        let proved = |origin: &str| {
            let plain = origin
                .split_once("://")
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http"));
            plain.is_none_or(|(_, authority)| is_beyond_dns(authority))
        };
        match found {
            Some(origin) if !self.plain_http && !proved(origin) && !self.is_listed(origin) => {
                Err(Forbidden)
            }
            found => Ok(found),
        }
    }

    /// The origin of a page of the gateway's own host, or of a listed one. One of its own host must
    /// have come the same way: one that was loaded without TLS may be anybody's.
    fn find_origin<'a>(
        &self,
        headers: &'a HeaderMap,
        peer: Peer,
    ) -> Result<Option<&'a str>, Forbidden> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(None);
        };
        let origin = origin.to_str().map_err(|_error| Forbidden)?;
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let own = origin.split_once("://").is_some_and(|(scheme, authority)| {
            host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
                && self.client_scheme(headers, peer).is(scheme)
        });
        if own || self.is_listed(origin) {
            Ok(Some(origin))
        } else {
            Err(Forbidden)
        }
    }

    fn is_listed(&self, origin: &str) -> bool {
        let mut allowed = self.allowed.iter();
        allowed.any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

impl ClientOrigins {
    /// Which cookie counts: that of a page that came from this very host, as the browser says
    /// itself. A page that is only listed may connect, but with a token of its own.
    pub fn check_page(&self, headers: &HeaderMap, peer: Peer) -> Result<SessionCookie, NoCookie> {
        let site = headers.get("sec-fetch-site");
        if site.is_some_and(|site| site != "same-origin") {
            return Err(NoCookie::Origin);
        }
        let (scheme, authority) = self
            .find_origin(headers, peer)
            .ok()
            .flatten()
            .and_then(|origin| origin.split_once("://"))
            .ok_or(NoCookie::Origin)?;
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        if !host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) {
            return Err(NoCookie::Origin);
        }
        let tls = scheme.eq_ignore_ascii_case("https");
        SessionCookie::of_page(tls, authority, self.plain_http).ok_or(NoCookie::PlainHttp)
    }
}

/// Why a page has no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCookie {
    /// It is of another host, or the browser does not say of which.
    Origin,
    /// It came without TLS, from another machine.
    PlainHttp,
}

impl NoCookie {
    /// As a refusal says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::PlainHttp => "https",
        }
    }
}

/// The entry of a list that stands so many places before its last one. One that is no text
/// has its place, too: else whoever sends it would move the others.
fn from_end<'a>(headers: &'a HeaderMap, name: &str, back: usize) -> Option<&'a str> {
    let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    let mut entries = values
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let entry = std::str::from_utf8(entries.nth(back)?).ok()?;
    Some(entry.trim())
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse();
    let with_port = || text.parse::<SocketAddr>().map(|socket| socket.ip());
    bare().ok().or_else(|| with_port().ok())
}

/// The web page is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::trusted_proxies::PRIVATE_NETWORKS;

    /// So many proxies, on private networks.
    fn behind(hops: usize) -> TrustedProxies {
        let networks = PRIVATE_NETWORKS.map(|network| network.parse().unwrap());
        TrustedProxies::new(hops, networks.to_vec())
    }

    /// From where a proxy is believed.
    fn near(scheme: Scheme) -> Peer {
        let address = "10.0.0.1:50000".parse().unwrap();
        Peer { address, scheme }
    }

    /// From where nobody is.
    fn far(scheme: Scheme) -> Peer {
        let address = "203.0.113.7:50000".parse().unwrap();
        Peer { address, scheme }
    }

    fn keys() -> ClusterKeys {
        "a secret of at least 32 characters".parse().unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_own_and_listed_pages_may_connect() {
        let origins = ClientOrigins::new(&["https://Chat.example/".to_owned()], behind(0), keys());
        let check = |origin| {
            let headers = headers(&[("host", "LocalHost:8080"), ("origin", origin)]);
            origins.check_origin(&headers, near(Scheme::Http)).is_ok()
        };
        assert!(check("http://localhost:8080"));
        assert!(check("https://chat.example"));
        for bad in [
            "https://evil.example",
            "http://localhost",
            "https://localhost:8080",
            "null",
            "localhost:8080",
        ] {
            assert!(!check(bad), "{bad}");
        }
        let none = headers(&[("host", "x")]);
        assert_eq!(origins.check_origin(&none, near(Scheme::Http)), Ok(None));
    }

    #[test]
    fn an_own_page_came_the_same_way_as_its_socket() {
        let allows = |proxies, seen, proto: Option<&'static str>, origin| {
            let mut headers = headers(&[("host", "192.0.2.7"), ("origin", origin)]);
            if let Some(proto) = proto {
                headers.append("x-forwarded-proto", HeaderValue::from_static(proto));
            }
            let origins = ClientOrigins::new(&[], behind(proxies), keys());
            origins.check_origin(&headers, near(seen)).is_ok()
        };
        let (plain, secure) = ("http://192.0.2.7", "https://192.0.2.7");
        for (proxies, seen, proto, http, https) in [
            (0, Scheme::Http, None, true, false),
            (0, Scheme::Https, None, false, true),
            // Only trusted proxies are believed.
            (0, Scheme::Http, Some("https"), true, false),
            (1, Scheme::Http, Some("https"), false, true),
            (2, Scheme::Http, Some("https, http"), false, true),
            (2, Scheme::Http, Some("https"), false, true),
            (1, Scheme::Http, None, true, true),
            (0, Scheme::Unknown, None, true, true),
        ] {
            assert_eq!(
                allows(proxies, seen, proto, plain),
                http,
                "{proxies} {proto:?}"
            );
            assert_eq!(
                allows(proxies, seen, proto, secure),
                https,
                "{proxies} {proto:?}"
            );
        }
    }

    #[test]
    fn a_name_that_was_bound_to_this_machine_is_not_its_own() {
        let evil = "http://evil.example:8080";
        let check = |allowed: &[String], plain, origin: &'static str| {
            let host = origin.split_once("://").map_or("", |(_, host)| host);
            let headers = headers(&[("host", host), ("origin", origin)]);
            let origins = ClientOrigins::new(allowed, behind(0), keys()).with_plain_http(plain);
            origins.check_origin(&headers, near(Scheme::Http)).is_ok()
        };
        for ours in [
            "http://localhost:8080",
            "http://chat.localhost",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://192.168.1.5",
        ] {
            assert!(check(&[], false, ours), "{ours}");
        }
        for bound in [
            evil,
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
        ] {
            assert!(!check(&[], false, bound), "{bound}");
        }
        // Told so: by name, or that plain HTTP is enough.
        assert!(check(&[evil.to_owned()], false, evil));
        assert!(check(&[], true, evil));
    }

    #[test]
    fn only_trusted_proxies_name_addresses() {
        let peer = near(Scheme::Http);
        let headers = headers(&[
            ("x-forwarded-for", "6.6.6.6, 1.1.1.1"),
            ("x-forwarded-for", "10.2.2.2"),
        ]);
        for (proxies, expected) in [
            (0, "10.0.0.1"),
            (1, "10.2.2.2"),
            (2, "1.1.1.1"),
            (9, "1.1.1.1"),
        ] {
            let origins = ClientOrigins::new(&[], behind(proxies), keys());
            assert_eq!(
                origins.client_address(&headers, peer).to_string(),
                expected,
                "{proxies}"
            );
        }
    }

    #[test]
    fn who_connects_from_elsewhere_is_no_proxy_whatever_he_says() {
        let headers = headers(&[
            ("host", "chat.example"),
            ("origin", "https://chat.example"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-proto", "https"),
        ]);
        let origins = ClientOrigins::new(&[], behind(1), keys());
        let (proxy, stranger) = (near(Scheme::Http), far(Scheme::Http));
        let address = |peer| origins.client_address(&headers, peer).to_string();
        assert_eq!(address(proxy), "2.2.2.2");
        assert_eq!(address(stranger), "203.0.113.7");
        assert!(origins.check_origin(&headers, proxy).is_ok());
        assert!(origins.check_origin(&headers, stranger).is_err());
        let cookie = |peer| origins.check_page(&headers, peer);
        assert_eq!(cookie(proxy), Ok(SessionCookie::Secure));
        assert_eq!(cookie(stranger), Err(NoCookie::Origin));
    }

    #[test]
    fn who_comes_past_an_outer_proxy_is_no_proxy_either() {
        let address = |named| {
            let headers = headers(&[("x-forwarded-for", named)]);
            let origins = ClientOrigins::new(&[], behind(2), keys());
            origins
                .client_address(&headers, near(Scheme::Http))
                .to_string()
        };
        assert_eq!(address("2.2.2.2, 10.0.0.2"), "2.2.2.2");
        // The inner proxy heard a stranger, who invented the rest.
        assert_eq!(address("6.6.6.6, 2.2.2.2"), "2.2.2.2");
        // There are no more than two, wherever clients stand.
        assert_eq!(address("6.6.6.6, 10.0.0.3, 10.0.0.2"), "10.0.0.3");
    }

    #[test]
    fn what_is_no_text_moves_no_entry() {
        let peer = near(Scheme::Http);
        let forwarded = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(value).unwrap());
            }
            ClientOrigins::new(&[], behind(2), keys()).client_address(&headers, peer)
        };
        // The second proxy says whom it heard: somebody who is not the one that he invented.
        let heard = forwarded(&[b"6.6.6.6", b"\xff", b"10.2.2.2"]);
        assert_eq!(heard.to_string(), "10.2.2.2");
        let heard = forwarded(&[b"6.6.6.6, \xff, 10.2.2.2"]);
        assert_eq!(heard.to_string(), "10.2.2.2");
        let heard = forwarded(&[b"\xff, 1.1.1.1", b"10.2.2.2"]);
        assert_eq!(heard.to_string(), "1.1.1.1");
    }

    #[test]
    fn proxies_may_name_ports() {
        let peer = near(Scheme::Http);
        for (named, expected) in [
            ("203.0.113.7:51234", "203.0.113.7"),
            ("[2001:db8::1]:51234", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("unknown", "10.0.0.1"),
        ] {
            let headers = headers(&[("x-forwarded-for", named)]);
            let origins = ClientOrigins::new(&[], behind(1), keys());
            assert_eq!(origins.client_address(&headers, peer).to_string(), expected);
        }
    }

    #[test]
    fn a_network_has_one_hash() {
        let hash = |address: &str| {
            ClientOrigins::new(&[], behind(0), keys()).hash_address(address.parse().unwrap())
        };
        assert_eq!(hash("2001:db8::1"), hash("2001:db8::2"));
        assert_ne!(hash("2001:db8::1"), hash("2001:db8:1::1"));
        assert_ne!(hash("10.0.0.1"), hash("10.0.0.2"));
    }

    #[test]
    fn a_cookie_counts_for_pages_of_this_host_alone() {
        let listed = [
            "https://listed.example".to_owned(),
            "https://chat.example".to_owned(),
        ];
        let origins = ClientOrigins::new(&listed, behind(0), keys());
        let check = |seen, pairs: &[(&'static str, &'static str)]| {
            origins.check_page(&headers(pairs), near(seen))
        };
        let own = [("host", "chat.example"), ("origin", "https://chat.example")];
        assert_eq!(check(Scheme::Https, &own), Ok(SessionCookie::Secure));
        // Listed: a proxy ended TLS and does not say so.
        assert_eq!(check(Scheme::Http, &own), Ok(SessionCookie::Secure));
        let local = [
            ("host", "localhost:8080"),
            ("origin", "http://localhost:8080"),
        ];
        assert_eq!(check(Scheme::Http, &local), Ok(SessionCookie::Plain));
        let lan = [("host", "10.0.0.5"), ("origin", "http://10.0.0.5")];
        assert_eq!(check(Scheme::Http, &lan), Err(NoCookie::PlainHttp));
        let said = [own[0], own[1], ("sec-fetch-site", "same-origin")];
        assert_eq!(check(Scheme::Https, &said), Ok(SessionCookie::Secure));
        for site in ["same-site", "cross-site", "none", "", "Same-Origin"] {
            let said = [own[0], own[1], ("sec-fetch-site", site)];
            assert_eq!(check(Scheme::Https, &said), Err(NoCookie::Origin), "{site}");
        }
        for pairs in [
            // No browser, or one that says nothing.
            &[("host", "chat.example")][..],
            &[("host", "chat.example"), ("origin", "null")],
            // Listed, and not this host: it may connect, without the cookie of its visitor.
            &[
                ("host", "chat.example"),
                ("origin", "https://listed.example"),
            ],
            // Another port of this machine, or another name of it.
            &[
                ("host", "localhost:8080"),
                ("origin", "http://localhost:3000"),
            ],
            &[
                ("host", "localhost:8080"),
                ("origin", "http://127.0.0.1:8080"),
            ],
            &[
                ("host", "localhost:8080"),
                ("origin", "https://localhost:8080"),
            ],
            &[("origin", "https://chat.example")],
        ] {
            assert_eq!(
                check(Scheme::Http, pairs),
                Err(NoCookie::Origin),
                "{pairs:?}"
            );
        }
        let open = ClientOrigins::new(&[], behind(0), keys()).with_plain_http(true);
        let checked = open.check_page(&headers(&lan), near(Scheme::Http));
        assert_eq!(checked, Ok(SessionCookie::Plain));
    }
}
