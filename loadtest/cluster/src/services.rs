//! Postgres and Redis, private and fast to start.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Client, NoTls};

use crate::{
    backup::Backup,
    command::run,
    http,
    node::Node,
    place::Place,
    programs::{our_program, postgres_folder, redis_server},
    settings::{Disk, KEY},
    user::{User, give_to, own_folder, run_as},
};

/// A process is ready within this time or it never will be: debug binaries on
/// two busy cores need a few seconds.
pub const START: Duration = Duration::from_mins(1);
/// How often readiness is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// Of every Postgres that is thrown away: it is killed, so nothing of it may lie elsewhere. Else
/// each leaves segments in `/dev/shm`.
const IN_FOLDER: &str = "dynamic_shared_memory_type=mmap";
/// Of every Postgres. TCP only: a socket's path has a length limit that a deep folder would hit.
const POSTGRES: [&str; 2] = ["listen_addresses=127.0.0.1", "unix_socket_directories="];
const LAX: [&str; 5] = [
    IN_FOLDER,
    "shared_buffers=64MB",
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
];
/// A server that has run for a while recycles the files of its log; a new one
/// writes each of them first, which holds every commit up for some 40 ms.
const DURABLE: [&str; 4] = [
    IN_FOLDER,
    "shared_buffers=64MB",
    "max_connections=200",
    "min_wal_size=1GB",
];
/// With a small write-ahead log.
const SMALL: [&str; 7] = [
    IN_FOLDER,
    "shared_buffers=64MB",
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
    "min_wal_size=8MB",
    "max_wal_size=32MB",
];
/// A COMMIT is what "stored" means: nothing here weakens it. A client that vanished is noticed
/// within about 20 s, so that the advisory locks of a dead worker's lanes come free. Pooled
/// connections are idle by nature, so nobody's session ends for that; lanes set short limits of
/// their own on their own connections.
const KEPT: [&str; 11] = [
    "shared_buffers=256MB",
    "max_connections=100",
    "tcp_keepalives_idle=5",
    "tcp_keepalives_interval=5",
    "tcp_keepalives_count=3",
    "tcp_user_timeout=20s",
    "client_connection_check_interval=5s",
    "idle_session_timeout=0",
    "idle_in_transaction_session_timeout=60s",
    "log_line_prefix=%m [%p] %a ",
    "log_lock_waits=on",
];
/// Files of the log, 16 MB each, that are made before anything is measured.
const WAL_FILES: usize = 56;

/// A Redis that keeps nothing, so that a restarted one is an empty one, which is the worst case.
pub(crate) const REDIS_FORGETS: [&str; 2] = ["--appendonly", "no"];
/// A Redis that keeps what it has in a file.
pub(crate) const REDIS_KEEPS: [&str; 2] = ["--appendonly", "yes"];
/// A Redis of `make up`. It may lose everything without losing an acknowledged message: its file
/// only makes a restart gentler. A gateway that reads events too slowly is cut off before it
/// fills the memory; it reconnects and repairs itself.
pub(crate) const REDIS_OF_MAKE_UP: [&str; 7] = [
    "--appendonly",
    "yes",
    "--client-output-buffer-limit",
    "pubsub",
    "256mb",
    "64mb",
    "60",
];

impl Disk {
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Lax => &LAX,
            Self::Durable => &DURABLE,
            Self::Small(_) => &SMALL,
            Self::Kept => &KEPT,
        }
    }

    const fn initdb(self) -> &'static [&'static str] {
        match self {
            Self::Lax | Self::Durable => &["--auth=trust", "--no-sync"],
            Self::Small(_) => &["--auth=trust", "--no-sync", "--wal-segsize=1"],
            Self::Kept => &[
                "--auth=scram-sha-256",
                "--pwfile=password",
                "--data-checksums",
            ],
        }
    }
}

