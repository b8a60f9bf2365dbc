//! A private Postgres for the tests of one process: its own directory, a Unix
//! socket, no port. It ends when this process does, however that happens: a
//! shell holds it and waits for the end of its input.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// Starts it, says so, and stops it when nobody holds the input any more.
const SCRIPT: &str = r#"
set -e
cd "$1"
PATH="$2:$PATH"
trap 'rm -rf "$1"' EXIT
initdb -D data -U postgres -A trust --no-sync --locale=C --encoding=UTF8 >log 2>&1
pg_ctl -D data -w -l log -o "-c listen_addresses= -c unix_socket_directories=$1 \
    -c fsync=off -c full_page_writes=off -c max_connections=200" start >log 2>&1
echo ready
read -r _ || true
pg_ctl -D data -m immediate stop >log 2>&1
"#;

/// The database that others are copied from.
const TEMPLATE: &str = "confab_template";

static SERVER: OnceLock<Server> = OnceLock::new();
static PREPARED: OnceCell<()> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The running server. Its input is open as long as this is.
pub(crate) struct Server {
    directory: PathBuf,
    _shell: Child,
}

impl Server {
    /// A server for one test alone, which may change what concerns all databases.
    pub(crate) fn alone(name: &str) -> Self {
        start(name)
    }

    /// A database of it.
    pub(crate) fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.directory)
            .username("postgres")
            .database(database)
    }
}

/// A database of its own, prepared by `prepare` once per process.
pub(crate) async fn database<F: Future<Output = ()>>(
    prepare: impl FnOnce(PgConnectOptions) -> F,
) -> PgConnectOptions {
    PREPARED
        .get_or_init(|| async {
            create(format!("CREATE DATABASE {TEMPLATE}")).await;
            prepare(options(TEMPLATE)).await;
        })
        .await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    create(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
    options(&name)
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

async fn create(statement: String) {
    let mut connection = options("postgres").connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}

fn options(database: &str) -> PgConnectOptions {
    SERVER.get_or_init(|| start("all")).options(database)
}

fn start(name: &str) -> Server {
    let directory = std::env::temp_dir().join(format!("confab-test-{}-{name}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", SCRIPT, "sh"])
        .arg(&directory)
        .arg(programs())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // Postgres refuses to run as root.
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let (user, group) = postgres_user();
        chown(&directory, Some(user), Some(group)).unwrap();
        shell.uid(user).gid(group);
    }
    let mut shell = shell.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n", "postgres did not start");
    Server {
        directory,
        _shell: shell,
    }
}

/// `CONFAB_PG_BIN`, or where a distribution keeps the programs that are not on the
/// path: the newest.
#[expect(
    clippy::disallowed_methods,
    reason = "where tests find a program, no configuration"
)]
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("CONFAB_PG_BIN") {
        return folder.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions.flatten().map(|entry| entry.path()).max();
    newest.unwrap_or_default().join("bin")
}

fn postgres_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .unwrap()
        .split(':')
        .collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
