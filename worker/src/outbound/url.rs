//! Addresses that strangers wrote, as far as they can be judged without asking for them.

use std::fmt;

use reqwest::Url;
use shared::error::{Reason, Refusal};

/// Characters, at most.
pub(crate) const MAX_URL: usize = 2_048;
/// The port of https.
pub(crate) const HTTPS: u16 = 443;

/// An address that a request may go to, if that is what its name leads to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct OutboundUrl(Url);

/// Addresses may hold secrets: that of a subscription is one.
impl fmt::Debug for OutboundUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.origin())
    }
}

impl OutboundUrl {
    /// Reads an address: https, a host, and nobody's name or password.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = || Refusal::from(Reason::Invalid);
        if text.len() > MAX_URL {
            return Err(refused());
        }
        let mut url = Url::parse(text).map_err(|_error| refused())?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() != "https" || !is_plain || url.host().is_none() {
            return Err(refused());
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.0.port().unwrap_or(HTTPS)
    }

    /// Its host: a name, or an address.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Scheme, host and port, where it is not that of https: whom a token is for.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The whole of it.
    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }
}
