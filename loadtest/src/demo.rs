//! Two people on two gateways talk while the cluster is being killed under
//! them; then both transcripts are held against the history.

use std::{fmt::Write, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use shared::{
    ids::{ChannelId, UserId},
    protocol::{
        account::{CreateAccount, LogIn},
        invite::CreateInvite,
        message::MessageSent,
    },
};

use crate::{
    client::{CallError, Client, Options, Status, log::Seen},
    cluster::{Cluster, Settings, node_ready},
    fixture::history,
    harness::Person,
    random::nonce,
    requests::{create_invite, log_in, register, send_message},
    transcript::Transcript,
};

/// How long a person waits for what another said.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the demonstration runs against.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Arguments {
    /// Gateways of a running cluster; without any, a private one is started.
    #[arg(long, value_delimiter = ',')]
    pub gateways: Vec<String>,
    /// Processes of a running cluster to kill in turn, between the lines.
    #[arg(long, value_delimiter = ',', requires = "gateways")]
    pub kill_pid: Vec<u32>,
    /// A code for signing up on a cluster that somebody administers already.
    #[arg(long)]
    pub invite: Option<String>,
}

/// A worker is ready within seconds, unless something is wrong.
const READY: Duration = Duration::from_secs(30);

/// What the demonstration showed.
#[derive(Debug)]
pub struct Outcome {
    /// What is to be printed.
    pub report: String,
    /// Whether nothing was missing, double or out of order.
    pub holds: bool,
}

/// Runs the demonstration; `say` gets each step as it is taken.
pub async fn run(arguments: &Arguments, say: impl FnMut(&str)) -> Result<Outcome> {
    let mut conversation = Conversation::open(arguments, say).await?;
    match conversation.play().await {
        Ok(()) => conversation.compare().await,
        Err(error) => Err(anyhow!("{error:#}\n{}", conversation.tails())),
    }
}

struct Conversation<F> {
    say: F,
    cluster: Option<Cluster>,
    kill_pid: Vec<u32>,
    alice: Person,
    bob: Person,
    channel: ChannelId,
}

impl<F: FnMut(&str)> Conversation<F> {
    async fn open(arguments: &Arguments, mut say: F) -> Result<Self> {
        let cluster = if arguments.gateways.is_empty() {
            say("starting a private cluster: 2 gateways, 2 workers, Redis, Postgres");
            let settings = Settings {
                signup: "invite",
                ..Settings::default()
            };
            Some(Cluster::start(settings).await?)
        } else {
            None
        };
        let gateways = cluster
            .as_ref()
            .map_or_else(|| arguments.gateways.clone(), Cluster::addresses);
        let mut others = gateways.clone();
        others.rotate_left(1);

        // On a cluster that is not ours, others may have taken the names.
        let suffix = if cluster.is_some() {
            String::new()
        } else {
            format!("-{}", nonce().split_off(28))
        };
        let invite = arguments.invite.clone();
        let alice = sign_up(format!("alice{suffix}"), gateways, invite.clone()).await?;
        say(&format!("{} signs up on the first gateway", alice.name));
        let code = match invite {
            Some(code) => Some(code),
            None => deployment_invite(&alice, &mut say).await?,
        };
        let bob = sign_up(format!("bob{suffix}"), others, code).await?;
        say(&format!("{} signs up on the second gateway", bob.name));
        let channel = meet(&alice, &bob, &mut say).await?;
        Ok(Self {
            say,
            cluster,
            kill_pid: arguments.kill_pid.clone(),
            alice,
            bob,
            channel,
        })
    }

