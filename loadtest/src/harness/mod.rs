//! Scenarios: a cluster, people, and what they do and see, in the words of a test.
//!
//! ```no_run
//! # use loadtest::harness::scenario;
//! # async fn test() -> anyhow::Result<()> {
//! scenario(async |harness| {
//!     let [alice, bob] = harness.members().await?;
//!     alice.send("#general", "hi").await?;
//!     bob.sees("hi").await?;
//!     Ok(())
//! })
//! .await
//! # }
//! ```

mod person;
mod state;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use shared::{
    error::Reason,
    protocol::account::{CreateAccount, JoinAsGuest, LogIn, SignedIn},
};
use tokio::{
    sync::OnceCell,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

pub use person::Person;
pub use state::State;

use crate::{
    client::{CallError, Client, Options},
    cluster::{Cluster, Node, Settings},
    random::nonce,
    requests::{self, join_as_guest},
};

/// No scenario takes longer; the cluster answers in milliseconds.
const LONGEST_SCENARIO: Duration = Duration::from_mins(2);

/// Where a scenario plays.
#[derive(Debug)]
pub struct Harness {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    admin: SignedIn,
    clients: Mutex<Vec<Arc<Client>>>,
}

/// The cluster that all scenarios of one test program share. It is never dropped:
/// the guard of the cluster ends it with the program.
static SHARED: OnceCell<(Arc<Cluster>, SignedIn)> = OnceCell::const_new();

/// Plays a scenario on the shared cluster.
pub async fn scenario(play: impl AsyncFnOnce(&Harness) -> Result<()>) -> Result<()> {
    let (cluster, admin) = SHARED
        .get_or_try_init(|| raise(Settings::default()))
        .await?
        .clone();
    perform(cluster, admin, play).await
}

/// Plays a scenario on a cluster of its own.
pub async fn scenario_on(
    settings: Settings,
    play: impl AsyncFnOnce(&Harness) -> Result<()>,
) -> Result<()> {
    let (cluster, admin) = raise(settings).await?;
    perform(cluster, admin, play).await
}

/// Starts a cluster; the first to sign up administers it.
async fn raise(settings: Settings) -> Result<(Arc<Cluster>, SignedIn)> {
    let cluster = Cluster::start(settings).await?;
    let client = Client::connect(cluster.addresses(), Options::default());
    let register = requests::register("admin");
    let admin = client
        .call(0, &register)
        .await
        .with_context(|| format!("the first sign-up\n{}", cluster.tails()))?;
    client.close().await;
    Ok((Arc::new(cluster), admin))
}

async fn perform(
    cluster: Arc<Cluster>,
    admin: SignedIn,
    play: impl AsyncFnOnce(&Harness) -> Result<()>,
) -> Result<()> {
    let harness = Harness {
        cluster,
        admin,
        clients: Mutex::default(),
    };
    let played = timeout(LONGEST_SCENARIO, play(&harness))
        .await
        .unwrap_or_else(|_elapsed| {
            Err(anyhow!(
                "the scenario takes longer than {LONGEST_SCENARIO:?}"
            ))
        });
    played
        .and_then(|()| harness.streams_were_dense())
        .map_err(|error| anyhow!("{error:#}\n{}", harness.cluster.tails()))
}

impl Harness {
    /// Somebody without a password, on gateway `gateway` (counting around).
    pub async fn guest(&self, name: &str, gateway: usize) -> Result<Person> {
        let client = self.client(gateway);
        let join = JoinAsGuest {
            device: Some(name.to_owned()),
            ..join_as_guest()
        };
        let signed_in = client.call(0, &join).await.context("joining as a guest")?;
        Person::enter(name, signed_in, client, self.address(gateway)?).await
    }

    /// Somebody with a name of his own and [`requests::PASSWORD`].
    pub async fn registered(&self, name: &str, gateway: usize) -> Result<Person> {
        let client = self.client(gateway);
        let register = CreateAccount {
            device: Some(name.to_owned()),
            ..requests::register(&unique(name))
        };
        let signed_in = client.call(0, &register).await.context("signing up")?;
        Person::enter(name, signed_in, client, self.address(gateway)?).await
    }

    /// Another session of somebody who is [`Self::registered`], on the second gateway.
    pub async fn second_session(&self, person: &Person) -> Result<Person> {
        let log_in = LogIn {
            device: Some("second".to_owned()),
            ..requests::log_in(&person.user.name, requests::PASSWORD)
        };
        let client = self.client(1);
        let signed_in = client.call(0, &log_in).await;
        let signed_in = signed_in.context("signing in again")?;
        Person::enter(&person.name, signed_in, client, self.address(1)?).await
    }

    /// The administrator of the deployment.
    pub async fn admin(&self) -> Result<Person> {
        let client = self.client(0);
        Person::enter("admin", self.admin.clone(), client, self.address(0)?).await
    }

    /// Two people meet and hear each other.
    pub async fn still_serves(&self) -> Result<()> {
        let [alice, bob] = self.members().await?;
        alice.send("#general", "still here").await?;
        bob.sees("still here").await.map(drop)
    }

    /// People on alternating gateways, all in the server that the first one owns.
    pub async fn members<const N: usize>(&self) -> Result<[Person; N]> {
        const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
        let mut people: Vec<Person> = Vec::new();
        for (number, name) in NAMES.iter().cycle().take(N).enumerate() {
            people.push(self.guest(name, number).await?);
        }
        let (owner, others) = people.split_first().context("there are no members")?;
        let server = owner.creates_server("Company").await?;
        let code = owner.invites().await?;
        for other in others {
            other.joins(&code).await?;
            if other.home() != Some(server) {
                bail!("{} is in another server", other.name);
            }
        }
        people
            .try_into()
            .map_err(|_people| anyhow!("members are missing"))
    }

    /// The WebSocket address of gateway `number`, counting around.
    pub fn address(&self, number: usize) -> Result<String> {
        self.cluster
            .gateways
            .iter()
            .cycle()
            .nth(number)
            .map(Node::address)
            .context("there is no gateway")
    }

    /// A client that is not signed in, on gateway `number` first.
    pub fn client(&self, number: usize) -> Arc<Client> {
        let mut gateways = self.cluster.addresses();
        let first = number.checked_rem(gateways.len()).unwrap_or_default();
        gateways.rotate_left(first);
        let client = Arc::new(Client::connect(gateways, Options::default()));
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&client));
        client
    }

    /// Whatever a scenario is about: nobody's stream may have had a hole.
    fn streams_were_dense(&self) -> Result<()> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let violations: Vec<String> = clients
            .iter()
            .flat_map(|client| client.violations())
            .collect();
        if violations.is_empty() {
            Ok(())
        } else {
            bail!("streams were not dense: {violations:#?}")
        }
    }
}

