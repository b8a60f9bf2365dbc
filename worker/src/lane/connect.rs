//! The lane's connection to Postgres.

use std::{future::poll_fn, time::Duration};

use shared::config::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Config, Connection, NoTls, config::SslMode, error::DbError};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::{debug, error};

use crate::{error::Error, store::write};

/// A connection that is not there after this long counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The system gives a silent peer up after this long.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
/// The routine of Postgres in which a COMMIT waits for the synchronous standby. The
/// text of what it says depends on the language of the server, its name does not.
const WAIT_FOR_STANDBY: &str = "SyncRepWaitForLSN";

/// Connects and prepares. The driver's half runs until the connection ends; it
/// never reconnects, so a lock that was taken on it is never silently lost.
pub(crate) async fn open_connection(url: &Secret<String>) -> Result<write::Connection, Error> {
    let mut config: Config = url.expose().parse()?;
    config
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(USER_TIMEOUT)
        .keepalives_idle(USER_TIMEOUT);
    let client = if config.get_ssl_mode() == SslMode::Require {
        let (client, connection) = config.connect(tls_connector()?).await?;
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
    Ok(write::Connection::new(client).await?)
}

/// Checks the server's certificate against those that the system trusts.
fn tls_connector() -> Result<MakeRustlsConnect, Error> {
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
fn drive<S, T>(mut connection: Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) if is_unsure(&notice) => {
                    // Dropped before COMMIT is answered, so the lane ends.
                    error!(%notice, "a commit did not wait for the standby: it is not acknowledged");
                    return;
                }
                Ok(_) => {}
                Err(error) => {
                    debug!(%error, "lane's connection ended");
                    return;
                }
            }
        }
    });
}

/// Whether a COMMIT ceased to wait for the synchronous standby, as somebody cancelled it: it is
/// answered with success, and lost if the primary is lost now. The next lane's own commit, when
/// it takes its partitions, waits for the standby to have this one, too.
fn is_unsure(notice: &DbError) -> bool {
    notice.routine() == Some(WAIT_FOR_STANDBY)
}
