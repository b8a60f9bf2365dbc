//! Redis with a replica, and three Sentinels that agree on who leads.

use std::{fs, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout};

use super::network::{self, Host};
use crate::{
    node::Node,
    place::Place,
    programs::redis_server,
    services::{POLL, START, redis_command, redis_commands},
    user::{User, give_to, own_folder},
};

const REDIS: &str = include_str!("../../../../deploy/redis/redis.conf");
const SENTINEL: &str = include_str!("../../../../deploy/redis/sentinel.conf");
const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// In place of those that the examples leave open.
const PASSWORD: &str = "of-a-redis-that-nobody-else-reaches";
const SENTINEL_PASSWORD: &str = "of-sentinels-that-nobody-else-reaches";
/// Who does not answer so soon does not run.
const PATIENCE: Duration = Duration::from_secs(1);
/// Hosts with a copy; each host has a Sentinel.
const COPIES: usize = 2;
const HOSTS: u8 = 3;

/// Starts all of it, and waits until every Sentinel knows of the others and of the replica.
pub(super) async fn start(place: &Place) -> Result<(Vec<Host>, String)> {
    let mut hosts = network::hosts(place, "redis", HOSTS).await?;
    let first = hosts.first().context("no host")?.address();
    for (number, host) in hosts.iter_mut().enumerate() {
        if number < COPIES {
            let mut config = REDIS.to_owned();
            if number > 0 {
                config = format!("{config}replicaof {first} {REDIS_PORT}\n");
            }
            add_service(place, host, "redis", &config, first)?;
        }
        add_service(place, host, "sentinel", SENTINEL, first)?;
        host.start()?;
    }
    let deadline = Instant::now() + START;
    while !is_whole(&hosts).await {
        if Instant::now() > deadline {
            let logs: String = hosts
                .iter()
                .flat_map(|host| &host.services)
                .map(Node::tail)
                .collect();
            bail!("the Sentinels do not find each other\n{logs}");
        }
        sleep(POLL).await;
    }
    let sentinels: Vec<String> = hosts.iter().map(|host| host.at(SENTINEL_PORT)).collect();
    let url = format!(
        "redis-sentinel://:{PASSWORD}@{}&sentinelServiceName=confab&sentinelPassword={SENTINEL_PASSWORD}",
        sentinels.join("&node=").replacen('&', "?", 1)
    );
    Ok((hosts, url))
}

/// A server with this configuration, which a Sentinel writes to.
fn add_service(
    place: &Place,
    host: &mut Host,
    name: &str,
    config: &str,
    leader: Ipv4Addr,
) -> Result<()> {
    let user = User::of_server("redis")?;
    let home = place.data.join(format!("{name}-{}", host.name()));
    own_folder(&home, user)?;
    let file = home.join("conf");
    let config = config
        .replace("ADDRESS", &host.address().to_string())
        .replace("LEADER", &leader.to_string())
        .replace("SENTINEL_PASSWORD", SENTINEL_PASSWORD)
        .replace("REDIS_PASSWORD", PASSWORD)
        .replace("/var/lib/redis", &home.display().to_string());
    fs::write(&file, config)?;
    give_to(user, &file)?;
    let mut node = host.node(name, &redis_server()?, place);
    node.run_as(user).set("LC_ALL", "C.UTF-8");
    node.arguments([file.display().to_string().as_str()]);
    if name == "sentinel" {
        node.arguments(["--sentinel"]);
    }
    host.services.push(node);
    Ok(())
}

/// The host that most of the Sentinels take for the leader's.
pub(super) async fn leader(hosts: &[Host]) -> Result<Option<&Host>> {
    let mut named = Vec::new();
    for host in hosts {
        named.extend(leader_by(host).await);
    }
    let most = |host: &&Host| {
        let address = host.address().to_string();
        named.iter().filter(|name| **name == address).count() * 2 > hosts.len()
    };
    Ok(hosts.iter().find(most))
}

/// The address that this host's Sentinel names.
async fn leader_by(host: &Host) -> Option<String> {
    let answer = ask(host, "SENTINEL GET-MASTER-ADDR-BY-NAME confab")
        .await
        .ok()?;
    Some(answer.lines().nth(2)?.to_owned())
}

/// Whether every Sentinel knows all others, and one leader with a replica that follows it.
pub(super) async fn is_whole(hosts: &[Host]) -> bool {
    for host in hosts {
        let Ok(state) = ask(host, "SENTINEL MASTER confab").await else {
            return false;
        };
        let replicas = ask(host, "SENTINEL REPLICAS confab")
            .await
            .unwrap_or_default();
        let has = |name, value| field(&state, name) == Some(value);
        let follows = field(&replicas, "flags") == Some("slave")
            && field(&replicas, "master-link-status") == Some("ok");
        if !has("flags", "master")
            || !has("num-other-sentinels", "2")
            || !has("num-slaves", "1")
            || !follows
        {
            return false;
        }
    }
    matches!(leader(hosts).await, Ok(Some(_)))
}

/// The value behind a name in an answer of names and values.
fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines();
    lines.find(|line| *line == name)?;
    lines.nth(1)
}

pub(super) async fn switch_over(hosts: &[Host]) -> Result<()> {
    let host = hosts.last().context("no host")?;
    let answer = ask(host, "SENTINEL FAILOVER confab").await?;
    if !answer.starts_with("+OK") {
        bail!("the Sentinel answers {answer}");
    }
    Ok(())
}

/// What a Sentinel or a Redis does for somebody who does not say its password.
pub(super) async fn orders_of_strangers(hosts: &[Host]) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for (number, host) in hosts.iter().enumerate() {
        let mut orders = vec![(SENTINEL_PORT, "SENTINEL FAILOVER confab")];
        if number < COPIES {
            orders.push((REDIS_PORT, "FLUSHALL"));
        }
        for (port, order) in orders {
            let answer = redis_command(&host.at(port), order).await?;
            if !answer.starts_with("-NOAUTH ") {
                done.push(format!("{order} at {}: {answer}", host.name()));
            }
        }
    }
    Ok(done)
}

async fn ask(host: &Host, command: &str) -> Result<String> {
    let address = host.at(SENTINEL_PORT);
    let login = format!("AUTH {SENTINEL_PASSWORD}");
    timeout(PATIENCE, redis_commands(&address, &[&login, command]))
        .await
        .context("no answer in time")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_name() {
        let answer = "*4\r\n$5\r\nflags\r\n$6\r\nmaster\r\n$10\r\nnum-slaves\r\n$1\r\n1\r\n";
        assert_eq!(field(answer, "flags"), Some("master"));
        assert_eq!(field(answer, "num-slaves"), Some("1"));
        assert_eq!(field(answer, "quorum"), None);
    }
}
