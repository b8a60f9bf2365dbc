//! Two people on two gateways talk while the cluster is being killed under
//! them; then both transcripts are held against the history.

use std::{fmt::Write, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use shared::{
    ids::{ChannelId, ServerId, UserId},
    protocol::{
        account::{LogIn, Register, SignedIn},
        channel::GetChannels,
        invite::CreateInvite,
        message::MessageSent,
    },
};

use crate::{
    client::{CallError, Client, Options, Status, log::Seen},
    cluster::{Cluster, Settings, node_ready},
    fixture::history,
    random::nonce,
    requests::{
        self, create_invite, create_server, delete_message, edit_message, log_in, redeem_invite,
        send_message,
    },
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

/// One of the two people.
struct Person {
    name: String,
    account: UserId,
    client: Client,
}

struct Conversation<F> {
    say: F,
    cluster: Option<Cluster>,
    kill_pid: Vec<u32>,
    alice: Person,
    bob: Person,
    server: ServerId,
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
        let alice = Person::sign_up(format!("alice{suffix}"), gateways, invite.clone()).await?;
        say(&format!("{} signs up on the first gateway", alice.name));
        let code = match invite {
            Some(code) => Some(code),
            None => alice.deployment_invite(&mut say).await?,
        };
        let bob = Person::sign_up(format!("bob{suffix}"), others, code).await?;
        say(&format!("{} signs up on the second gateway", bob.name));
        let (server, channel) = meet(&alice, &bob, &mut say).await?;
        Ok(Self {
            say,
            cluster,
            kill_pid: arguments.kill_pid.clone(),
            alice,
            bob,
            server,
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
        let sent = self.alice.says(self.place(), text).await?;
        (self.say)(&format!("{}: {text}", self.alice.name));
        Ok(sent)
    }

    async fn bob_says(&mut self, text: &str) -> Result<MessageSent> {
        let sent = self.bob.says(self.place(), text).await?;
        (self.say)(&format!("{}: {text}", self.bob.name));
        Ok(sent)
    }

    async fn alice_edits(&mut self, message: &MessageSent, text: &str) -> Result<()> {
        let edit = edit_message(self.channel, message.message_id, text);
        self.alice.client.call(self.server.get(), &edit).await?;
        (self.say)(&format!(
            "{} edits #{}: {text}",
            self.alice.name, message.seq
        ));
        Ok(())
    }

    async fn bob_deletes(&mut self, message: &MessageSent) -> Result<()> {
        let delete = delete_message(self.channel, message.message_id);
        self.bob.client.call(self.server.get(), &delete).await?;
        (self.say)(&format!("{} deletes #{}", self.bob.name, message.seq));
        Ok(())
    }

    const fn place(&self) -> (ServerId, ChannelId) {
        (self.server, self.channel)
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
        let stored = history(&self.alice.client, self.server, self.channel).await?;
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
            account if account == self.alice.account => self.alice.name.clone(),
            account if account == self.bob.account => self.bob.name.clone(),
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

impl Person {
    async fn sign_up(name: String, gateways: Vec<String>, invite: Option<String>) -> Result<Self> {
        let options = Options {
            heartbeat: Some(Duration::from_secs(1)),
            ..Options::default()
        };
        let client = Client::connect(gateways, options);
        let password = format!("{name}-{}", nonce());
        let register = Register {
            password: password.clone(),
            invite,
            device: Some("demo".to_owned()),
            ..requests::register(&name)
        };
        let signed_up: SignedIn = client
            .call(0, &register)
            .await
            .with_context(|| format!("{name} signing up"))?;
        // Signing in again shows that the password works, too.
        let login = LogIn {
            device: Some("demo".to_owned()),
            ..log_in(&name, &password)
        };
        let signed_in = client.call(0, &login).await.context("signing in")?;
        client
            .identify(&signed_in.token)
            .await
            .context("opening the session")?;
        Ok(Self {
            name,
            account: signed_up.user.user_id,
            client,
        })
    }

    /// A code for signing up; none where this person does not administer.
    async fn deployment_invite(&self, say: &mut impl FnMut(&str)) -> Result<Option<String>> {
        let create = CreateInvite {
            max_uses: Some(1),
            ..create_invite()
        };
        match self.client.call(0, &create).await {
            Ok(made) => {
                say(&format!("{} makes a code for signing up", self.name));
                Ok(Some(made.code))
            }
            Err(CallError::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn says(
        &self,
        (server, channel): (ServerId, ChannelId),
        text: &str,
    ) -> Result<MessageSent> {
        let message = send_message(channel, text);
        self.client
            .call(server.get(), &message)
            .await
            .with_context(|| format!("{} saying {text:?}", self.name))
    }
}

/// Alice makes a server and a code for it; Bob redeems the code.
async fn meet(
    alice: &Person,
    bob: &Person,
    say: &mut impl FnMut(&str),
) -> Result<(ServerId, ChannelId)> {
    let create = create_server("The Kitchen");
    let server = alice.client.call(0, &create).await?.server.server_id;
    let invite = CreateInvite {
        max_uses: Some(1),
        expires_in: Some(600),
        ..create_invite()
    };
    let code = alice.client.call(server.get(), &invite).await?.code;
    say(&format!("{} creates a server and invites", alice.name));
    let redeem = redeem_invite(&code);
    bob.client.call(0, &redeem).await?;
    say(&format!("{} redeems the invite", bob.name));
    let channels = alice.client.call(server.get(), &GetChannels {}).await?;
    let channel = channels.channels.first().context("there is no channel")?;
    Ok((server, channel.channel_id))
}

const fn is_open(status: &Status) -> bool {
    matches!(status, Status::Open(_))
}
