//! The start of the cluster, and its watch.

use std::{
    convert::Infallible,
    fmt::Write as _,
    fs::{self, File},
    io::{IsTerminal, Read, stderr},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{self, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, builder::FalseyValueParser};
use cluster::{
    Cluster, Disk, Settings,
    environment::{say, variable},
    http,
    services::{START, secret, write_private},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use super::{GATEWAYS, WORKERS, home::Home, stop::stop_all};

/// How often the processes are looked at while they run.
const WATCH: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Options {
    /// Comes back when the cluster is ready, and leaves it running.
    #[arg(long, env = "DETACH", value_parser = FalseyValueParser::new())]
    detach: bool,
    /// The HAProxy to put before the gateways; none without one.
    #[arg(long, env = "CONFAB_HAPROXY")]
    haproxy: Option<PathBuf>,
    /// The address that the gateways listen on, or HAProxy before them.
    #[arg(long, env = "CONFAB_HOST", default_value = "127.0.0.1")]
    host: String,
    /// A database to use instead of a private one.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A Redis to use instead of a private one.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
}

pub(crate) async fn run(home: &Home, options: &Options) -> Result<ExitCode> {
    let records = &home.place.records;
    if let Some(pid) = records.pid("up") {
        if !home.is_ready() {
            bail!("another `make up` is starting the cluster (process {pid})");
        }
        let addresses = fs::read_to_string(home.running("addresses"))?;
        say(format_args!("already running:\n\n{addresses}"));
        for name in GATEWAYS.into_iter().chain(WORKERS) {
            if records.pid(name).is_none() {
                say(format_args!(
                    "{name} is not running (`make down` and `make up` start it again)"
                ));
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    home.forget();
    if options.detach {
        return detach(home).await;
    }
    records.write("up", process::id())?;
    let ended = tokio::select! {
        ended = start_and_watch(home, options) => ended.map(|never| match never {}),
        status = interrupted() => status,
    };
    // Stopped from outside after it was up: that is how it is meant to end.
    let ready = home.is_ready();
    if home.anything_runs() {
        say("");
    }
    stop_all(home).await;
    records.remove("up");
    let status = ended?;
    say("stopped; the data stays in .confab (`make reset` deletes it)");
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(status)
    })
}

/// Waits for a signal that ends us; answers with the status that a shell gives for it.
async fn interrupted() -> Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
        _ = hangup.recv() => 129,
    })
}

async fn start_and_watch(home: &Home, options: &Options) -> Result<Infallible> {
    if home.anything_runs() {
        say("cleaning up after a cluster that was not stopped properly");
        stop_all(home).await;
    }
    let private = options.redis_url.is_none() || options.database_url.is_none();
    if private && home.place.data != home.state {
        let folder = home.place.data.display();
        say(format_args!(
            "the servers' users cannot reach this checkout: their data are in {folder}"
        ));
    }
    let settings = Settings {
        gateways: GATEWAYS.len(),
        workers: WORKERS.len(),
        disk: Disk::Kept,
        haproxy: options.haproxy.clone(),
        host: options.host.clone(),
        database_url: options.database_url.clone(),
        redis_url: options.redis_url.clone(),
        environment: key_of_cluster(home)?,
        ..Settings::default()
    };
    let cluster = Cluster::start_in(home.place.clone(), &settings).await?;
    cluster.ready(START).await?;

    let host = match options.host.as_str() {
        "0.0.0.0" | "[::]" => "127.0.0.1",
        host => host,
    };
    let beyond = match cluster.balancer {
        Some(_) => "127.0.0.1",
        None => host,
    };
    let gateways: Vec<String> = cluster
        .gateways
        .iter()
        .map(|gateway| format!("{beyond}:{}", gateway.port()))
        .collect();
    let balancer = cluster.balancer.as_ref();
    let balancer = balancer.map(|balancer| format!("{host}:{}", balancer.port()));
    let front = balancer.as_ref();
    let front = front.map(|balancer| format!("{:11}http://{balancer}\n", "haproxy"));
    let addresses = front.unwrap_or_default() + &addresses(&cluster, &gateways, options)?;
    write_private(&home.running("addresses"), &addresses)?;
    let variables = [
        ("DATABASE_URL", cluster.database_url().to_owned()),
        ("REDIS_URL", cluster.redis_url().to_owned()),
        (
            "CONFAB_GATEWAYS",
            format!("ws://{}", gateways.join(",ws://")),
        ),
    ];
    // For a shell that means this cluster. The address of the database holds its password.
    let lines = variables
        .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''")));
    write_private(&home.running("env"), &lines.concat())?;
    say(format_args!("the cluster is up:\n\n{addresses}"));
    let first = gateways.first().map_or("", String::as_str);
    let first = balancer.as_deref().unwrap_or(first);
    if http::get(first, "/")
        .await
        .is_ok_and(|page| page.status == 200)
    {
        say(format_args!("open http://{first} in a browser"));
        if balancer.is_none() {
            say(
                "without HAProxy before the gateways, a browser is cut off while its gateway is gone",
            );
        }
    } else {
        say("the gateways have no page: gateway/web/README.md says what building it takes");
    }
    say(format_args!(
        "`make chat` talks to it; so does curl http://{first}/api/v1/commands/ping -d '{{}}'"
    ));
    if stderr().is_terminal() {
        say("Ctrl-C stops it.");
    }
    fs::write(home.running("ready"), "")?;
    watch(&cluster).await
}

