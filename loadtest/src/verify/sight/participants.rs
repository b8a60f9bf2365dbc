//! Who changes rights, who comes and goes, and who watches.

use std::{cell::Cell, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::future::{join, join_all};
use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    ids::{ChannelId, MessageId},
    protocol::{
        Request,
        channel::{ChannelCreated, CreateChannel, UpdateChannel},
        message::MessageSent,
    },
};
use tokio::time::sleep;

use crate::{
    client::{CallError, Client, Options},
    fixture::Fixture,
    random::Random,
    requests::{
        create_channel, create_invite, delete_channel, delete_message, edit_message, leave_server,
        override_of, redeem_invite, send_message, update_channel,
    },
    verify::{
        schedule::{Fault, Who},
        trial::Trial,
    },
};

/// Within this time everything is ready again.
const BACK: Duration = Duration::from_mins(1);
/// Besides the owner, those who stay.
const STAY: usize = 4;
/// Those who come and go.
const COME_AND_GO: usize = 2;
/// Channels besides the one that everybody sees.
const CHANNELS: usize = 10;
/// Requests of the owner that are under way at once; they end up in few batches.
const PIPELINED: u64 = 24;
/// Two roles, as far from ids that lanes make as can be.
const ROLES: [u64; 2] = [11, 12];

/// Somebody's session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: String,
    pub(super) user: u64,
    pub(super) client: Arc<Client>,
    /// Up to here it was judged.
    pub(super) position: Cell<u64>,
}

/// What was asked in a round, and how often there was an answer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Done {
    pub(super) asked: usize,
    pub(super) answered: usize,
}

/// A server and those who are in it, or were, or will be.
#[derive(Debug)]
pub(super) struct Participants {
    pub(super) fixture: Fixture,
    /// Two for each person, on both gateways.
    pub(super) sessions: Vec<Session>,
    gateways: Vec<String>,
    code: String,
    channels: Vec<ChannelId>,
    said: Vec<(ChannelId, MessageId)>,
}

impl Participants {
    /// Opens a server, gives roles to some, and lets everybody in twice.
    pub(super) async fn gather(trial: &mut Trial<'_>) -> Result<Self> {
        let people = 1 + STAY + COME_AND_GO;
        let fixture = trial.fixture(people).await?;
        let mut users = Vec::new();
        let mut code = String::new();
        for number in 0..people {
            let client = fixture.enter(number, Options::default()).await?;
            let ready = client.ready().context("a session that is open")?;
            users.push(ready.user.user_id.get());
            if number == 0 {
                let invite = create_invite();
                code = client.call(fixture.server.get(), &invite).await?.code;
            }
            client.close().await;
        }
        give_roles(trial, fixture.server.get(), &users).await?;
        let mut sessions = Vec::new();
        for (number, user) in users.iter().enumerate() {
            for device in 0..2 {
                let options = Options::default();
                let client = fixture.enter(number + device * people, options).await?;
                sessions.push(Session {
                    name: format!("person {number}, device {device}"),
                    user: *user,
                    client: Arc::new(client),
                    position: Cell::new(0),
                });
            }
        }
        Ok(Self {
            gateways: fixture.gateways.clone(),
            fixture,
            sessions,
            code,
            channels: Vec::new(),
            said: Vec::new(),
        })
    }

    /// The server's topic.
    pub(super) const fn topic(&self) -> u64 {
        self.fixture.server.get()
    }

