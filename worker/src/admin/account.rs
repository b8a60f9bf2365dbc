//! What is done to an account: by its lane, which alone writes it.
//!
//! The command goes into the stream of the account's partition, sealed, as a worker sends what it
//! prepared, and the answer comes back on a topic of our own. So the lane's memory stays true, and
//! ending a session is told to the gateways as always.

use std::{io, time::Duration};

use anyhow::{Context as _, bail};
use shared::{
    bus::{
        Bus, Delivery, Subscriber, Topic,
        envelope::{Answer, Entry},
        sealed::{self, Way},
    },
    clock::Clock,
    domain::content::{check_password, fold_name},
    frame::ServerFrame,
    keys::ClusterKeys,
    protocol::{
        self, Request as _,
        admin::{AccountOperated, OperateAccount},
    },
};
use tokio::time::timeout;
use tracing::info;

use super::list::connect;
use crate::{config::AccountConfig, password::Hasher, token};

/// How long an answer is waited for: as long as an entry may wait, and a little more.
const PATIENCE: Duration = Duration::from_secs(20);
/// The only request of this process.
const TICKET: u64 = 1;

/// What an operator wants of an account.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// Whether it administers the deployment.
    Admin(bool),
    /// Another password, from the standard input; sessions end.
    Password,
    /// Its sessions end.
    Sessions,
    /// Whether nobody can sign in; then its sessions end.
    Disabled(bool),
}

/// Has the lane of the account do it, and waits for its answer.
pub(super) async fn change(config: &AccountConfig, change: Change) -> anyhow::Result<()> {
    let mut desk = connect(&config.database).await?;
    let found = desk.find_account(&fold_name(&config.name)).await;
    let user_id = found.context("looking for the account")?;
    let password_hash = match change {
        Change::Password => Some(read_password().await?),
        _ => None,
    };
    let request = OperateAccount {
        nonce: token::random_code()?,
        user_id: user_id.context("there is no account of this name")?,
        admin: match change {
            Change::Admin(admin) => Some(admin),
            _ => None,
        },
        password_hash,
        disabled: match change {
            Change::Disabled(disabled) => Some(disabled),
            _ => None,
        },
        end_sessions: !matches!(change, Change::Admin(_) | Change::Disabled(false)),
    };
    let keys = config.keys.keys()?;
    let bus = Bus::connect(config.bus.redis_url.expose()).await;
    let done = send(&bus.context("connecting to Redis")?, &keys, &request).await?;
    info!(name = config.name, sessions = done.sessions, "done");
    Ok(())
}

/// The hash of the password that the first line of the standard input is.
async fn read_password() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("reading the password")?;
    let password = check_password(line.trim_end_matches(['\r', '\n']))?;
    let hasher = Hasher::new(1, 1).context("preparing password hashing")?;
    Ok(hasher.hash(password.to_owned()).await?)
}

async fn send(
    bus: &Bus,
    keys: &ClusterKeys,
    request: &OperateAccount,
) -> anyhow::Result<AccountOperated> {
    let node = format!("admin-{}", token::random_code()?);
    let topic = Topic::Node(node.clone());
    let mut subscriber = bus.subscriber().await.context("connecting to Redis")?;
    let subscribed = subscriber.control().subscribe(vec![topic.clone()]).await;
    subscribed.context("subscribing to the answer")?;
    let partition = request.user_id.partition();
    let entry = Entry {
        node,
        ticket: TICKET,
        opcode: OperateAccount::ROW.opcode,
        body: protocol::encode(request),
        asked_at_ms: Clock::system().now_ms(),
        ..Entry::default()
    };
    let sealed = entry.write(Way::Lane(partition), keys);
    let appended = bus.append(partition, sealed.context("sealing")?).await;
    appended.context("telling the lane")?;
    let answer = timeout(PATIENCE, hear(&mut subscriber, &topic, keys)).await;
    answer.context("no lane answers: nobody knows whether it was done, so look, and try again")?
}

/// The answer of the lane.
async fn hear(
    subscriber: &mut Subscriber,
    topic: &Topic,
    keys: &ClusterKeys,
) -> anyhow::Result<AccountOperated> {
    while let Some(heard) = subscriber.next().await {
        let Delivery::Message(on, bytes) = heard else {
            continue;
        };
        if on != *topic {
            continue;
        }
        let answers: Vec<Answer> =
            sealed::open(&bytes, topic, keys).context("reading the answer")?;
        let Some(answer) = answers.iter().find(|answer| answer.ticket == TICKET) else {
            continue;
        };
        return match ServerFrame::read(&answer.payload) {
            Some(ServerFrame::Reply { body, .. }) => Ok(protocol::decode(body)?),
            Some(ServerFrame::Refusal { refusal, .. }) => bail!("refused: {refusal}"),
            _ => bail!("the lane answered what nobody can read"),
        };
    }
    bail!("the bus was shut down")
}
