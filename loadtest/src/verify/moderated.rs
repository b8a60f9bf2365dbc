//! Rights are taken in every way there is, while everybody talks: after the reply that took
//! one, no request of who lost it is granted, and nothing later is shown to him. Part of P16.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::{join, join_all};
use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    error::Reason,
    ids::{ChannelId, RoleId, UserId},
    protocol::{Request, message::MessageCreated, role::UpdateRole, server::ServerLeft},
};
use tokio::time::Instant;

use super::{
    schedule::Kind,
    trial::{BACK, Size, Trial},
};
use crate::{
    checker,
    client::{CallError, Client, Options, backoff::undecided, log::Seen},
    fixture::Fixture,
    random::nonce,
    requests::{
        ban, clear_override, create_channel, create_invite, create_role, delete_channel,
        delete_role, get_messages, get_modlog, hide_channel, kick, mute, override_of,
        redeem_invite, send_message, set_override, set_overrides, set_roles, time_out, unban,
        update_role,
    },
    workload::Plan,
};

/// How long somebody is silenced, in seconds: longer than any trial.
const SILENCE: u32 = 86_400;

/// How a right is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// The channel is hidden from everyone.
    Hidden,
    /// The member is named by an override that hides the channel.
    Named,
    /// The override goes that showed the channel to a role.
    Cleared,
    /// The member loses the role that shows the channel.
    Unassigned,
    /// The role goes that shows the channel.
    RoleDeleted,
    /// The channel goes.
    ChannelDeleted,
    /// The role may no longer see the audit log.
    Powerless,
    /// The member is silenced everywhere.
    TimedOut,
    /// The member is silenced in the channel.
    Muted,
    /// The member is removed.
    Kicked,
    /// The member is removed, and does not get in again.
    Banned,
}

impl Taking {
    const ALL: [Self; 11] = [
        Self::Hidden,
        Self::Named,
        Self::Cleared,
        Self::Unassigned,
        Self::RoleDeleted,
        Self::ChannelDeleted,
        Self::Powerless,
        Self::TimedOut,
        Self::Muted,
        Self::Kicked,
        Self::Banned,
    ];

    /// Whether who loses it loses sight of the channel.
    const fn hides(self) -> bool {
        !matches!(self, Self::Powerless | Self::TimedOut | Self::Muted)
    }

    /// Whether who loses it is no member any more.
    const fn removes(self) -> bool {
        matches!(self, Self::Kicked | Self::Banned)
    }
}

/// Somebody who loses rights, on both gateways, and who takes them.
#[derive(Debug)]
struct Pair<'a> {
    fixture: &'a Fixture,
    owner: &'a Client,
    code: &'a str,
    /// Where everybody sees what is said.
    open: ChannelId,
    user: UserId,
    sessions: [Client; 2],
    taking: Taking,
}

/// What one of them may do only by a role.
#[derive(Debug, Clone, Copy)]
struct Place {
    channel: ChannelId,
    role: RoleId,
}

/// Each way of taking again and again, all at once.
pub(super) async fn taken(trial: &mut Trial<'_>) -> Result<()> {
    // With as many people as are odd, the second session of each is on the other gateway.
    let people = (Taking::ALL.len() + 1) | 1;
    let fixture = trial.fixture(people).await?;
    let owned = Fixture {
        tokens: fixture.tokens.iter().take(1).cloned().collect(),
        ..fixture.clone()
    };
    let workload = trial.workload(&owned, &Plan::patient()).await?;
    let owner = fixture.enter(0, Options::default()).await?;
    let invite = owner.call(fixture.server.get(), &create_invite()).await?;
    let open = create_channel("open", Vec::new());
    let open = owner.call(fixture.server.get(), &open).await?;
    let open = open.channel.channel_id;
    let mut pairs = Vec::new();
    for (number, taking) in (1..).zip(Taking::ALL) {
        let first = fixture.enter(number, Options::default()).await?;
        let second = fixture.enter(number + people, Options::default()).await?;
        pairs.push(Pair {
            fixture: &fixture,
            owner: &owner,
            code: &invite.code,
            open,
            user: first.ready().context("a session")?.user.user_id,
            sessions: [first, second],
            taking,
        });
    }
    workload.progress(10, BACK).await?;
    trial.note("rights are taken in every way there is");
    let end = Instant::now() + trial.terms.length / 2;
    let playing = join_all(pairs.iter().map(|pair| pair.play(end)));
    // Nobody is killed in a short trial, which has no time to wait for what comes back.
    let (played, stormed) = if trial.terms.size == Size::Short {
        (playing.await, Ok(()))
    } else {
        let kinds = [Kind::KillOurs, Kind::Cut];
        join(playing, trial.storm(&kinds, &workload)).await
    };
    stormed?;
    let mut taken = 0;
    for (pair, played) in pairs.iter().zip(played) {
        let (rounds, faults) = played.with_context(|| format!("{:?}", pair.taking))?;
        taken += rounds;
        for fault in faults {
            trial.outcome.fault(checker::Kind::Wrong, fault);
        }
    }
    let ways = pairs.len();
    trial.measured(format!("{taken} times a right was taken, in {ways} ways"));
    trial.judge(workload).await.map(drop)
}