    /// The owner's first session.
    #[expect(
        clippy::indexing_slicing,
        reason = "nobody is in a participants of nobody"
    )]
    pub(super) fn owner(&self) -> &Session {
        &self.sessions[0]
    }

    /// The owner says something where everybody hears it.
    pub(super) async fn say(&self, text: &str) -> Result<()> {
        self.fixture.say(&self.owner().client, text).await
    }

    /// One round: the owner changes rights and channels without waiting for answers,
    /// members talk, some come and go, and sessions move to the other gateway.
    pub(super) async fn play(&mut self, random: &mut Random) -> Result<Done> {
        let batches: Vec<Vec<Wish>> = (0..=random.below(3))
            .map(|_| {
                (0..4 + random.below(PIPELINED))
                    .map(|_| self.wish(random))
                    .collect()
            })
            .collect();
        let talk: Vec<(usize, Wish)> = (0..10 + random.below(20))
            .map(|_| {
                let who = 2 + usize::try_from(random.below(2 * STAY as u64)).unwrap_or_default();
                (who, Wish::Say(self.channel(random)))
            })
            .collect();
        let mut pace = Random::new(random.next());
        let mut moves = Random::new(random.next());
        let this = &*self;
        let changing = async {
            let mut all = Vec::new();
            for batch in batches {
                let wishes = batch.into_iter().map(|wish| this.grant(this.owner(), wish));
                all.extend(join_all(wishes).await);
                sleep(Duration::from_millis(pace.below(200))).await;
            }
            all
        };
        let talking = join_all(talk.into_iter().filter_map(|(who, wish)| {
            let session = this.sessions.get(who)?;
            Some(this.grant(session, wish))
        }));
        let comers = this.sessions.iter().skip(2 * (1 + STAY)).step_by(2);
        let coming = join_all(
            comers
                .zip([random.next(), random.next()])
                .map(|(session, seed)| this.come_and_go(session, Random::new(seed))),
        );
        let (changed, (talked, (came, ()))) = join(
            changing,
            join(talking, join(coming, this.wander(&mut moves))),
        )
        .await;
        let mut done = Done::default();
        let came = came.into_iter().flatten().map(|answered| {
            if answered {
                Outcome::Done
            } else {
                Outcome::Unknown
            }
        });
        for outcome in changed.into_iter().chain(talked).chain(came) {
            done.asked += 1;
            done.answered += usize::from(outcome != Outcome::Unknown);
            match outcome {
                Outcome::Created(channel) => self.channels.push(channel),
                Outcome::Deleted(channel) => self.channels.retain(|known| *known != channel),
                Outcome::Said(channel, message) => self.said.push((channel, message)),
                Outcome::Done | Outcome::Unknown => {}
            }
        }
        let old = self.said.len().saturating_sub(50);
        self.said.drain(..old);
        Ok(done)
    }

    fn channel(&self, random: &mut Random) -> ChannelId {
        *random.pick(&self.channels).unwrap_or(&self.fixture.channel)
    }

    fn wish(&self, random: &mut Random) -> Wish {
        let Some(channel) = random.pick(&self.channels).copied() else {
            return Wish::Create(Vec::new());
        };
        match random.below(20) {
            0..2 if self.channels.len() < CHANNELS => Wish::Create(self.overrides(random)),
            2 if self.channels.len() > 2 => Wish::Delete(channel),
            3 => Wish::Rename(channel),
            4 | 5 => match random.pick(&self.said) {
                Some((channel, message)) if random.below(2) == 0 => Wish::Edit(*channel, *message),
                Some((channel, message)) => Wish::Remove(*channel, *message),
                None => Wish::Say(channel),
            },
            6..12 => Wish::Override(channel, self.overrides(random)),
            _ => Wish::Say(channel),
        }
    }

    /// For everyone, for roles and for members; often one of each.
    fn overrides(&self, random: &mut Random) -> Vec<Override> {
        let mut overrides = Vec::new();
        let mut over = |kind, target, shows| {
            let (yes, no) = (Permissions::VIEW_CHANNEL, Permissions::empty());
            overrides.push(override_of(
                kind,
                target,
                if shows { yes } else { no },
                if shows { no } else { yes },
            ));
        };
        if random.below(2) == 0 {
            over(TargetKind::Role, self.topic(), false);
        }
        for role in ROLES {
            if random.below(3) == 0 {
                over(TargetKind::Role, role, random.below(2) == 0);
            }
        }
        if random.below(2) == 0
            && let Some(session) = random.pick(&self.sessions)
        {
            over(TargetKind::Member, session.user, random.below(2) == 0);
        }
        overrides
    }

    async fn grant(&self, session: &Session, wish: Wish) -> Outcome {
        let said = |channel, sent: MessageSent| Outcome::Said(channel, sent.message_id);
        match wish {
            Wish::Create(overrides) => {
                let create = create(overrides);
                let created =
                    |created: ChannelCreated| Outcome::Created(created.channel.channel_id);
                self.ask(session, &create, created).await
            }
            Wish::Override(channel, overrides) => {
                let update = update(channel, None, Some(overrides));
                self.ask(session, &update, |()| Outcome::Done).await
            }
            Wish::Rename(channel) => {
                let update = update(channel, Some("another name".to_owned()), None);
                self.ask(session, &update, |()| Outcome::Done).await
            }
            Wish::Delete(channel_id) => {
                let delete = delete_channel(channel_id);
                self.ask(session, &delete, |()| Outcome::Deleted(channel_id))
                    .await
            }
            Wish::Say(channel_id) => {
                let message = send_message(channel_id, "something");
                self.ask(session, &message, |sent| said(channel_id, sent))
                    .await
            }
            Wish::Edit(channel_id, message_id) => {
                let edit = edit_message(channel_id, message_id, "something else");
                self.ask(session, &edit, |()| Outcome::Done).await
            }
            Wish::Remove(channel_id, message_id) => {
                let delete = delete_message(channel_id, message_id);
                self.ask(session, &delete, |()| Outcome::Done).await
            }
        }
    }

    async fn ask<R: Request>(
        &self,
        session: &Session,
        request: &R,
        outcome: impl FnOnce(R::Reply) -> Outcome,
    ) -> Outcome {
        match session.client.call(self.topic(), request).await {
            Ok(reply) => outcome(reply),
            // It may not be seen or changed any more: that is an answer, too.
            Err(CallError::Refused(_)) => Outcome::Done,
            Err(_) => Outcome::Unknown,
        }
    }

    /// Leaves and joins a few times, as fast as the answers come.
    async fn come_and_go(&self, session: &Session, mut random: Random) -> Vec<bool> {
        let mut answered = Vec::new();
        for _ in 0..random.below(4) {
            let leave = leave_server();
            let left = session.client.call(self.topic(), &leave).await;
            sleep(Duration::from_millis(random.below(3) * random.below(150))).await;
            let redeem = redeem_invite(&self.code);
            let joined = session.client.call(0, &redeem).await;
            let known = |error: Option<CallError>| error.is_none_or(|e| e.refusal().is_some());
            answered.extend([known(left.err()), known(joined.err())]);
        }
        answered
    }

    /// Some sessions break off and resume on the other gateway.
    async fn wander(&self, random: &mut Random) {
        for _ in 0..random.below(4) {
            sleep(Duration::from_millis(random.below(400))).await;
            if let Some(session) = random.pick(&self.sessions)
                && let Some(gateway) = random.pick(&self.gateways)
            {
                // A session that is on its way goes on its way.
                drop(session.client.resume_on(Some(gateway)).await);
            }
        }
    }
}

