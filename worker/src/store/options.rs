//! Whom a connection to Postgres may end at.

use std::path::PathBuf;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// With `sslmode=require` the server's certificate is checked against those that the system trusts,
/// as lanes do: by itself this driver would encrypt to anybody who answers.
pub(crate) fn check_server(options: PgConnectOptions) -> PgConnectOptions {
    trust(options, openssl_probe::probe().cert_file)
}

fn trust(options: PgConnectOptions, certificates: Option<PathBuf>) -> PgConnectOptions {
    if !matches!(options.get_ssl_mode(), PgSslMode::Require) {
        return options;
    }
    let options = options.ssl_mode(PgSslMode::VerifyFull);
    match certificates {
        Some(file) => options.ssl_root_cert(file),
        None => options,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use sqlx::{AssertSqlSafe, ConnectOptions as _};
    use tokio::time::timeout;

    use super::*;
    use crate::support::postgres;

    /// Has a server speak TLS, with the certificate for 127.0.0.1 that tests have.
    async fn serve_tls(options: &PgConnectOptions, folder: &Path) {
        let mut connection = options.connect().await.unwrap();
        for (setting, file) in [
            ("ssl_cert_file", "gateway.pem"),
            ("ssl_key_file", "gateway.key"),
        ] {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let copy = format!(
                "COPY (SELECT unnest(string_to_array($${text}$$, E'\\n'))) TO PROGRAM 'umask 077; cat > {file}'"
            );
            for statement in [copy, format!("ALTER SYSTEM SET {setting} = '{file}'")] {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement));
                statement.execute(&mut connection).await.unwrap();
            }
        }
        for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
            sqlx::raw_sql(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_nobody_vouches_for_gets_no_password() {
        let (_cluster, options) = postgres::alone().await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/tests/gateway/tls");
        serve_tls(&options, &folder).await;
        let required = options.ssl_mode(PgSslMode::Require);
        let trusted = trust(required.clone(), Some(folder.join("gateway.pem")));
        // It reads its settings again in its own time.
        let connected = async { while trusted.connect().await.is_err() {} };
        timeout(Duration::from_secs(20), connected).await.unwrap();
        required.connect().await.unwrap();
        let error = trust(required, None).connect().await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }

    #[test]
    fn a_network_that_is_trusted_needs_no_certificate() {
        let options: PgConnectOptions = "postgres://confab@127.0.0.1/confab".parse().unwrap();
        let mode = trust(options, None).get_ssl_mode();
        assert!(matches!(mode, PgSslMode::Prefer), "{mode:?}");
    }
}