impl Pair<'_> {
    /// Gives and takes until the end; how often, and what was wrong.
    async fn play(&self, end: Instant) -> Result<(usize, Vec<String>)> {
        let (mut rounds, mut faults) = (0, Vec::new());
        loop {
            let place = self.give().await.context("giving")?;
            faults.extend(self.round(place).await?);
            rounds += 1;
            if Instant::now() > end {
                return Ok((rounds, faults));
            }
        }
    }

    async fn round(&self, place: Place) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let taking = self.taking;
        let [first, second] = self.grants(place).await?;
        if first.is_empty() || second.is_empty() {
            faults.push(format!("{taking:?}: nothing is granted before it is taken"));
        }
        let begin = self.sessions.each_ref().map(|session| session.log().end());
        self.take(place).await.context("taking")?;
        for granted in self.grants(place).await?.concat() {
            faults.push(format!(
                "{taking:?}: {granted} is still granted after the reply"
            ));
        }
        let later = nonce();
        if taking != Taking::ChannelDeleted {
            let say = send_message(place.channel, later.clone());
            self.as_owner(&say).await.context("saying something")?;
        }
        if taking.removes() {
            self.come_back(begin).await?;
        }
        self.tidy(place).await.context("tidying up")?;
        let marker = nonce();
        let say = send_message(self.open, marker.clone());
        self.as_owner(&say).await.context("saying the end")?;
        for (session, begin) in self.sessions.iter().zip(begin) {
            let said = |seen: &Seen| Some(seen.event::<MessageCreated>()?.message.content);
            let end = |seen: &Seen| said(seen).filter(|text| *text == marker);
            let end = session.log().wait(begin, BACK, end).await;
            end.context("a session does not see the end of a round")?;
            let log = session.log().since(begin);
            let shown = log.iter().filter_map(said).any(|text| text == later);
            if shown && taking.hides() {
                faults.push(format!(
                    "{taking:?}: what was said after the reply was shown"
                ));
            }
        }
        Ok(faults)
    }

    /// A channel and a role, and whatever the taking takes.
    async fn give(&self) -> Result<Place> {
        let role = create_role("insider", Permissions::VIEW_AUDIT_LOG);
        let role = self.as_owner(&role).await?.role.role_id;
        self.as_owner(&set_roles(self.user, vec![role])).await?;
        let overrides = match self.taking {
            Taking::Hidden | Taking::Named => Vec::new(),
            _ => vec![hide_channel(self.fixture.server.get()), shown_to(role)],
        };
        let create = create_channel("room", overrides);
        let channel = self.as_owner(&create).await?.channel.channel_id;
        Ok(Place { channel, role })
    }

    async fn take(&self, Place { channel, role }: Place) -> Result<()> {
        let hidden = hide_channel(self.fixture.server.get());
        let (view, none) = (Permissions::VIEW_CHANNEL, Permissions::empty());
        match self.taking {
            Taking::Hidden => self.tell(&set_overrides(channel, vec![hidden])).await,
            Taking::Named => {
                let named = override_of(TargetKind::Member, self.user.get(), none, view);
                self.tell(&set_override(channel, &named)).await
            }
            Taking::Cleared => self.tell(&clear_override(channel, &shown_to(role))).await,
            Taking::Unassigned => self.tell(&set_roles(self.user, Vec::new())).await,
            Taking::RoleDeleted => self.tell(&delete_role(role)).await,
            Taking::ChannelDeleted => self.tell(&delete_channel(channel)).await,
            Taking::Powerless => {
                let powerless = UpdateRole {
                    permissions: Some(none),
                    ..update_role(role)
                };
                self.tell(&powerless).await
            }
            Taking::TimedOut => self.tell(&time_out(self.user, SILENCE)).await,
            Taking::Muted => self.tell(&mute(channel, self.user, SILENCE)).await,
            Taking::Kicked => self.tell(&kick(self.user)).await,
            Taking::Banned => self.tell(&ban(self.user)).await,
        }
    }

    /// What each session is granted of what the taking takes.
    async fn grants(&self, place: Place) -> Result<[Vec<&'static str>; 2]> {
        let [first, second] = &self.sessions;
        let (first, second) = join(self.granted(first, place), self.granted(second, place)).await;
        Ok([first?, second?])
    }

    async fn granted(&self, session: &Client, place: Place) -> Result<Vec<&'static str>> {
        let scope = self.fixture.server.get();
        let mut granted = Vec::new();
        if self.taking == Taking::Powerless {
            let asked = session.call(scope, &get_modlog()).await;
            granted.extend(is_granted(asked)?.then_some("modlog_get"));
            return Ok(granted);
        }
        if self.taking.hides() {
            let asked = session.call(scope, &get_messages(place.channel)).await;
            granted.extend(is_granted(asked)?.then_some("messages_get"));
        }
        let said = send_message(place.channel, "am I still heard?");
        let said = session.call(scope, &said).await;
        granted.extend(is_granted(said)?.then_some("message_new"));
        Ok(granted)
    }

    /// Both sessions are told that the membership ended; then it begins anew.
    async fn come_back(&self, begin: [u64; 2]) -> Result<()> {
        for (session, begin) in self.sessions.iter().zip(begin) {
            let left = |seen: &Seen| seen.event::<ServerLeft>();
            let left = session.log().wait(begin, BACK, left).await;
            left.context("who was removed is not told of it")?;
        }
        let [first, _] = &self.sessions;
        if self.taking == Taking::Banned {
            let joined = first.call(0, &redeem_invite(self.code)).await;
            let banned = joined.as_ref().err().and_then(CallError::refusal);
            let banned = banned.is_some_and(|refusal| refusal.reason == Reason::Banned);
            ensure!(banned, "who is banned gets in: {joined:?}");
            self.tell(&unban(self.user)).await?;
        }
        let joined = first.call(0, &redeem_invite(self.code)).await;
        joined.map(drop).context("joining again")
    }

    /// Gives back what outlives the place, and takes the place away.
    async fn tidy(&self, Place { channel, role }: Place) -> Result<()> {
        match self.taking {
            Taking::TimedOut => self.tell(&time_out(self.user, 0)).await?,
            Taking::ChannelDeleted => return self.tell(&delete_role(role)).await,
            Taking::RoleDeleted => return self.tell(&delete_channel(channel)).await,
            _ => {}
        }
        self.tell(&delete_channel(channel)).await?;
        self.tell(&delete_role(role)).await
    }

    async fn as_owner<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        self.owner.call(self.fixture.server.get(), request).await
    }

    async fn tell<R: Request>(&self, request: &R) -> Result<()> {
        self.as_owner(request).await?;
        Ok(())
    }
}

/// What shows a channel to a role.
const fn shown_to(role: RoleId) -> Override {
    let (view, none) = (Permissions::VIEW_CHANNEL, Permissions::empty());
    override_of(TargetKind::Role, role.get(), view, none)
}

/// Whether a request was granted; what nobody decided was not.
fn is_granted<T>(result: Result<T, CallError>) -> Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(CallError::TimedOut | CallError::Disconnected) => Ok(false),
        Err(CallError::Refused(refusal))
            if matches!(
                refusal.reason,
                Reason::Forbidden | Reason::UnknownChannel | Reason::UnknownServer
            ) || undecided(refusal.reason) =>
        {
            Ok(false)
        }
        Err(error) => Err(error).context("neither granted nor denied"),
    }
}
