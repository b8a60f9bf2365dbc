//! What operators say about web push.

use std::{fs, io, path::PathBuf};

use clap::Args;
use ipnet::IpNet;
use shared::config::Secret;
use thiserror::Error;

use super::{
    message::{PushError, Signer},
    service::{KNOWN, PushServices},
};
use crate::outbound::OutboundConfig;

/// Keys that sign at a time: that of now, and that of before.
const MAX_KEYS: usize = 2;

/// Web push, and where requests of the worker may go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Web push")]
pub struct PushConfig {
    /// The private key that signs pushes, as `worker push keys` prints it, the same for every worker. Where it is to be
    /// replaced: the new one, a comma, and the one of before, until nobody's subscription is left of that. Without
    /// a key push is off.
    #[arg(long, value_name = "KEYS", hide_env_values = true)]
    pub push_keys: Option<Secret<String>>,
    /// A file that holds the keys, in place of the variable.
    #[arg(long, value_name = "PATH", conflicts_with = "push_keys")]
    pub push_keys_file: Option<PathBuf>,
    /// How push services reach who runs this deployment: `mailto:` and an address, or `https:` and a page. Needed
    /// with the keys.
    #[arg(long, value_name = "URL")]
    pub push_contact: Option<String>,
    /// Hosts of push services, separated by commas, those below them included. `*` is any host of the internet.
    #[arg(long, value_name = "HOSTS", default_value = KNOWN)]
    pub push_services: PushServices,
    /// How long somebody who is there has to read a message before devices are told of it, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=600))]
    pub push_grace_s: u32,
    /// Networks that requests of the worker may go to besides the internet, separated by commas.
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    pub outbound_networks: Vec<IpNet>,
    /// Ports that they may go to besides 443, separated by commas.
    #[arg(long, value_name = "PORTS", value_delimiter = ',')]
    pub outbound_ports: Vec<u16>,
}

/// What is wrong with it.
#[derive(Debug, Error)]
pub(crate) enum PushConfigError {
    /// The file cannot be read.
    #[error("CONFAB_PUSH_KEYS_FILE: {0}")]
    File(#[from] io::Error),
    /// What is there is no key.
    #[error("CONFAB_PUSH_KEYS: {0}")]
    Key(String),
    /// There are more than two.
    #[error("CONFAB_PUSH_KEYS: two keys at most, that of now and that of before")]
    TooMany,
    /// Push services ask for it.
    #[error(
        "CONFAB_PUSH_CONTACT: push services want a `mailto:` or `https:` address of who runs this deployment"
    )]
    NoContact,
}

impl From<PushError> for PushConfigError {
    fn from(error: PushError) -> Self {
        Self::Key(error.to_string())
    }
}

/// Who signs pushes: the first key for who subscribes now, all for who did before.
#[derive(Debug, Clone)]
pub(crate) struct PushKeys {
    pub(crate) signers: Vec<Signer>,
    pub(crate) contact: String,
}

impl PushKeys {
    /// The key of now.
    pub(crate) fn current(&self) -> Option<&Signer> {
        self.signers.first()
    }

    /// The one with this public key.
    pub(crate) fn find(&self, public: &[u8]) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.public() == public)
    }
}

impl PushConfig {
    /// The keys; none where push is off.
    pub(crate) fn keys(&self) -> Result<Option<PushKeys>, PushConfigError> {
        let keys = match (&self.push_keys, &self.push_keys_file) {
            (Some(keys), _) => keys.expose().clone(),
            (None, Some(path)) => fs::read_to_string(path)?,
            (None, None) => return Ok(None),
        };
        let keys = keys
            .split([',', '\n', ' '])
            .map(str::trim)
            .filter(|key| !key.is_empty());
        let signers = keys
            .map(str::parse)
            .collect::<Result<Vec<Signer>, PushError>>()?;
        if signers.is_empty() {
            return Ok(None);
        }
        if signers.len() > MAX_KEYS {
            return Err(PushConfigError::TooMany);
        }
        let contact = self.push_contact.clone().unwrap_or_default();
        if !contact.starts_with("mailto:") && !contact.starts_with("https:") {
            return Err(PushConfigError::NoContact);
        }
        Ok(Some(PushKeys { signers, contact }))
    }

    /// Where requests may go.
    pub(crate) fn outbound(&self) -> OutboundConfig {
        OutboundConfig {
            networks: self.outbound_networks.clone(),
            ports: self.outbound_ports.clone(),
            #[cfg(test)]
            roots: Vec::new(),
        }
    }
}
