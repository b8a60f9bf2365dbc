//! What is so when devices are told, and when they are told late: the same is asked both times.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use shared::{
    clock::Clock,
    domain::notification::{NotificationRule, decide},
    ids::{ChannelId, MessageId, ServerId, UserId},
    protocol::{notification::NotificationState, register::RegisterKind},
};

use super::{
    Gathered, SaidMessage,
    facts::distinct,
    planner::NEWS_MS,
    text::{Names, Told, body_of},
};
use crate::{
    error::StoreError,
    push::{LateBodies, TellLate},
    store::{
        notification::DueNotification,
        read::{self, Snapshot, Store},
    },
};

/// Says what is told late.
pub(crate) struct LateTeller {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl TellLate for LateTeller {
    fn tell_late<'a>(
        &'a self,
        accounts: &'a [UserId],
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<LateBodies, StoreError>> {
        Box::pin(async move {
            let mut snapshot = self.store.snapshot().await?;
            let found =
                read::notification::list_notifications(&mut snapshot, accounts, messages).await?;
            let present = Present::read(&mut snapshot, self.clock.now_ms(), &found).await;
            snapshot.end().await;
            let present = present?;
            let told = found.iter().filter_map(|due| {
                let place = (due.account, due.message);
                Some((place, present.body_late(due)?))
            });
            Ok(told.collect())
        })
    }
}

/// What is so now of notifications, read for many at once.
pub(super) struct Present {
    said: BTreeMap<(ServerId, MessageId), SaidMessage>,
    gathered: Gathered,
    cursors: BTreeMap<(UserId, u64), u64>,
    names: Names,
    /// Before that, nothing is news.
    oldest_ms: u64,
}

impl Present {
    pub(super) async fn read(
        snapshot: &mut Snapshot,
        now_ms: u64,
        due: &[DueNotification],
    ) -> Result<Self, StoreError> {
        let places = distinct(due.iter().map(|due| (due.channel, due.message)));
        let (channels, messages): (Vec<ChannelId>, Vec<MessageId>) = places.into_iter().unzip();
        let found = read::notification::list_said(snapshot, &channels, &messages).await?;
        let said: BTreeMap<(ServerId, MessageId), SaidMessage> = found
            .into_iter()
            .map(|(server, channel, message)| {
                (
                    (server, message.message_id),
                    SaidMessage::new(server, channel, message),
                )
            })
            .collect();
        let pairs: Vec<(&SaidMessage, UserId)> = due
            .iter()
            .filter_map(|due| Some((said.get(&(due.server, due.message))?, due.account)))
            .collect();
        let gathered = Gathered::gather(snapshot, now_ms, &pairs).await?;
        let read = due.iter().map(|due| (due.account, due.channel.get()));
        let kind = RegisterKind::ReadCursor;
        let cursors = read::notification::find_registers(snapshot, kind, read).await?;
        let names = read_names(snapshot, said.values()).await?;
        Ok(Self {
            said,
            gathered,
            cursors,
            names,
            oldest_ms: now_ms.saturating_sub(NEWS_MS),
        })
    }

    /// Whether somebody, of whom a device is told or not, is still told, or what became of it.
    pub(super) fn judge(
        &self,
        due: &DueNotification,
        has_device: bool,
    ) -> Result<Told<'_>, NotificationState> {
        let said = self
            .said
            .get(&(due.server, due.message))
            .ok_or(NotificationState::Withdrawn)?;
        let read = self
            .cursors
            .get(&(due.account, due.channel.get()))
            .copied()
            .unwrap_or_default();
        if read >= due.seq {
            return Err(NotificationState::Read);
        }
        // It waited for a worker that may push.
        if due.message.created_ms() < self.oldest_ms {
            return Err(NotificationState::Withdrawn);
        }
        let facts = self.gathered.facts(said, due.account, has_device);
        let reason = decide(&facts, |_| {}).map_err(|rule| match rule {
            NotificationRule::HasDevice => NotificationState::NoDevice,
            _ => NotificationState::Withdrawn,
        })?;
        Ok(Told { said, reason })
    }

    /// What devices of an account are told.
    pub(super) fn body(&self, account: UserId, told: Told<'_>) -> Vec<u8> {
        body_of(
            told,
            (!self.gathered.is_private(account)).then_some(&self.names),
        )
    }

    /// What a device is told that was not reached for some time; nothing where there is nothing to tell any more.
    fn body_late(&self, due: &DueNotification) -> Option<Vec<u8>> {
        let told = self.judge(due, true).ok()?;
        Some(self.body(due.account, told))
    }
}

async fn read_names<'a>(
    snapshot: &mut Snapshot,
    said: impl Iterator<Item = &'a SaidMessage> + Clone,
) -> Result<Names, StoreError> {
    let channels = distinct(said.clone().map(|said| said.channel));
    let named = said.clone().flat_map(|said| {
        let users = said.named().iter().copied().chain([said.message.author_id]);
        users.map(|user| (said.server, user))
    });
    let (servers, accounts): (Vec<ServerId>, Vec<UserId>) = distinct(named).into_iter().unzip();
    // A text without a mention names no role.
    let calling = said.filter(|said| !said.message.mentions.is_empty());
    let calling = distinct(calling.map(|said| said.server));
    let roles = read::server::list_roles(snapshot, &calling).await?;
    let roles = roles
        .into_values()
        .flatten()
        .map(|role| (role.role_id, role.name));
    Ok(Names {
        titles: read::notification::find_titles(snapshot, &channels).await?,
        accounts: read::notification::find_names(snapshot, &servers, &accounts).await?,
        roles: roles.collect(),
    })
}
