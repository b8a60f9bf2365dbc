//! The cookie that holds the token of a session, so that the scripts of a page never see it.
//!
//! A cookie comes along whoever caused the request, so it counts only where the browser says that a
//! page of this very host did (`ClientOrigins::check_page`). Over TLS its name begins with
//! `__Host-`: browsers then take it from this host alone, over TLS alone, for all paths. Plain HTTP
//! has a name of its own, so that neither is ever taken for the other.

use std::net::IpAddr;

use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};

/// Over TLS.
const SECURE: &str = "__Host-confab-session";
/// Without TLS.
const PLAIN: &str = "confab-session";
/// As long as browsers keep any, in seconds: 400 days.
const AGE: u32 = 34_560_000;
/// More than any token has.
const MAX_TOKEN: usize = 512;

/// Which of the two cookies a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCookie {
    /// That of a page that came over TLS.
    Secure,
    /// That of a page that came over plain HTTP, from this machine as a rule.
    Plain,
}

impl SessionCookie {
    /// That of a page with this authority, which came over TLS or not. None where everybody on
    /// the way could read it, unless that is `allowed`.
    pub fn of_page(tls: bool, authority: &str, allowed: bool) -> Option<Self> {
        if tls {
            Some(Self::Secure)
        } else {
            (allowed || is_loopback(authority)).then_some(Self::Plain)
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Secure => SECURE,
            Self::Plain => PLAIN,
        }
    }

    /// The token that came along. None when there are two: one of them was put there by
    /// somebody else, and nobody can say which.
    pub fn find_token(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).into_iter();
        let mut tokens = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| name.trim() == self.name())
            .map(|(_, token)| token.trim());
        let token = tokens.next()?;
        let alone = tokens.next().is_none();
        (alone && !token.is_empty() && token.len() <= MAX_TOKEN).then_some(token)
    }

    /// The header that leaves a token with the browser.
    pub fn keep_token(self, token: &str) -> Option<HeaderValue> {
        self.write(token, AGE)
    }

    /// The header that takes it away.
    pub fn forget_token(self) -> Option<HeaderValue> {
        self.write("", 0)
    }

    fn write(self, token: &str, age: u32) -> Option<HeaderValue> {
        let secure = match self {
            Self::Secure => "; Secure",
            Self::Plain => "",
        };
        let name = self.name();
        let cookie =
            format!("{name}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
        let mut value = HeaderValue::try_from(cookie).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether what is sent to this host and port stays on the machine.
fn is_loopback(authority: &str) -> bool {
    is_local_name(authority) || address_of(authority).is_some_and(|host| host.is_loopback())
}

/// Whether a page with this authority came from where it says: an address is what it is, and the
/// names of this machine are its own. Any other name may have led elsewhere when the page was loaded
/// (DNS rebinding).
pub fn is_beyond_dns(authority: &str) -> bool {
    is_local_name(authority) || address_of(authority).is_some()
}

fn is_local_name(authority: &str) -> bool {
    let host = host_of(authority).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn address_of(authority: &str) -> Option<IpAddr> {
    host_of(authority).parse().ok()
}

fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_page_has_one_of_two_cookies_or_none() {
        for (tls, authority, expected) in [
            (true, "chat.example", Some(SessionCookie::Secure)),
            (true, "localhost", Some(SessionCookie::Secure)),
            (false, "localhost:8080", Some(SessionCookie::Plain)),
            (false, "LOCALHOST", Some(SessionCookie::Plain)),
            (false, "chat.localhost:1", Some(SessionCookie::Plain)),
            (false, "127.0.0.1:8080", Some(SessionCookie::Plain)),
            (false, "127.9.9.9", Some(SessionCookie::Plain)),
            (false, "[::1]:8080", Some(SessionCookie::Plain)),
            (false, "chat.example", None),
            (false, "192.168.1.5:8080", None),
            (false, "127.0.0.1.evil.example", None),
            (false, "localhost.evil.example", None),
            (false, "evillocalhost", None),
            (false, "", None),
        ] {
            let found = SessionCookie::of_page(tls, authority, false);
            assert_eq!(found, expected, "{tls} {authority}");
        }
    }

    #[test]
    fn a_token_is_found_where_there_is_exactly_one() {
        for (lines, expected) in [
            (&["confab-session=t"][..], Some("t")),
            (&["a=b; confab-session=t ;c=d"], Some("t")),
            (&["a=b", "confab-session=t"], Some("t")),
            (&["confab-session=t; confab-session=u"], None),
            (&["confab-session=t; confab-session=t"], None),
            (&["confab-session=t", "confab-session=u"], None),
            (&["confab-session="], None),
            (&["confab-session"], None),
            (&["Confab-Session=t"], None),
            (&["__Host-confab-session=t"], None),
            (
                &["xconfab-session=t; =confab-session; a=confab-session=t"],
                None,
            ),
            (&[], None),
        ] {
            let headers = cookies(lines);
            assert_eq!(
                SessionCookie::Plain.find_token(&headers),
                expected,
                "{lines:?}"
            );
        }
        let large = format!("confab-session={}", "a".repeat(MAX_TOKEN + 1));
        let headers = HeaderMap::from_iter([(header::COOKIE, large.parse().unwrap())]);
        assert_eq!(SessionCookie::Plain.find_token(&headers), None);
        // Neither is the other.
        let headers = cookies(&["confab-session=t; __Host-confab-session=s"]);
        assert_eq!(SessionCookie::Secure.find_token(&headers), Some("s"));
        assert_eq!(SessionCookie::Plain.find_token(&headers), Some("t"));
    }

    #[test]
    fn no_script_reads_what_is_kept() {
        let kept = SessionCookie::Secure.keep_token("t").unwrap();
        assert_eq!(
            kept,
            "__Host-confab-session=t; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict; Secure"
        );
        let forgotten = SessionCookie::Plain.forget_token().unwrap();
        assert_eq!(
            forgotten,
            "confab-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        );
    }
}
