//! A gateway on a port of its own, a bus in memory, and a world of fake workers.

pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod world;

use std::net::SocketAddr;

use clap::Parser;
use gateway::config::Cli;
use shared::{
    bus::Bus,
    ids::{SessionId, UserId},
    keys::ClusterKeys,
    wire::Wire,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{client::Client, world::World};

pub(crate) const ALICE: u64 = 10_000;
pub(crate) const BOB: u64 = 10_001;
pub(crate) const SERVER: u64 = 4_096_321;
/// The key of the cluster.
const KEY: &str = "a secret of at least 32 characters";

/// A token that a worker of this cluster could have made: for each name that of another
/// session, all of one account.
pub(crate) fn token(name: &str) -> String {
    let mut salt = [0; 16];
    for (place, byte) in salt.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    let number = salt
        .iter()
        .fold(0, |sum, byte| (sum * 31 + u64::from(*byte)) % 1_000_003);
    let session = SessionId::new(SessionId::sample().get() + number);
    keys().sign_token(UserId::sample(), session.unwrap(), salt)
}

/// The keys of the cluster.
pub(crate) fn keys() -> ClusterKeys {
    KEY.parse().unwrap()
}

/// A running gateway.
pub(crate) struct Running {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    /// Where its health is.
    pub(crate) ops: SocketAddr,
    /// Its workers.
    pub(crate) world: World,
    /// Begins the drain.
    pub(crate) shutdown: CancellationToken,
    /// Ends when it has ended.
    pub(crate) tasks: TaskTracker,
}

/// Starts a gateway with these flags.
pub(crate) async fn start(flags: &[&str]) -> Running {
    start_on(World::start(&Bus::memory()), flags).await
}

/// A gateway with two members of a server, of whom Alice sees these channels and Bob the first.
pub(crate) async fn two_members(flags: &[&str], channels: &[u64]) -> (Running, Client, Client) {
    let gateway = start(flags).await;
    for (name, user, channels) in [("alice", ALICE, channels), ("bob", BOB, &channels[..1])] {
        gateway.world.account(name, user);
        gateway.world.member(SERVER, user, channels);
    }
    let (alice, _) = Client::open(gateway.address, "alice").await;
    let (bob, _) = Client::open(gateway.address, "bob").await;
    (gateway, alice, bob)
}

/// Starts a gateway in a world.
pub(crate) async fn start_on(world: World, flags: &[&str]) -> Running {
    let running = start_in(world, flags).await;
    running.warm_up().await;
    running
}

/// Starts a gateway that plain HTTP does not reach; it may not have heard the lanes yet.
pub(crate) async fn start_unheard(flags: &[&str]) -> Running {
    start_in(World::start(&Bus::memory()), flags).await
}

async fn start_in(world: World, flags: &[&str]) -> Running {
    let Cli { config, .. } = Cli::parse_from([&["gateway", "--cluster-key", KEY], flags].concat());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ops_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, ops) = (
        listener.local_addr().unwrap(),
        ops_listener.local_addr().unwrap(),
    );
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let running = gateway::run(
        config,
        listener,
        ops_listener,
        world.bus(),
        shutdown.clone(),
    );
    tasks.spawn(async move { running.await.unwrap() });
    tasks.close();
    Running {
        address,
        ops,
        world,
        shutdown,
        tasks,
    }
}

impl Running {
    /// Waits until the gateway has heard the lanes and takes commands.
    async fn warm_up(&self) {
        self.world.account("warm-up", 1);
        until("the lanes are heard", async || {
            let token = ("authorization", "Bearer warm-up");
            let body = r#"{"nonce":"n"}"#;
            let path = "/api/v1/commands/logout";
            let (status, ..) = http::send(self.address, "POST", path, &[token], body).await;
            // The echo of the fake lane is no reply of "logout".
            status == 500
        })
        .await;
        self.world.forget_requests();
    }
}

/// Waits until something holds, for ten seconds at most.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
