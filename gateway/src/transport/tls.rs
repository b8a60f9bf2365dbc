//! The certificate of the gateway, read again when its files change.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    },
};

/// How often the files are looked at. Certificates are renewed weeks before they end.
const PERIOD: Duration = Duration::from_mins(1);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or is no PEM of its kind.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        source: pem::Error,
    },
    /// The two do not fit, or not to TLS.
    #[error("the certificate: {0}")]
    Certificate(#[from] rustls::Error),
}

/// A certificate and its key. Clones share what was read last.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    chain: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Certificate {
    /// Reads a chain of certificates, the gateway's own first, and the key of that one.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(Shared {
            config: RwLock::new(Arc::new(config(chain, key)?)),
            chain: chain.to_owned(),
            key: key.to_owned(),
        })))
    }

    /// Accepts TLS with what was read last.
    pub fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.config.read()).into()
    }

    /// Reads the files again whenever they change; what cannot be used leaves the old one.
    pub async fn follow(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = self.changed();
        loop {
            ticks.tick().await;
            let changed = self.changed();
            if changed == known {
                continue;
            }
            known = changed;
            match config(&self.0.chain, &self.0.key) {
                Ok(config) => {
                    *self.0.config.write() = Arc::new(config);
                    tracing::info!("the certificate was read again");
                }
                // Half of it may be written: the other half changes the files again.
                Err(error) => tracing::warn!(%error, "the old certificate stays"),
            }
        }
    }

    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.0.chain, &self.0.key].map(|path| changed(path).ok())
    }
}

fn changed(path: &Path) -> io::Result<SystemTime> {
    std::fs::metadata(path)?.modified()
}

fn config(chain: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path| {
        let path = path.display().to_string();
        move |source| TlsError::File { path, source }
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(wrong(chain))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(wrong(key))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
