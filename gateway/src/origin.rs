//! Who a request comes from: its network address and the web page behind it.

use std::net::IpAddr;

use hyper::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::places::network;

/// Decides about addresses and origins.
#[derive(Debug, Clone)]
pub struct Origins {
    allowed: Vec<String>,
    trusted_proxies: usize,
    salt: String,
}

impl Origins {
    /// Allows these origins besides the gateway's own host.
    pub fn new(allowed: &[String], trusted_proxies: usize, salt: String) -> Self {
        let allowed = allowed
            .iter()
            .map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase())
            .filter(|origin| !origin.is_empty())
            .collect();
        Self {
            allowed,
            trusted_proxies,
            salt,
        }
    }

    /// The address of the client: trusted proxies append whom they heard, so
    /// what stands before them may be invented and is not read.
    pub fn address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let Some(back) = self.trusted_proxies.checked_sub(1) else {
            return peer;
        };
        let named: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        named
            .iter()
            .rev()
            .nth(back)
            .and_then(|address| address.parse().ok())
            .unwrap_or(peer)
    }

    /// What limits per address count by: the same for a whole /64 of IPv6.
    pub fn hash(&self, address: IpAddr) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.salt.as_bytes());
        match network(address) {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => hash.update(v6.octets()),
        }
        hash.finalize()
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    /// The origin of a web page that may be answered; `Err` for one that may not.
    /// Without an origin the caller is no browser.
    pub fn check<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, Forbidden> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(None);
        };
        let origin = origin.to_str().map_err(|_error| Forbidden)?;
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let own = origin
            .split_once("://")
            .is_some_and(|(_, authority)| host.is_some_and(|h| h.eq_ignore_ascii_case(authority)));
        let listed = self
            .allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(origin));
        if own || listed {
            Ok(Some(origin))
        } else {
            Err(Forbidden)
        }
    }
}

/// The web page is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden;

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_own_and_listed_pages_may_connect() {
        let origins = Origins::new(&["https://Chat.example/".to_owned()], 0, String::new());
        let check = |origin| {
            origins
                .check(&headers(&[("host", "Gateway:8080"), ("origin", origin)]))
                .is_ok()
        };
        assert!(check("http://gateway:8080"));
        assert!(check("https://chat.example"));
        for bad in [
            "https://evil.example",
            "http://gateway",
            "null",
            "gateway:8080",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert_eq!(origins.check(&headers(&[("host", "x")])), Ok(None));
    }

    #[test]
    fn only_trusted_proxies_name_addresses() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let headers = headers(&[
            ("x-forwarded-for", "6.6.6.6, 1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
        ]);
        for (proxies, expected) in [
            (0, "10.0.0.1"),
            (1, "2.2.2.2"),
            (2, "1.1.1.1"),
            (9, "10.0.0.1"),
        ] {
            let origins = Origins::new(&[], proxies, String::new());
            assert_eq!(
                origins.address(&headers, peer).to_string(),
                expected,
                "{proxies}"
            );
        }
    }

    #[test]
    fn hashes_depend_on_the_salt_and_the_network() {
        let hash = |salt: &str, address: &str| {
            Origins::new(&[], 0, salt.to_owned()).hash(address.parse().unwrap())
        };
        assert_eq!(hash("a", "2001:db8::1"), hash("a", "2001:db8::2"));
        assert_ne!(hash("a", "10.0.0.1"), hash("a", "10.0.0.2"));
        assert_ne!(hash("a", "10.0.0.1"), hash("b", "10.0.0.1"));
    }
}
