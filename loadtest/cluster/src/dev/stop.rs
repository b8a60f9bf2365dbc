//! The end of the cluster, and of its data.

use std::{fs, time::Duration};

use anyhow::{Result, bail};
use cluster::{
    environment::say,
    node::{Signal, send},
};
use tokio::time::{Instant, sleep};

use super::{GATEWAYS, WORKERS, home::Home};

/// How often a process that is to end is looked at.
const POLL: Duration = Duration::from_millis(50);
/// `make up` has ended everything by then.
const DOWN: Duration = Duration::from_mins(3);

/// Gateways first, so that what they still hold finds its workers; the stores last.
pub(crate) async fn stop_all(home: &Home) {
    stop(home, Signal::TERM, 40, &GATEWAYS).await;
    stop(home, Signal::TERM, 10, &["haproxy"]).await;
    stop(home, Signal::TERM, 30, &WORKERS).await;
    stop(home, Signal::TERM, 30, &["redis"]).await;
    // A fast shutdown: clean, without waiting for clients to leave.
    stop(home, Signal::INT, 30, &["postgres"]).await;
    home.forget();
}

/// Signals all of them, then waits until they are gone; after so many seconds they are killed.
async fn stop(home: &Home, signal: Signal, seconds: u64, names: &[&str]) {
    let records = &home.place.records;
    for name in names {
        if let Some(pid) = records.pid(name) {
            say(format_args!("stopping {name}"));
            // One that went meanwhile needs no signal.
            drop(send(signal, pid));
        }
    }
    let mut deadline = Instant::now() + Duration::from_secs(seconds);
    for name in names {
        while let Some(pid) = records.pid(name) {
            if Instant::now() > deadline {
                say(format_args!("{name} did not end in time: killing it"));
                drop(send(Signal::KILL, pid));
                deadline = Instant::now() + Duration::from_secs(5);
            }
            sleep(POLL).await;
        }
        records.remove(name);
    }
}

/// Stops the cluster of this checkout, whichever shell started it.
pub(crate) async fn down(home: &Home) -> Result<()> {
    let records = &home.place.records;
    if let Some(pid) = records.pid("up") {
        say("stopping the cluster");
        send(Signal::TERM, pid)?;
        let deadline = Instant::now() + DOWN;
        while records.pid("up").is_some() && Instant::now() < deadline {
            sleep(POLL).await;
        }
    } else if home.anything_runs() {
        // Its `make up` was killed.
        stop_all(home).await;
    } else {
        say("the cluster is not running");
    }
    records.remove("up");
    if home.anything_runs() {
        bail!("something is still running: see .confab/run");
    }
    Ok(())
}

/// Deletes the data of the cluster.
pub(crate) async fn reset(home: Home, yes: bool) -> Result<()> {
    if home.place.records.pid("up").is_some() || home.anything_runs() {
        if !yes {
            bail!(
                "the cluster is running, and reset deletes all of its messages, its logs, ports and key. \
                 Run `make down` first, or `make reset YES=1` to do both."
            );
        }
        down(&home).await?;
    }
    for name in ["postgres", "redis", "haproxy"] {
        let folder = home.place.data.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
            say(format_args!("deleted {}", folder.display()));
        }
    }
    if home.place.data != home.state {
        fs::remove_dir(&home.place.data)?;
    }
    for name in ["run", "logs"] {
        fs::remove_dir_all(home.state.join(name))?;
    }
    say("deleted what was noted of its processes, and their logs");
    for name in ["ports", "cluster-key"] {
        // One that was never made is deleted, too.
        drop(fs::remove_file(home.state.join(name)));
    }
    say("deleted its ports and the key of the cluster: both are chosen anew");
    say("the next `make up` starts with an empty database");
    say("what DATABASE_URL and REDIS_URL name, if you set them, is not touched");
    Ok(())
}