/// Where the key is, which is made once and kept with the data; nothing, if a variable says it.
fn key_of_cluster(home: &Home) -> Result<Vec<(&'static str, String)>> {
    let said = ["CONFAB_CLUSTER_KEY", "CONFAB_CLUSTER_KEY_FILE"].map(variable);
    if said.iter().flatten().any(|value| !value.is_empty()) {
        return Ok(Vec::new());
    }
    let key = home.state.join("cluster-key");
    if fs::metadata(&key).map_or(0, |found| found.len()) == 0 {
        write_private(&key, &secret()?)?;
    }
    Ok(vec![("CONFAB_CLUSTER_KEY_FILE", key.display().to_string())])
}

/// What a person has to know.
fn addresses(cluster: &Cluster, gateways: &[String], options: &Options) -> Result<String> {
    let mut text = String::new();
    let ops = "metrics and health on http://127.0.0.1";
    for (node, address) in cluster.gateways.iter().zip(gateways) {
        writeln!(
            text,
            "{}  http://{address}    {ops}:{}",
            node.name(),
            node.ops_port()
        )?;
    }
    for node in &cluster.workers {
        writeln!(text, "{:36}{ops}:{}", node.name(), node.ops_port())?;
    }
    let services = [
        (&cluster.redis, &options.redis_url, "REDIS_URL"),
        (&cluster.postgres, &options.database_url, "DATABASE_URL"),
    ];
    for (node, elsewhere, variable) in services {
        match elsewhere {
            Some(_) => writeln!(text, "{:11}as {variable} says", node.name())?,
            None => writeln!(text, "{:11}127.0.0.1:{}", node.name(), node.port())?,
        }
    }
    write!(text, "logs       .confab/logs")?;
    Ok(text)
}

/// Says when a process ends by itself, once. The others stay up: losing one is what a cluster
/// is for.
async fn watch(cluster: &Cluster) -> Result<Infallible> {
    let mut gone = Vec::new();
    loop {
        for node in cluster.nodes() {
            // What somebody else runs never did.
            if node.ended_by_itself()? && !gone.contains(&node.name()) {
                gone.push(node.name());
                say(node.tail().trim_end());
                say(format_args!(
                    "{} ended by itself; the rest stays up (`make down` and `make up` start it again)",
                    node.name()
                ));
            }
        }
        sleep(WATCH).await;
    }
}

/// Starts it in the background and comes back when it is ready, showing what it says meanwhile.
async fn detach(home: &Home) -> Result<ExitCode> {
    let path = home.place.logs.join("up.log");
    let log = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let mut child = process::Command::new(std::env::current_exe()?)
        .arg("up")
        .env_remove("DETACH")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let mut said = File::open(&path)?;
    loop {
        let ended = child.try_wait()?.is_some();
        let ready = home.is_ready();
        let mut text = String::new();
        said.read_to_string(&mut text)?;
        if !text.is_empty() {
            say(text.trim_end_matches('\n'));
        }
        if ended {
            bail!("the cluster did not start; what it said is in .confab/logs/up.log");
        }
        if ready {
            say("`make down` stops it.");
            return Ok(ExitCode::SUCCESS);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