/// What somebody wants done.
#[derive(Debug)]
enum Wish {
    Create(Vec<Override>),
    Override(ChannelId, Vec<Override>),
    Rename(ChannelId),
    Delete(ChannelId),
    Say(ChannelId),
    Edit(ChannelId, MessageId),
    Remove(ChannelId, MessageId),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Created(ChannelId),
    Deleted(ChannelId),
    Said(ChannelId, MessageId),
    Done,
    Unknown,
}

pub(super) fn create(overrides: Vec<Override>) -> CreateChannel {
    create_channel("room", overrides)
}

pub(super) fn update(
    channel_id: ChannelId,
    name: Option<String>,
    overrides: Option<Vec<Override>>,
) -> UpdateChannel {
    UpdateChannel {
        name,
        overrides,
        ..update_channel(channel_id)
    }
}

/// There is no request that makes roles: they are put into the database while nobody
/// has the server in memory.
pub(crate) async fn give_roles(trial: &mut Trial<'_>, server: u64, users: &[u64]) -> Result<()> {
    let server = server.cast_signed();
    let ids = ROLES.map(u64::cast_signed);
    let users: Vec<i64> = users.iter().skip(1).map(|id| id.cast_signed()).collect();
    let give = trial.cluster.sql(async |client| {
        let roles = "INSERT INTO roles SELECT $1, id, 'role', 0 FROM unnest($2::int8[]) AS id";
        client.execute(roles, &[&server, &ids.as_slice()]).await?;
        let hold = "UPDATE members SET roles = $3 WHERE server = $1 AND account = $2";
        let held: [&[i64]; 3] = [&ids[..1], &ids[1..], &ids];
        for (user, held) in users.iter().zip(held) {
            client.execute(hold, &[&server, user, &held]).await?;
        }
        Ok(())
    });
    give.await.context("making roles")?;
    for number in 0..2 {
        trial.inflict(Fault::Kill(Who::Worker(number))).await?;
        trial.inflict(Fault::Kill(Who::Gateway(number))).await?;
    }
    trial.all_ready(true, BACK).await.map(drop)
}