/// Starts a Postgres, and makes its data and the database `confab` first if need be. The second
/// is the URL of that.
pub(crate) async fn postgres(
    place: &Place,
    disk: Disk,
    backed_up: bool,
) -> Result<(Node, String, Option<Backup>)> {
    let user = User::of_server("postgres")?;
    let home = place.data.join("postgres");
    own_folder(&home, user)?;
    let made = fs::read_to_string(home.join("data/PG_VERSION")).ok();
    let programs = postgres_folder(made.as_deref().map(str::trim))?;
    let settings: Vec<&str> = POSTGRES
        .iter()
        .chain(disk.settings())
        .flat_map(|setting| ["-c", setting])
        .collect();
    if made.is_none() {
        place.tell("making a database");
        make_database(&programs, &home, user, disk, &settings).await?;
    }
    let login = match disk {
        Disk::Kept => format!("confab:{}", fs::read_to_string(home.join("password"))?),
        _ => "confab".to_owned(),
    };
    let port = place.ports.choose("POSTGRES_PORT", 15432)?;
    let mut node = Node::new("postgres", &programs.join("postgres"), place, (port, port));
    node.run_as(user)
        .set("LC_ALL", "C.UTF-8")
        .arguments(["-D", &home.join("data").display().to_string()])
        .arguments(["-p", &port.to_string()])
        .arguments(settings);
    let backup = backed_up.then(|| Backup::new(place, port)).transpose()?;
    if let Some(backup) = &backup {
        backup.apply(&mut node);
    }
    node.start()?;
    let url = format!("postgres://{login}@127.0.0.1:{port}/confab");
    postgres_ready(&node, &url).await?;
    if let Some(backup) = &backup {
        backup.tell(&["stanza-create"]).await?;
    }
    Ok((node, url, backup))
}

/// Waits until Postgres takes connections. Nobody who took its port is told the password: it
/// says itself, in its own folder, that it is ready.
pub(crate) async fn postgres_ready(node: &Node, database_url: &str) -> Result<()> {
    let deadline = Instant::now() + START;
    while !says_ready(node) || tokio_postgres::connect(database_url, NoTls).await.is_err() {
        if !node.runs() || Instant::now() > deadline {
            bail!("postgres does not start\n{}", node.tail());
        }
        sleep(POLL).await;
    }
    Ok(())
}

fn says_ready(node: &Node) -> bool {
    let told = fs::read_to_string(node.data().join("postgres/data/postmaster.pid"));
    let told = told.unwrap_or_default();
    let pid = told.lines().next().and_then(|line| line.parse().ok());
    let status = told.lines().nth(7).unwrap_or_default();
    pid.is_some() && pid == node.pid() && status.starts_with("ready")
}

/// Makes the data. It gets its name last: an interrupted start leaves nothing that looks finished.
async fn make_database(
    programs: &Path,
    home: &Path,
    user: Option<User>,
    disk: Disk,
    settings: &[&str],
) -> Result<()> {
    for half in ["new", "data"] {
        let half = home.join(half);
        if half.exists() {
            fs::remove_dir_all(half)?;
        }
    }
    if disk == Disk::Kept {
        let password = home.join("password");
        write_private(&password, &secret()?)?;
        give_to(user, &password)?;
    }
    let mut initdb = std::process::Command::new(programs.join("initdb"));
    run_as(&mut initdb, user);
    initdb
        .args(["-D", "new", "-U", "confab", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--no-instructions"])
        .args(disk.initdb())
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home);
    run(initdb, "").await?;
    // In single-user mode no client is needed to make the database.
    let mut single = std::process::Command::new(programs.join("postgres"));
    run_as(&mut single, user);
    single
        .args(["--single", "-D", "new"])
        .args(settings)
        .arg("postgres")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home);
    run(single, "CREATE DATABASE confab\n").await?;
    fs::rename(home.join("new"), home.join("data")).context("naming the data")
}

/// 256 random bits in hexadecimal.
pub fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("asking the system for randomness")?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}

/// Writes a file that only its owner reads.
pub fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let opened = options.create(true).write(true).truncate(true).mode(0o600);
    Ok(opened.open(file)?.write_all(text.as_bytes())?)
}

