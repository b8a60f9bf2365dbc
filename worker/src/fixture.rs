//! What the tests of several modules begin with: a database, and when it is now.

use std::time::Duration;

use shared::clock::Clock;

use crate::{
    retention::Retention,
    store::{PgConnectOptions, migrate},
    support::postgres,
};

/// Noon of 2026-03-01.
pub(crate) const NOW: u64 = 1_772_366_400_000;

/// An empty database of its own, with the schema and its days.
pub(crate) async fn database() -> PgConnectOptions {
    postgres::database(prepare).await
}

/// The same, and a pool for what the test itself does there.
pub(crate) async fn database_and_pool() -> (PgConnectOptions, postgres::Pool) {
    let options = database().await;
    (options.clone(), postgres::pool(options).await)
}

/// Brings a new database up to date.
pub(crate) async fn prepare(options: PgConnectOptions) {
    let retention = Retention::new(options.clone(), Clock::manual(NOW), 7);
    migrate::run(&options, Duration::from_secs(30))
        .await
        .unwrap();
    retention.roll().await.unwrap();
}
