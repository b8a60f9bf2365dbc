//! Postgres with a standby, led by Patroni, behind an HAProxy that finds the leader.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use super::network::{self, HERE, Host};
use crate::{
    command::run,
    http,
    node::Node,
    place::Place,
    programs::{etcd, haproxy, patroni, postgres_folder},
    services::{POLL, START, sql},
    settings::Standby,
    user::{User, give_to, own_folder},
};

const CLOSE_ETCD: &str = include_str!("../../../../deploy/patroni/close-etcd");
const PATRONI: &str = include_str!("../../../../deploy/patroni/patroni.yml");
const HAPROXY: &str = include_str!("../../../../deploy/patroni/haproxy.cfg");
const HOSTS: u8 = 2;
const POSTGRES_PORT: u16 = 5432;
const PATRONI_PORT: u16 = 8008;
/// Of the superuser and of Confab's role; the others have one of their own.
const PASSWORD: &str = "of-a-postgres-that-nobody-else-reaches";
const REPLICATION_PASSWORD: &str = "of-a-standby-that-nobody-else-reaches";
const ETCD_ROOT_PASSWORD: &str = "of-an-etcd-that-nobody-else-reaches";
const ETCD_PASSWORD: &str = "of-what-patroni-keeps-there";
/// Who gives orders to Patroni.
const OPERATOR: (&str, &str) = ("operator", "of-a-patroni-that-nobody-else-reaches");
/// Who does not answer so soon does not run.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts all of it, with an empty database.
pub(super) async fn start(
    place: &Place,
    standby: Standby,
) -> Result<(Vec<Host>, Vec<Node>, String)> {
    let mut hosts = network::hosts(place, "pg", HOSTS).await?;
    let etcd = start_etcd(place)?;
    close_etcd(&etcd).await?;
    let config = match standby {
        Standby::Synchronous => PATRONI.to_owned(),
        Standby::Asynchronous => {
            PATRONI.replace("synchronous_mode: true", "synchronous_mode: false")
        }
    };
    for host in &mut hosts {
        add_patroni(place, host, &config, etcd.port())?;
        host.start()?;
    }
    let (balancer, port) = start_haproxy(place, &hosts)?;
    let beside = vec![etcd, balancer];
    let superuser = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres");
    make_database(&superuser).await?;
    let deadline = Instant::now() + START * 2;
    while !is_whole(&hosts, standby).await {
        if Instant::now() > deadline {
            let nodes = hosts.iter().flat_map(|host| &host.services).chain(&beside);
            let logs: String = nodes.map(Node::tail).collect();
            bail!("the standby does not follow\n{logs}");
        }
        sleep(POLL * 10).await;
    }
    let url = format!("postgres://confab:{PASSWORD}@127.0.0.1:{port}/confab");
    Ok((hosts, beside, url))
}

fn start_etcd(place: &Place) -> Result<Node> {
    let user = User::of_server("etcd")?;
    let home = place.data.join("etcd");
    own_folder(&home, user)?;
    let (port, peers) = (
        place.ports.choose("ETCD_PORT", 2379)?,
        place.ports.choose("ETCD_PEER_PORT", 2380)?,
    );
    let (here, itself) = (
        format!("http://{HERE}:{port}"),
        format!("http://127.0.0.1:{peers}"),
    );
    let mut node = Node::new("etcd", &etcd()?, place, (port, port));
    node.run_as(user)
        .arguments(["--data-dir", &home.join("data").display().to_string()])
        .arguments([
            "--listen-client-urls",
            &here,
            "--advertise-client-urls",
            &here,
        ])
        .arguments([
            "--listen-peer-urls",
            &itself,
            "--initial-advertise-peer-urls",
            &itself,
        ])
        .arguments(["--initial-cluster", &format!("default={itself}")])
        // Over its newer interface Patroni 3.0 takes the lock back from who leads by now, after standing still.
        .arguments(["--enable-v2", "--unsafe-no-fsync"])
        .start()?;
    Ok(node)
}

