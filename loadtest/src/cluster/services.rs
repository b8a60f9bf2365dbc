//! Postgres and Redis, private and fast to start.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use tokio_postgres::{Client, NoTls};

use super::{POLL, START, guard::Guard, node::Node, places::Programs, settings::Disk};

const LAX: [&str; 2] = ["fsync=off", "full_page_writes=off"];
const POSTGRES_OPTIONS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "synchronous_commit=on",
    "shared_buffers=64MB",
    "max_connections=200",
    "logging_collector=off",
];
/// With a small write-ahead log.
const SMALL: [&str; 4] = [
    "fsync=off",
    "full_page_writes=off",
    "min_wal_size=8MB",
    "max_wal_size=32MB",
];
/// A server that has run for a while recycles the files of its log; a new one
/// writes each of them first, which holds every commit up for some 40 ms.
const WAL_KEPT: &str = "min_wal_size=1GB";
/// Files of the log, 16 MB each, that are made before anything is measured.
const WAL_FILES: usize = 56;

pub(super) async fn postgres(
    programs: &Programs,
    dir: &Path,
    guard: &Guard,
    disk: Disk,
) -> Result<Node> {
    let home = dir.join("postgres");
    fs::create_dir_all(&home)?;
    let owner = owner()?;
    if let Some((user, group)) = owner {
        // Postgres refuses to run as root, and its user must reach its folder.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
        chown(&home, Some(user), Some(group))?;
    }
    let data = home.join("data");
    run(as_owner(Command::new(&programs.initdb), owner)
        .arg("-D")
        .arg(&data)
        .args(["-U", "confab", "--auth=trust", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        .args(matches!(disk, Disk::Small(_)).then_some("--wal-segsize=1"))
        .current_dir(&home))?;
    let mut node = Node::new("postgres", &programs.postgres, dir)?;
    node.owned_by(owner)
        .argument("-D")
        .argument(&data.display().to_string())
        .argument("-p");
    let port = node.port().to_string();
    node.argument(&port)
        .argument("-k")
        .argument(&home.display().to_string());
    let options: &[&str] = match disk {
        Disk::Lax => &LAX,
        Disk::Durable => &[WAL_KEPT],
        Disk::Small(_) => &SMALL,
    };
    for option in POSTGRES_OPTIONS.iter().chain(options) {
        node.argument("-c").argument(option);
    }
    node.start(guard)?;
    let deadline = Instant::now() + START;
    while !accepts(node.port()).await {
        if !node.runs() || Instant::now() > deadline {
            bail!("postgres does not start\n{}", node.tail());
        }
        sleep(POLL).await;
    }
    create(programs, dir, &node, "confab")?;
    if disk == Disk::Durable {
        break_in(&database_url(node.port())).await?;
    }
    Ok(node)
}

/// Makes the write-ahead log what it is on a server that has run for a while.
async fn break_in(database_url: &str) -> Result<()> {
    let fill = async |client: &Client| {
        for _ in 0..WAL_FILES {
            let fill =
                "SELECT pg_logical_emit_message(false, 'confab', ''); SELECT pg_switch_wal()";
            client.batch_execute(fill).await?;
        }
        client.batch_execute("CHECKPOINT").await
    };
    let done = sql(database_url, fill).await;
    done.context("breaking Postgres in")
}

/// Does something on a connection of its own.
pub(super) async fn sql<T>(
    database_url: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T> {
    let (client, connection) = tokio_postgres::connect(database_url, NoTls).await?;
    let work = async {
        let done = work(&client).await;
        // The connection ends with its client.
        drop(client);
        done
    };
    let (_, done) = tokio::join!(connection, work);
    Ok(done?)
}

pub(super) fn database_url(port: u16) -> String {
    url(port, "confab")
}

/// Another database, migrated and empty; answers with its URL.
pub(super) fn fresh_database(
    programs: &Programs,
    dir: &Path,
    postgres: &Node,
    name: &str,
) -> Result<String> {
    create(programs, dir, postgres, name)?;
    let url = url(postgres.port(), name);
    migrate(programs, dir, &url)?;
    Ok(url)
}

fn create(programs: &Programs, dir: &Path, postgres: &Node, name: &str) -> Result<()> {
    let port = postgres.port().to_string();
    run(Command::new(&programs.createdb)
        .args(["-h", "127.0.0.1", "-p", &port, "-U", "confab", name])
        .current_dir(dir))
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://confab@127.0.0.1:{port}/{database}")
}

/// A Redis called `name`. It keeps nothing, so that a restarted one is an empty
/// one, which is the worst case; unless it `persists`, in a folder of its name.
pub(super) fn redis(
    programs: &Programs,
    (name, dir): (&str, &Path),
    guard: &Guard,
    persists: bool,
) -> Result<Node> {
    let mut node = Node::new(name, &programs.redis, dir)?;
    let port = node.port().to_string();
    let home = dir.join(name);
    fs::create_dir_all(&home)?;
    let home = home.display().to_string();
    let keep = if persists { "yes" } else { "no" };
    for argument in ["--port", &port, "--bind", "127.0.0.1", "--save", ""] {
        node.argument(argument);
    }
    for argument in ["--appendonly", keep, "--daemonize", "no", "--dir", &home] {
        node.argument(argument);
    }
    node.start(guard)?;
    Ok(node)
}

/// Mounts a file system in memory for Postgres and for Redis each.
pub(super) fn mount_disks(dir: &Path, megabytes: u32) -> Result<()> {
    for name in ["postgres", "redis"] {
        let disk = dir.join(name);
        fs::create_dir_all(&disk)?;
        mount(&disk, megabytes)?;
    }
    Ok(())
}

/// Mounts a file system in memory, and takes it away again.
pub(super) fn try_mount(dir: &Path) -> Result<()> {
    mount(dir, 1)?;
    run(Command::new("umount").arg(dir))
}

fn mount(dir: &Path, megabytes: u32) -> Result<()> {
    let size = format!("size={megabytes}m");
    run(Command::new("mount")
        .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
        .arg(dir))
    .context("mounting a file system in memory")
}

pub(super) fn migrate(programs: &Programs, dir: &Path, database_url: &str) -> Result<()> {
    run(Command::new(&programs.worker)
        .arg("migrate")
        .env("DATABASE_URL", database_url)
        .current_dir(dir))
}

/// Whether Postgres takes connections: it answers a request for TLS with one
/// byte as soon as it does, and refuses or resets before.
pub(super) async fn accepts(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        // A start-up packet of protocol 3.0 for our user.
        let text = b"user\0confab\0database\0postgres\0\0";
        let length = u32::try_from(text.len() + 8).unwrap_or_default();
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&196_608_u32.to_be_bytes()).await?;
        stream.write_all(text).await?;
        // `R` (authentication) when it serves; `E` while it starts or stops.
        stream.read_u8().await
    };
    matches!(timeout(Duration::from_secs(2), ask).await, Ok(Ok(b'R')))
}

/// Waits until Redis answers.
pub(super) async fn redis_answers(port: u16) -> Result<()> {
    let deadline = Instant::now() + START;
    loop {
        match redis_command(port, "PING").await {
            Ok(answer) if answer.starts_with("+PONG") => return Ok(()),
            Ok(answer) if Instant::now() > deadline => bail!("redis answers {answer}"),
            Err(error) if Instant::now() > deadline => return Err(error),
            _ => sleep(POLL).await,
        }
    }
}

/// Sends one command without spaces in its words, and answers with what came back first.
pub(super) async fn redis_command(port: u16, command: &str) -> Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        let mut answer = vec![0; 4_096];
        let length = stream.read(&mut answer).await?;
        answer.truncate(length);
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(Duration::from_secs(5), ask)
        .await
        .context("redis does not answer")?
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "{} failed:\n{}{}",
            command.get_program().display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn as_owner(mut command: Command, owner: Option<(u32, u32)>) -> Command {
    use std::os::unix::process::CommandExt;
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

/// The user and group `postgres`, when this process is root.
fn owner() -> Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .context("there is no user postgres, and Postgres refuses to run as root")?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => bail!("the user postgres has no numbers"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{cluster::Signal, random::entropy};

    #[tokio::test]
    async fn services_start_die_start_again_and_leave_nothing() {
        let programs = Programs::with(PathBuf::new(), PathBuf::new()).unwrap();
        let dir = std::env::temp_dir().join(format!("confab-{:012x}", entropy() >> 16));
        fs::create_dir(&dir).unwrap();
        let guard = Guard::start(&dir).unwrap();
        let postgres = postgres(&programs, &dir, &guard, Disk::Lax).await.unwrap();
        let redis = redis(&programs, ("redis", &dir), &guard, false).unwrap();
        redis_answers(redis.port()).await.unwrap();
        redis_command(redis.port(), "SET a 1").await.unwrap();

        redis.restart().unwrap();
        redis_answers(redis.port()).await.unwrap();
        let empty = redis_command(redis.port(), "DBSIZE").await.unwrap();
        assert_eq!(empty, ":0\r\n");

        postgres.signal_all(Signal::Stop).unwrap();
        postgres.signal_all(Signal::Continue).unwrap();
        assert!(accepts(postgres.port()).await);
        postgres.signal(Signal::Term).unwrap();
        assert!(postgres.ended(START).await.unwrap().success());

        drop((postgres, redis));
        drop(guard);
        assert!(!dir.exists(), "the guard removes the directory");
    }
}
