//! Web push: who may be told, and telling them.
//!
//! A push is a row that somebody left in the transaction of its cause. Any worker claims it ([`round`]), asks about it if it is late
//! ([`late`]), sends it ([`attempt`]), and notes what became of it ([`record`]). To each push service only some go at a time, so one that
//! is slow, or takes none, holds up no other. [`bench`] makes pushes for nobody: what one costs at least.

mod attempt;
pub(crate) mod bench;
pub(crate) mod config;
mod late;
pub(crate) mod message;
mod metrics;
mod record;
mod round;
mod sender;
pub(crate) mod service;
mod vapid_tokens;

use shared::error::{Reason, Refusal};

use crate::outbound::{Outbound, OutboundUrl};
use config::PushKeys;
pub(crate) use late::{LateBodies, TellLate};
pub(crate) use metrics::PushMetrics;
pub(crate) use sender::Sender;
use service::PushServices;

/// Bytes that a browser shares with who sends.
const AUTH: usize = 16;

/// Prints a pair of keys, as they are set and as browsers see them.
#[expect(clippy::print_stdout, reason = "an operator reads it")]
pub fn print_keys() -> anyhow::Result<()> {
    let private = message::generate_key()?;
    let signer: message::Signer = private.parse()?;
    println!("CONFAB_PUSH_KEYS={private}");
    println!("# public: {}", message::encode_base64(signer.public()));
    Ok(())
}

/// What lanes and queries know of it.
#[derive(Debug, Clone)]
pub(crate) struct PushPolicy {
    pub(crate) keys: PushKeys,
    pub(crate) services: PushServices,
    pub(crate) outbound: Outbound,
}

/// What a browser says of itself when it subscribes, looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) p256dh: Vec<u8>,
    pub(crate) auth: Vec<u8>,
    pub(crate) vapid: Vec<u8>,
}

impl PushPolicy {
    /// The address of a browser at its push service, and what that is called.
    pub(crate) fn judge_endpoint(&self, endpoint: &str) -> Result<(OutboundUrl, &str), Refusal> {
        let refused = |_refusal| Refusal::field(Reason::Invalid, "endpoint");
        let url = self.outbound.parse_url(endpoint).map_err(refused)?;
        let service = self.services.find(url.host());
        let service = service.ok_or_else(|| Refusal::field(Reason::Forbidden, "endpoint"))?;
        Ok((url, service))
    }

    /// The keys of a browser, and the one of ours that it subscribed with: that of now where it does not say.
    pub(crate) fn judge_keys(
        &self,
        (p256dh, auth): (&str, &str),
        key: Option<&str>,
    ) -> Result<Subscription, Refusal> {
        let read = |text: &str, field| {
            message::decode_base64(text).ok_or_else(|| Refusal::field(Reason::Invalid, field))
        };
        let browser = (read(p256dh, "p256dh")?, read(auth, "auth")?);
        if !message::is_public_key(&browser.0) {
            return Err(Refusal::field(Reason::Invalid, "p256dh"));
        }
        if browser.1.len() != AUTH {
            return Err(Refusal::field(Reason::Invalid, "auth"));
        }
        let signer = match key {
            Some(key) => self.keys.find(&read(key, "key")?),
            None => self.keys.current(),
        };
        let signer = signer.ok_or_else(|| Refusal::field(Reason::Invalid, "key"))?;
        Ok(Subscription {
            p256dh: browser.0,
            auth: browser.1,
            vapid: signer.public().to_vec(),
        })
    }
}