/// Gives it users with passwords, as an operator does.
async fn close_etcd(etcd: &Node) -> Result<()> {
    let deadline = Instant::now() + START;
    let address = format!("{HERE}:{}", etcd.port());
    while !matches!(
        http::status(&address, ("GET", "/health"), None, "").await,
        Ok(200)
    ) {
        if !etcd.runs() || Instant::now() > deadline {
            bail!("etcd does not start\n{}", etcd.tail());
        }
        sleep(POLL).await;
    }
    let close = async |password: &str| {
        let mut script = Command::new("bash");
        script.args(["-s", "--", &format!("http://{address}")]);
        script.env("ETCD_ROOT_PASSWORD", ETCD_ROOT_PASSWORD);
        script.env("PATRONI_ETCD_PASSWORD", password);
        run(script, CLOSE_ETCD).await
    };
    close(ETCD_PASSWORD).await?;
    close(ETCD_PASSWORD)
        .await
        .context("it does harm to run it again")?;
    if close("another").await.is_ok() {
        bail!("nobody is told that etcd was closed with another password");
    }
    Ok(())
}

fn add_patroni(place: &Place, host: &mut Host, config: &str, etcd: u16) -> Result<()> {
    let user = User::of_server("postgres")?;
    let home = place.data.join(host.name());
    own_folder(&home, user)?;
    let file = home.join("patroni.yml");
    fs::write(&file, config)?;
    give_to(user, &file)?;
    let (postgres, rest) = (host.at(POSTGRES_PORT), host.at(PATRONI_PORT));
    let mut node = host.node("patroni", &patroni()?, place);
    node.run_as(user)
        .set("LC_ALL", "C.UTF-8")
        .set("PATRONI_NAME", host.name())
        .set("PATRONI_ETCD_HOST", &format!("{HERE}:{etcd}"))
        .set("PATRONI_ETCD_USERNAME", "patroni")
        .set("PATRONI_ETCD_PASSWORD", ETCD_PASSWORD)
        .set("PATRONI_RESTAPI_LISTEN", &rest)
        .set("PATRONI_RESTAPI_CONNECT_ADDRESS", &rest)
        .set("PATRONI_RESTAPI_USERNAME", OPERATOR.0)
        .set("PATRONI_RESTAPI_PASSWORD", OPERATOR.1)
        .set("PATRONI_POSTGRESQL_LISTEN", &postgres)
        .set("PATRONI_POSTGRESQL_CONNECT_ADDRESS", &postgres)
        .set(
            "PATRONI_POSTGRESQL_DATA_DIR",
            &home.join("data").display().to_string(),
        )
        .set(
            "PATRONI_POSTGRESQL_BIN_DIR",
            &postgres_folder(None)?.display().to_string(),
        )
        .set(
            "PATRONI_POSTGRESQL_PGPASS",
            &home.join("pgpass").display().to_string(),
        )
        .set("PATRONI_SUPERUSER_USERNAME", "postgres")
        .set("PATRONI_SUPERUSER_PASSWORD", PASSWORD)
        .set("PATRONI_REPLICATION_USERNAME", "replicator")
        .set("PATRONI_REPLICATION_PASSWORD", REPLICATION_PASSWORD)
        .arguments([file.display().to_string().as_str()]);
    host.services.push(node);
    Ok(())
}

fn start_haproxy(place: &Place, hosts: &[Host]) -> Result<(Node, u16)> {
    let user = User::of_server("haproxy")?;
    let home = place.data.join("haproxy-postgres");
    own_folder(&home, user)?;
    let file = home.join("haproxy.cfg");
    let mut config = HAPROXY.to_owned();
    for host in hosts {
        config = config.replace(
            &format!("{}.example", host.name()),
            &host.address().to_string(),
        );
    }
    fs::write(&file, config)?;
    let port = place.ports.choose("POSTGRES_PORT", 15432)?;
    let mut node = Node::new("haproxy-postgres", &haproxy()?, place, (port, port));
    node.run_as(user)
        .set("LISTEN", &format!("127.0.0.1:{port}"))
        .arguments(["-db", "-f", &file.display().to_string()])
        .start()?;
    Ok((node, port))
}