/// Makes the write-ahead log what it is on a server that has run for a while.
pub(crate) async fn break_in(database_url: &str) -> Result<()> {
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
pub(crate) async fn sql<T>(
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

/// Starts a Redis called `name`, in a folder of its name.
pub(crate) async fn redis(place: &Place, name: &str, options: &[&str]) -> Result<Node> {
    let user = User::of_server("redis")?;
    let home = place.data.join(name);
    own_folder(&home, user)?;
    let port = place.ports.choose("REDIS_PORT", 16379)?;
    let mut node = Node::new(name, &redis_server()?, place, (port, port));
    node.run_as(user)
        .set("LC_ALL", "C.UTF-8")
        .arguments(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .arguments(["--save", "", "--daemonize", "no"])
        .arguments(["--dir", &home.display().to_string()])
        .arguments(options.iter().copied())
        .start()?;
    redis_ready(&node).await?;
    Ok(node)
}

/// Mounts a file system in memory for Postgres and for Redis each.
pub(crate) async fn mount_disks(dir: &Path, megabytes: u32) -> Result<()> {
    for name in ["postgres", "redis"] {
        let disk = dir.join(name);
        fs::create_dir_all(&disk)?;
        mount(&disk, megabytes, User::of_server(name)?).await?;
    }
    Ok(())
}

/// Mounts a file system in memory, and takes it away again.
pub(crate) async fn try_mount(dir: &Path) -> Result<()> {
    mount(dir, 1, None).await?;
    let mut umount = std::process::Command::new("umount");
    umount.arg(dir);
    run(umount, "").await
}

async fn mount(dir: &Path, megabytes: u32, owner: Option<User>) -> Result<()> {
    let User { uid, gid } = owner.unwrap_or(User { uid: 0, gid: 0 });
    let options = format!("size={megabytes}m,mode=700,uid={uid},gid={gid}");
    let mut mount = std::process::Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
        .arg(dir);
    let mounted = run(mount, "").await;
    mounted.context("mounting a file system in memory")
}

/// Brings a database up to date.
pub(crate) async fn migrate(database_url: &str) -> Result<()> {
    operate(database_url, &["migrate"]).await
}

/// Runs `worker` with these words, which does something in a database and ends; fails as it does.
pub(crate) async fn operate(database_url: &str, words: &[&str]) -> Result<()> {
    let mut worker = std::process::Command::new(our_program("worker")?);
    worker.args(words).env("DATABASE_URL", database_url);
    run(worker, "").await
}

/// The same with a Redis and the key of the cluster, and with what somebody types.
pub(crate) async fn administer(
    (database_url, redis_url): (&str, &str),
    words: &[&str],
    typed: &str,
) -> Result<()> {
    let mut worker = std::process::Command::new(our_program("worker")?);
    worker.arg("admin").args(words);
    worker.env("DATABASE_URL", database_url);
    worker.env("REDIS_URL", redis_url);
    worker.env("CONFAB_CLUSTER_KEY", KEY);
    run(worker, typed).await
}

/// Waits until a worker or gateway says that it is ready.
pub async fn node_ready(node: &Node, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !node.listens(node.ops_port()) || !node_is_ready(node).await {
        if !node.runs() {
            bail!("{} ended before it was ready\n{}", node.name(), node.tail());
        }
        if Instant::now() > deadline {
            bail!("{} does not get ready\n{}", node.name(), node.tail());
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// Whether a worker or gateway says that it is ready.
pub async fn node_is_ready(node: &Node) -> bool {
    let answer = http::get(&format!("127.0.0.1:{}", node.ops_port()), "/readyz").await;
    answer.is_ok_and(|answer| answer.status == 200)
}

/// Waits until Redis answers.
pub(crate) async fn redis_ready(node: &Node) -> Result<()> {
    let deadline = Instant::now() + START;
    loop {
        let answer = redis_command(&node.loopback(), "PING").await;
        if matches!(&answer, Ok(answer) if answer.starts_with("+PONG")) {
            return Ok(());
        }
        if !node.runs() || Instant::now() > deadline {
            bail!(
                "{} does not start: {answer:?}\n{}",
                node.name(),
                node.tail()
            );
        }
        sleep(POLL).await;
    }
}

/// Sends one command without spaces in its words, and answers with what came back first.
pub(crate) async fn redis_command(address: &str, command: &str) -> Result<String> {
    redis_commands(address, &[command]).await
}

/// The same with several over one connection, each once the one before is answered. The answer is that to the last one.
pub(crate) async fn redis_commands(address: &str, commands: &[&str]) -> Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let mut answer = Vec::new();
        for command in commands {
            let line = format!("{command}\r\n");
            stream.write_all(line.as_bytes()).await?;
            answer.resize(4_096, 0);
            let length = stream.read(&mut answer).await?;
            answer.truncate(length);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(Duration::from_secs(5), ask)
        .await
        .context("redis does not answer")?
}
