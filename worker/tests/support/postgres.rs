//! A private Postgres for the tests of one process. It ends when this process does.

use std::sync::atomic::{AtomicU32, Ordering};

use cluster::{Cluster, Settings};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// The database that others are copied from.
const TEMPLATE: &str = "confab_template";

static SERVER: OnceCell<(Cluster, PgConnectOptions)> = OnceCell::const_new();
static PREPARED: OnceCell<()> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A server for one test alone, which may change what concerns all databases, and a database of it.
pub(crate) async fn alone() -> (Cluster, PgConnectOptions) {
    let cluster = Cluster::start(Settings::postgres_alone()).await.unwrap();
    let options = cluster.database_url().parse().unwrap();
    (cluster, options)
}

/// A database of its own, prepared by `prepare` once per process.
pub(crate) async fn database<F: Future<Output = ()>>(
    prepare: impl FnOnce(PgConnectOptions) -> F,
) -> PgConnectOptions {
    let (_, server) = SERVER.get_or_init(alone).await;
    PREPARED
        .get_or_init(|| async {
            create(server, format!("CREATE DATABASE {TEMPLATE}")).await;
            prepare(server.clone().database(TEMPLATE)).await;
        })
        .await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    create(
        server,
        format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"),
    )
    .await;
    server.clone().database(&name)
}

/// What fixtures go through.
pub(crate) type Pool = PgPool;

/// A pool for fixtures.
pub(crate) async fn pool(options: PgConnectOptions) -> Pool {
    PgPool::connect_with(options).await.unwrap()
}

/// Executes statements of fixtures.
pub(crate) async fn execute(pool: &Pool, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

async fn create(server: &PgConnectOptions, statement: String) {
    let mut connection = server.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}