    async fn play(&mut self) -> Result<()> {
        let hello = self.alice_says("Hello Bob, can you hear me?").await?;
        self.bob_says("Loud and clear, from the other gateway.")
            .await?;
        let typo = self.alice_says("This sentense has a typo.").await?;
        self.alice_edits(&typo, "This sentence has no typo.")
            .await?;

        self.kill_gateway().await?;
        for number in 1..=5 {
            self.alice_says(&format!("Said while Bob was on his way, {number} of 5."))
                .await?;
        }
        self.bob_says("I am back, and I missed nothing.").await?;
        self.moved();

        // One of the two has the lane of this server, so each dies once.
        self.kill_worker(0)?;
        for number in 1..=5 {
            self.bob_says(&format!("A worker less, and still here, {number} of 5."))
                .await?;
        }
        self.restart_worker(0).await?;
        self.kill_worker(1)?;
        for number in 1..=5 {
            self.alice_says(&format!(
                "The other one, too, and still here, {number} of 5."
            ))
            .await?;
        }
        let slip = self.bob_says("Forget this line.").await?;
        self.bob_deletes(&slip).await?;
        self.alice_edits(&hello, "Hello Bob! (I knew you could hear me.)")
            .await?;
        self.alice_says("That will do.").await?;
        Ok(())
    }

    async fn alice_says(&mut self, text: &str) -> Result<MessageSent> {
        says(&self.alice, self.channel, text, &mut self.say).await
    }

    async fn bob_says(&mut self, text: &str) -> Result<MessageSent> {
        says(&self.bob, self.channel, text, &mut self.say).await
    }

    async fn alice_edits(&mut self, message: &MessageSent, text: &str) -> Result<()> {
        let (alice, seq) = (&self.alice, message.seq);
        alice.edits(self.channel, message.message_id, text).await?;
        (self.say)(&format!("{} edits #{seq}: {text}", alice.name));
        Ok(())
    }

    async fn bob_deletes(&mut self, message: &MessageSent) -> Result<()> {
        let bob = &self.bob;
        bob.deletes(self.channel, message.message_id).await?;
        (self.say)(&format!("{} deletes #{}", bob.name, message.seq));
        Ok(())
    }

    /// Kills the gateway that Bob is on.
    async fn kill_gateway(&mut self) -> Result<()> {
        let Status::Open(gateway) = self.bob.client.until(is_open).await? else {
            bail!("bob is on no gateway");
        };
        let node = self
            .cluster
            .iter()
            .flat_map(|cluster| &cluster.gateways)
            .find(|node| node.address() == gateway);
        match node {
            Some(node) => {
                let pid = node.pid().unwrap_or_default();
                node.kill()?;
                let name = node.name();
                (self.say)(&format!("*** kill -9 {pid}: {name}, with Bob on it"));
            }
            None => self.kill_next("a gateway")?,
        }
        Ok(())
    }

    fn kill_worker(&mut self, number: usize) -> Result<()> {
        let Some(cluster) = &self.cluster else {
            return self.kill_next("a worker");
        };
        let worker = cluster
            .workers
            .get(number)
            .context("there is no such worker")?;
        let pid = worker.pid().unwrap_or_default();
        worker.kill()?;
        let name = worker.name();
        (self.say)(&format!("*** kill -9 {pid}: {name}"));
        Ok(())
    }

