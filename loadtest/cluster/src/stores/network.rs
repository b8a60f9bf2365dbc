//! Hosts that can be cut off: each in a network namespace of its own, at one bridge.
//!
//! The bridge is made in the network that this process is in, which therefore has to be one of
//! its own: nothing of it is left when its last process has ended.

use std::{fs, net::Ipv4Addr, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::{
    command::run,
    environment::variable,
    node::{Node, Signal, send},
    place::Place,
    proc,
    services::{POLL, START},
};

/// Says that this process is in a network that nobody else is in.
pub const OWN_NETWORK: &str = "CONFAB_OWN_NETWORK";
/// Where whoever is on no host is: the gateways, the workers and their clients.
pub(super) const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const BRIDGE: &str = "stores";

/// What is missing for hosts of their own, if something is.
pub fn needs_network() -> Option<String> {
    let missing = "root, unshare, nsenter, setpriv and ip, for hosts with networks of their own";
    variable(OWN_NETWORK).is_none().then(|| missing.to_owned())
}

/// A host: what runs on it dies, stands still and is cut off together.
#[derive(Debug)]
pub struct Host {
    name: String,
    address: Ipv4Addr,
    /// Keeps the namespace while nothing else is in it.
    holder: Node,
    namespace: PathBuf,
    /// The end of its cable at the bridge.
    link: String,
    /// What runs on it.
    pub(super) services: Vec<Node>,
}

/// Makes so many hosts, called by `name` and a number.
pub(super) async fn hosts(place: &Place, name: &str, count: u8) -> Result<Vec<Host>> {
    if let Some(missing) = needs_network() {
        bail!("this takes {missing}");
    }
    // That of a trial before; its hosts are gone.
    drop(ip(&format!("link delete {BRIDGE}")).await);
    ip(&format!("link add {BRIDGE} type bridge")).await?;
    ip(&format!("address add {HERE}/24 dev {BRIDGE}")).await?;
    ip(&format!("link set {BRIDGE} up")).await?;
    let mut hosts = Vec::new();
    for number in 1..=count {
        hosts.push(Host::open(place, &format!("{name}-{number}"), number).await?);
    }
    Ok(hosts)
}

impl Host {
    async fn open(place: &Place, name: &str, number: u8) -> Result<Self> {
        let mut holder = Node::new(&format!("host-{name}"), "unshare".as_ref(), place, (0, 0));
        holder.arguments(["--net", "sleep", "infinity"]).start()?;
        let pid = holder.pid().context("the host has ended")?;
        let host = Self {
            name: name.to_owned(),
            address: Ipv4Addr::new(10, 77, 0, 10 + number),
            namespace: namespace_of_its_own(&holder).await?,
            link: format!("host{pid}"),
            holder,
            services: Vec::new(),
        };
        let link = &host.link;
        ip(&format!(
            "link add {link} type veth peer name eth0 netns {pid}"
        ))
        .await?;
        ip(&format!("link set {link} master {BRIDGE} up")).await?;
        for within in [
            "link set lo up".to_owned(),
            format!("address add {}/24 dev eth0", host.address),
            "link set eth0 up".to_owned(),
        ] {
            host.ip_within(&within).await?;
        }
        Ok(host)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is reached.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Where a service of it is reached.
    pub(super) fn at(&self, port: u16) -> String {
        format!("{}:{port}", self.address)
    }

    /// A process that will run here.
    pub(super) fn node(&self, name: &str, program: &std::path::Path, place: &Place) -> Node {
        let mut node = Node::new(&format!("{name}-{}", self.name), program, place, (0, 0));
        node.within(self.holder.pid());
        node
    }

    /// Nothing leaves it and nothing comes in, and nobody is told.
    pub async fn cut_off(&self) -> Result<()> {
        ip(&format!("link set {} nomaster", self.link)).await
    }

    /// It is reached again.
    pub async fn connect(&self) -> Result<()> {
        ip(&format!("link set {} master {BRIDGE}", self.link)).await
    }

    /// Freezes or continues all that runs on it.
    pub fn signal(&self, signal: Signal) {
        for pid in self.processes() {
            // It may have ended meanwhile.
            drop(send(signal, pid));
        }
    }

    /// Kills all that runs on it, and waits until it is gone.
    pub async fn kill(&self) -> Result<()> {
        let deadline = Instant::now() + START;
        while !self.processes().is_empty() {
            self.signal(Signal::KILL);
            if Instant::now() > deadline {
                bail!("{} does not end", self.name);
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Starts what has to run on it, again.
    pub fn start(&self) -> Result<()> {
        self.services.iter().try_for_each(Node::restart)
    }

    /// All that runs on it and has not ended.
    fn processes(&self) -> Vec<u32> {
        let within = |pid: &u32| {
            Some(*pid) != self.holder.pid()
                && fs::read_link(format!("/proc/{pid}/ns/net"))
                    .is_ok_and(|network| network == self.namespace)
                && proc::started(*pid).is_some()
        };
        proc::ids().into_iter().filter(within).collect()
    }

    async fn ip_within(&self, words: &str) -> Result<()> {
        let pid = self.holder.pid().context("the host has ended")?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{pid}/ns/net")).arg("ip");
        command.args(words.split(' '));
        run(command, "").await
    }
}

/// Waits until a process has left our network for one of its own.
async fn namespace_of_its_own(holder: &Node) -> Result<PathBuf> {
    let ours = fs::read_link("/proc/self/ns/net")?;
    let deadline = Instant::now() + START;
    loop {
        let pid = holder.pid().context("the host has ended")?;
        let namespace = fs::read_link(format!("/proc/{pid}/ns/net"))?;
        if namespace != ours {
            return Ok(namespace);
        }
        if Instant::now() > deadline {
            bail!(
                "{} gets no network of its own\n{}",
                holder.name(),
                holder.tail()
            );
        }
        sleep(POLL).await;
    }
}

async fn ip(words: &str) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(words.split(' '));
    run(command, "").await
}