/// The role and the database of Confab, once somebody leads.
async fn make_database(superuser: &str) -> Result<()> {
    let deadline = Instant::now() + START;
    while let Err(error) = tokio_postgres::connect(superuser, NoTls).await {
        if Instant::now() > deadline {
            return Err(error).context("no leader of Postgres");
        }
        sleep(POLL).await;
    }
    let role = format!("CREATE ROLE confab LOGIN PASSWORD '{PASSWORD}'");
    sql(superuser, async |client| {
        client.batch_execute(&role).await?;
        client
            .batch_execute("CREATE DATABASE confab OWNER confab")
            .await
    })
    .await
    .context("making the database")
}

/// The host whose Patroni says that it leads.
pub(super) async fn leader(hosts: &[Host]) -> Result<Option<&Host>> {
    for host in hosts {
        if says(host, "/primary").await {
            return Ok(Some(host));
        }
    }
    Ok(None)
}

/// Whether there is a leader, and the other host's Postgres has what it has.
pub(super) async fn is_whole(hosts: &[Host], standby: Standby) -> bool {
    let follows = match standby {
        Standby::Synchronous => "/synchronous",
        Standby::Asynchronous => "/replica?lag=0",
    };
    let (mut leading, mut following) = (0, 0);
    for host in hosts {
        leading += usize::from(says(host, "/primary").await);
        following += usize::from(says(host, follows).await);
    }
    leading == 1 && following == hosts.len() - 1
}

pub(super) async fn switch_over(hosts: &[Host]) -> Result<()> {
    let status = order_switchover(hosts, Some(OPERATOR)).await?;
    if status != 200 {
        bail!("Patroni answers {status}");
    }
    Ok(())
}

/// What the Patroni that leads answers to this order of somebody.
async fn order_switchover(hosts: &[Host], login: Option<(&str, &str)>) -> Result<u16> {
    let from = leader(hosts).await?.context("nobody leads")?;
    let to = hosts
        .iter()
        .find(|host| host.name() != from.name())
        .context("no other host")?;
    let body = format!(
        r#"{{"leader":"{}","candidate":"{}"}}"#,
        from.name(),
        to.name()
    );
    let address = from.at(PATRONI_PORT);
    http::status(&address, ("POST", "/switchover"), login, &body).await
}

/// What Patroni, etcd or Postgres do for somebody who does not say their password.
pub(super) async fn orders_of_strangers(hosts: &[Host], beside: &[Node]) -> Result<Vec<String>> {
    let etcd = beside.first().context("no etcd")?;
    let etcd = format!("{HERE}:{}", etcd.port());
    let leads = ("PUT", "/v2/keys/service/confab/leader?value=nobody");
    let member = ("POST", "/v3/cluster/member/remove");
    let answers = [
        ("a switchover", 401, order_switchover(hosts, None).await?),
        (
            "who leads",
            401,
            http::status(&etcd, leads, None, "").await?,
        ),
        (
            "a member of etcd",
            400,
            http::status(&etcd, member, None, r#"{"ID":"1"}"#).await?,
        ),
    ];
    let taken = answers
        .iter()
        .filter(|(_, refused, status)| status != refused);
    let mut taken: Vec<String> = taken
        .map(|(order, _, status)| format!("{order}: {status}"))
        .collect();
    for host in hosts {
        let address = host.at(POSTGRES_PORT);
        let url = format!("postgres://postgres:guessed@{address}/postgres");
        if tokio_postgres::connect(&url, NoTls).await.is_ok() {
            taken.push(format!("the Postgres of {}", host.name()));
        }
    }
    Ok(taken)
}

/// Whether the Patroni of this host answers 200 there.
async fn says(host: &Host, path: &str) -> bool {
    let address = host.at(PATRONI_PORT);
    let answer = timeout(PATIENCE, http::status(&address, ("GET", path), None, "")).await;
    matches!(answer, Ok(Ok(200)))
}