    /// Starts a killed worker of the private cluster again.
    async fn restart_worker(&mut self, number: usize) -> Result<()> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let worker = cluster
            .workers
            .get(number)
            .context("there is no such worker")?;
        worker.restart()?;
        node_ready(worker, READY).await?;
        let name = worker.name();
        (self.say)(&format!("*** {name} is back"));
        Ok(())
    }

    /// Kills the next of the processes that the caller named.
    fn kill_next(&mut self, what: &str) -> Result<()> {
        if self.kill_pid.is_empty() {
            (self.say)(&format!("*** {what} should die now; not ours, so it lives"));
            return Ok(());
        }
        let pid = self.kill_pid.remove(0);
        let killed = std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()?;
        if !killed.success() {
            bail!("process {pid} cannot be killed");
        }
        (self.say)(&format!("*** kill -9 {pid}, as {what}"));
        Ok(())
    }

    fn moved(&mut self) {
        if let Status::Open(gateway) = &*self.bob.client.status().borrow() {
            (self.say)(&format!("{} goes on, on {gateway}", self.bob.name));
        }
    }

    /// Holds both transcripts against the history.
    async fn compare(&self) -> Result<Outcome> {
        let server = self.alice.home().context("alice is in no server")?;
        let stored = history(&self.alice.client, server, self.channel).await?;
        let mut report = String::new();
        let mut faults = Vec::new();
        for person in [&self.alice, &self.bob] {
            let transcript = self.transcript(person, &stored).await;
            writeln!(report, "\nwhat {} saw:\n{transcript}", person.name)?;
            let differences = transcript.compare(&stored);
            let violations = person.client.violations();
            for fault in differences.into_iter().chain(violations) {
                faults.push(format!("{}: {fault}", person.name));
            }
        }
        writeln!(
            report,
            "the history has {} messages, up to #{}",
            stored.len(),
            stored.last().map_or(0, |message| message.seq)
        )?;
        let holds = faults.is_empty();
        for fault in &faults {
            writeln!(report, "FAULT {fault}")?;
        }
        if holds {
            report.push_str("nothing is missing, nothing double, nothing out of order\n");
        }
        Ok(Outcome { report, holds })
    }

    /// The transcript of a person who had the time to see the end.
    async fn transcript(
        &self,
        person: &Person,
        stored: &[shared::protocol::message::Message],
    ) -> Transcript {
        let log = person.client.log();
        let name = |account: UserId| match account {
            account if account == self.alice.user.user_id => self.alice.name.clone(),
            account if account == self.bob.user.user_id => self.bob.name.clone(),
            other => other.to_string(),
        };
        let now = || Transcript::from_log(&log.since(0), self.channel, name);
        let whole = |_: &Seen| now().compare(stored).is_empty().then_some(());
        let arrived = log.wait(0, PATIENCE, whole).await;
        // Who does not get there shows it in the comparison.
        debug_assert!(arrived.is_none() || now().compare(stored).is_empty());
        now()
    }

    fn tails(&self) -> String {
        self.cluster
            .as_ref()
            .map_or_else(|| "the demonstration stopped".to_owned(), Cluster::tails)
    }
}

/// Somebody signs up, and in again: that shows that the password works, too.
async fn sign_up(name: String, gateways: Vec<String>, invite: Option<String>) -> Result<Person> {
    let options = Options {
        heartbeat: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let address = gateways.first().cloned().context("a gateway")?;
    let client = Arc::new(Client::connect(gateways, options));
    let password = format!("{name}-{}", nonce());
    let register = CreateAccount {
        password: password.clone(),
        invite,
        device: Some("demo".to_owned()),
        ..register(&name)
    };
    let signed_up = client.call(0, &register).await;
    signed_up.with_context(|| format!("{name} signing up"))?;
    let log_in = LogIn {
        device: Some("demo".to_owned()),
        ..log_in(&name, &password)
    };
    let signed_in = client.call(0, &log_in).await.context("signing in")?;
    Person::enter(&name, signed_in, client, address).await
}

/// A code for signing up; none where this person does not administer.
async fn deployment_invite(person: &Person, say: &mut impl FnMut(&str)) -> Result<Option<String>> {
    let create = CreateInvite {
        max_uses: Some(1),
        ..create_invite()
    };
    match person.client.call(0, &create).await {
        Ok(made) => {
            say(&format!("{} makes a code for signing up", person.name));
            Ok(Some(made.code))
        }
        Err(CallError::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn says(
    person: &Person,
    channel: ChannelId,
    text: &str,
    say: &mut impl FnMut(&str),
) -> Result<MessageSent> {
    let sent = person.call(&send_message(channel, text)).await;
    let sent = sent.with_context(|| format!("{} saying {text:?}", person.name))?;
    say(&format!("{}: {text}", person.name));
    Ok(sent)
}

/// Alice makes a server and a code for it; Bob redeems the code.
async fn meet(alice: &Person, bob: &Person, say: &mut impl FnMut(&str)) -> Result<ChannelId> {
    alice.creates_server("The Kitchen").await?;
    let invite = CreateInvite {
        max_uses: Some(1),
        expires_in: Some(600),
        ..create_invite()
    };
    let code = alice.call(&invite).await?.code;
    say(&format!("{} creates a server and invites", alice.name));
    bob.joins(&code).await?;
    say(&format!("{} redeems the invite", bob.name));
    let channels = alice.channels().await?;
    let channel = channels.first().context("there is no channel")?;
    Ok(channel.channel_id)
}

const fn is_open(status: &Status) -> bool {
    matches!(status, Status::Open(_))
}
