//! The lane's connection to Postgres.

use std::time::Duration;

use shared::config::Secret;
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

use crate::{error::Error, store::write::Writer};

/// A connection that is not there after this long counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The system gives a silent peer up after this long.
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects and prepares. The driver's half runs until the connection ends; it
/// never reconnects, so a lock that was taken on it is never silently lost.
pub(crate) async fn open(url: &Secret<String>) -> Result<Writer, Error> {
    let mut config: Config = url.expose().parse()?;
    config
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(USER_TIMEOUT)
        .keepalives_idle(USER_TIMEOUT);
    let client = if config.get_ssl_mode() == SslMode::Require {
        let (client, connection) = config.connect(tls()?).await?;
        drive(connection);
        client
    } else {
        // `prefer` without a certificate check protects from nobody: a network
        // that is not trusted needs `sslmode=require`, which checks it.
        config.ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await?;
        drive(connection);
        client
    };
    Ok(Writer::new(client).await?)
}

/// Checks the server's certificate against those that the system trusts.
fn tls() -> Result<MakeRustlsConnect, Error> {
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, _unreadable)) => Ok(tls),
        Err(errors) => {
            let text = format!("no trusted certificates on this system: {errors:?}");
            Err(Error::Internal(text))
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "ends with the client, which the lane drops"
)]
fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "lane's connection ended");
        }
    });
}