/// A name that nobody else has.
pub fn unique(name: &str) -> String {
    format!("{name}-{}", nonce().split_off(22))
}

/// Fails unless the call was refused for this reason.
pub fn refused<T: std::fmt::Debug>(result: Result<T, CallError>, reason: Reason) -> Result<()> {
    match result {
        Err(CallError::Refused(refusal)) if refusal.reason == reason => Ok(()),
        other => bail!("{} was due, not {other:?}", reason.name()),
    }
}

/// Fails unless both are equal, and shows them.
pub fn same<T: PartialEq + std::fmt::Debug>(left: &T, right: &T) -> Result<()> {
    if left == right {
        Ok(())
    } else {
        bail!("these differ:\n  {left:?}\n  {right:?}")
    }
}

/// How often `eventually` looks: half as often as the flood guard of a connection lets anybody ask
/// in the long run, however fast the cluster answers.
const LOOK: Duration = Duration::from_millis(20);

/// Looks again and again until it finds what it looks for, for what no event tells. A look that
/// could be had says what it found, or why that is not it yet.
///
/// # Errors
///
/// At once where a look cannot be had; after `patience` what the last one said.
pub async fn eventually<T>(
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Result<T>>,
) -> Result<T> {
    let until = Instant::now() + patience;
    let mut pace = interval(LOOK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        match look().await? {
            Err(_not_yet) if Instant::now() < until => {}
            found => return found.with_context(|| format!("not within {patience:?}")),
        }
    }
}

/// Fails with the text unless the condition holds.
pub fn holds(condition: bool, text: &str) -> Result<()> {
    if condition { Ok(()) } else { bail!("{text}") }
}
