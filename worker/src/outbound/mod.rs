//! Requests to addresses that strangers wrote: push services, and whatever else the worker is sent to.
//!
//! A name may lead elsewhere each time it is asked, so what counts is the address that is connected to ([`Reachable`]).
//! Nobody is followed elsewhere, nothing is read for long, and nobody is asked by way of a proxy.

mod address;
mod resolver;
mod url;

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use httpdate::parse_http_date;
use ipnet::IpNet;
use reqwest::{
    Client, Response,
    header::{DATE, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use shared::{
    error::{Reason, Refusal},
    tls,
};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use address::Reachable;
use resolver::Resolver;
pub(crate) use url::{HTTPS, OutboundUrl};

/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const ANSWER: usize = 1_024;
/// Connections to one host that are kept open, and for how long.
const IDLE: (usize, Duration) = (8, Duration::from_mins(1));

/// Where requests may go, beyond the internet at the port of https.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutboundConfig {
    /// Networks that are no part of the internet.
    pub(crate) networks: Vec<IpNet>,
    /// Ports.
    pub(crate) ports: Vec<u16>,
    /// Who vouches for servers besides those whom this system trusts.
    #[cfg(test)]
    pub(crate) roots: Vec<reqwest::Certificate>,
}

/// Why there is no answer. No word of it is the stranger's.
#[derive(Debug, Error)]
pub(crate) enum OutboundError {
    /// The address is not of the internet.
    #[error("it does not lead to the internet")]
    NotReachable,
    /// It was not done in time.
    #[error("no answer in time")]
    Slow,
    /// Nobody there, nobody who is vouched for, or no HTTP.
    #[error("no connection, or no answer")]
    Failed,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// When to come again, if it says so.
    pub(crate) retry_after: Option<Duration>,
    /// How it begins.
    pub(crate) body: Vec<u8>,
}

/// Who makes requests. Clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    client: Client,
    reachable: Arc<Reachable>,
    ports: Arc<[u16]>,
    patience: Duration,
}

impl Outbound {
    /// Trusts the certificate authorities of this system.
    pub(crate) fn new(config: OutboundConfig) -> Result<Self, reqwest::Error> {
        tls::install_provider();
        let reachable = Arc::new(Reachable::new(config.networks));
        let builder = Client::builder();
        #[cfg(test)]
        let builder = builder.tls_certs_merge(config.roots);
        let client = builder
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(Arc::new(Resolver::new(reachable.clone())))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE.0)
            .pool_idle_timeout(IDLE.1)
            .referer(false)
            .user_agent(concat!("Confab/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut ports = config.ports;
        ports.push(HTTPS);
        Ok(Self {
            client,
            reachable,
            ports: ports.into(),
            patience: PATIENCE,
        })
    }

    /// Reads an address that a stranger wrote; one that is written as a number is judged now.
    pub(crate) fn parse_url(&self, text: &str) -> Result<OutboundUrl, Refusal> {
        let url = OutboundUrl::parse(text)?;
        let is_near =
            written_address(&url).is_some_and(|address| !self.reachable.includes(address));
        if is_near || !self.ports.contains(&url.port()) {
            return Err(Reason::Invalid.into());
        }
        Ok(url)
    }

    /// Sends a body, and reads how the answer begins.
    pub(crate) async fn post(
        &self,
        url: &OutboundUrl,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, OutboundError> {
        // The client asks nobody what a number means.
        if written_address(url).is_some_and(|address| !self.reachable.includes(address)) {
            return Err(OutboundError::NotReachable);
        }
        let request = self.client.post(url.url().clone()).headers(headers);
        let end = Instant::now() + self.patience;
        let response = timeout_at(end, request.body(body).send())
            .await
            .map_err(|_elapsed| OutboundError::Slow)?
            .map_err(|error| sort_error(&error))?;
        Ok(read_answer(response, end).await)
    }
}

/// The address of a host that is written as a number.
fn written_address(url: &OutboundUrl) -> Option<IpAddr> {
    let host = url.host();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

/// What an answer says after its head may be cut off, or not come in time: nothing that is decided hangs on it.
async fn read_answer(mut response: Response, end: Instant) -> Answer {
    let retry_after = read_retry_after(response.headers());
    let mut body = Vec::new();
    while body.len() < ANSWER
        && let Ok(Ok(Some(chunk))) = timeout_at(end, response.chunk()).await
    {
        let left = ANSWER - body.len();
        body.extend_from_slice(chunk.get(..left).unwrap_or(&chunk));
    }
    Answer {
        status: response.status().as_u16(),
        retry_after,
        body,
    }
}

/// When to come again: in seconds, or at a time by the clock of who answers, as RFC 9110 (10.2.3) has it.
fn read_retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = parse_http_date(text(DATE)?).ok()?;
    parse_http_date(after).ok()?.duration_since(now).ok()
}

fn sort_error(error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<resolver::NotReachable>() {
            return OutboundError::NotReachable;
        }
        cause = error.source();
    }
    if error.is_timeout() {
        OutboundError::Slow
    } else {
        OutboundError::Failed
    }
}

#[cfg(test)]
mod tests;
