//! Who changes rights, who comes and goes, and who watches.

use std::{cell::Cell, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::future::{join, join_all};
use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    ids::{ChannelId, MessageId},
    protocol::{
        self, Request, Row,
        channel::{ChannelCreated, ChannelDeleted, UpdateChannel},
        message::MessageCreated,
    },
};
use tokio::time::sleep;

use crate::{
    client::{Client, Options},
    fixture::Fixture,
    random::Random,
    requests::{
        create_channel, create_invite, delete_channel, delete_message, edit_message, leave_server,
        override_of, redeem_invite, send_message, set_overrides, update_channel,
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
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) user: u64,
    pub(crate) client: Client,
    /// Up to here it was judged.
    pub(super) position: Cell<u64>,
}

impl Session {
    /// Opens the session of member `number` on gateway `number` first, counting around.
    pub(crate) async fn open(fixture: &Fixture, number: usize) -> Result<Self> {
        let client = fixture.enter(number, Options::default()).await?;
        let ready = client.ready().context("a session that is open")?;
        let person = number % fixture.tokens.len().max(1);
        Ok(Self {
            name: format!("person {person} with session {number}"),
            user: ready.user.user_id.get(),
            client,
            position: Cell::new(0),
        })
    }
}

/// What somebody asks: a row, and a body of it.
type Wish = (Row, Vec<u8>);

fn wish<R: Request>(request: &R) -> Wish {
    (R::ROW, protocol::encode(request))
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
    /// How much of what the owner saw is in them.
    known: u64,
}

impl Participants {
    /// Opens a server, gives roles to some, and lets everybody in twice.
    pub(super) async fn gather(trial: &mut Trial<'_>) -> Result<Self> {
        let people = 1 + STAY + COME_AND_GO;
        let fixture = trial.fixture(people).await?;
        give_roles(trial, &fixture).await?;
        let mut sessions = Vec::new();
        for number in 0..people {
            for device in 0..2 {
                sessions.push(Session::open(&fixture, number + device * people).await?);
            }
        }
        let owner: &Session = sessions.first().context("an owner")?;
        let invite = create_invite();
        let code = owner.client.call(fixture.server.get(), &invite).await?.code;
        Ok(Self {
            gateways: fixture.gateways.clone(),
            fixture,
            sessions,
            code,
            channels: Vec::new(),
            said: Vec::new(),
            known: 0,
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

    /// Takes over what the owner saw of channels and messages.
    fn learn(&mut self) {
        let seen = self.owner().client.log().since(self.known);
        self.known += seen.len() as u64;
        for seen in seen {
            if let Some(ChannelCreated { channel }) = seen.event() {
                self.channels.push(channel.channel_id);
            } else if let Some(ChannelDeleted { channel_id }) = seen.event() {
                self.channels.retain(|known| *known != channel_id);
            } else if let Some(created) = seen.event::<MessageCreated>() {
                let message = created.message.message_id;
                self.said.push((created.channel_id, message));
            }
        }
        let old = self.said.len().saturating_sub(50);
        self.said.drain(..old);
    }

    /// One round: the owner changes rights and channels without waiting for answers,
    /// members talk, some come and go, and sessions move to the other gateway. For each
    /// request: whether it was answered.
    pub(super) async fn play(&mut self, random: &mut Random) -> Result<Vec<bool>> {
        self.learn();
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
                let channel = random.pick(&self.channels).unwrap_or(&self.fixture.channel);
                (who, wish(&send_message(*channel, "something")))
            })
            .collect();
        let mut pace = Random::new(random.next());
        let mut moves = Random::new(random.next());
        let this = &*self;
        let changing = async {
            let mut all = Vec::new();
            for batch in batches {
                let wishes = batch.into_iter().map(|wish| this.ask(this.owner(), wish));
                all.extend(join_all(wishes).await);
                sleep(Duration::from_millis(pace.below(200))).await;
            }
            all
        };
        let talking = join_all(talk.into_iter().filter_map(|(who, wish)| {
            let session = this.sessions.get(who)?;
            Some(this.ask(session, wish))
        }));
        let comers = this.sessions.iter().skip(2 * (1 + STAY)).step_by(2);
        let coming = join_all(
            comers
                .zip([random.next(), random.next()])
                .map(|(session, seed)| this.come_and_go(session, Random::new(seed))),
        );
        let (mut answered, (talked, (came, ()))) = join(
            changing,
            join(talking, join(coming, this.wander(&mut moves))),
        )
        .await;
        answered.extend(talked);
        answered.extend(came.into_iter().flatten());
        Ok(answered)
    }

    fn wish(&self, random: &mut Random) -> Wish {
        let Some(channel) = random.pick(&self.channels).copied() else {
            return wish(&create_channel("room", Vec::new()));
        };
        match random.below(20) {
            0..2 if self.channels.len() < CHANNELS => {
                wish(&create_channel("room", self.overrides(random)))
            }
            2 if self.channels.len() > 2 => wish(&delete_channel(channel)),
            3 => wish(&UpdateChannel {
                name: Some("another name".to_owned()),
                ..update_channel(channel)
            }),
            4 | 5 => match random.pick(&self.said) {
                Some((channel, message)) if random.below(2) == 0 => {
                    wish(&edit_message(*channel, *message, "something else"))
                }
                Some((channel, message)) => wish(&delete_message(*channel, *message)),
                None => wish(&send_message(channel, "something")),
            },
            6..12 => wish(&set_overrides(channel, self.overrides(random))),
            _ => wish(&send_message(channel, "something")),
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

    /// Whether somebody's wish was answered; it may not be seen or changed any more: that is an
    /// answer, too.
    async fn ask(&self, session: &Session, (row, body): Wish) -> bool {
        let asked = session.client.ask(&row, self.topic(), body).await;
        asked.err().is_none_or(|error| error.refusal().is_some())
    }

    /// Leaves and joins a few times, as fast as the answers come.
    async fn come_and_go(&self, session: &Session, mut random: Random) -> Vec<bool> {
        let mut answered = Vec::new();
        for _ in 0..random.below(4) {
            let left = session.client.call(self.topic(), &leave_server()).await;
            sleep(Duration::from_millis(random.below(3) * random.below(150))).await;
            let redeem = redeem_invite(&self.code);
            let joined = session.client.call(0, &redeem).await;
            for error in [left.err(), joined.err()] {
                answered.push(error.is_none_or(|error| error.refusal().is_some()));
            }
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

/// There is no request that makes roles: they are put into the database while nobody
/// has the server in memory.
pub(crate) async fn give_roles(trial: &mut Trial<'_>, fixture: &Fixture) -> Result<()> {
    let server = fixture.server.get().cast_signed();
    let ids = ROLES.map(u64::cast_signed);
    let mut users = Vec::new();
    for number in 1..fixture.tokens.len() {
        users.push(Session::open(fixture, number).await?.user.cast_signed());
    }
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
