//! Ends notifications that are due: decides once more, by what is so now, and leaves a push for each device.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use shared::{
    clock::Clock,
    domain::notification::{NotificationReason, decide},
    ids::{ChannelId, MessageId, ServerId, UserId},
    protocol::{notification::NotificationState, register::RegisterKind},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    Gathered, NotificationMetrics, SaidMessage,
    facts::distinct,
    planner::NEWS_MS,
    text::{Names, Told, body_of},
};
use crate::{
    error::StoreError,
    retry,
    store::{
        notification::{DueNotification, DueTurn, Notifications, PlannedPush, ToldDevice},
        read::{self, Snapshot, Store},
    },
};

/// Notifications that end in one transaction: some milliseconds.
const PAGE: i64 = 100;
/// How soon to look again when nothing was due.
const IDLE: Duration = Duration::from_millis(250);
/// How long to wait after Postgres failed.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often the oldest is looked for, for the metrics.
const SURVEY: Duration = Duration::from_secs(5);
/// For how many seconds a push is worth something: a day.
const WORTH_S: u32 = 24 * 3_600;
/// How soon a device is woken: where somebody is meant, and otherwise.
const URGENCY: (i16, i16) = (3, 2);
/// Bytes of a topic before they are written as characters: two channels of a device never share one.
const TOPIC: usize = 12;
/// All that may become of a notification.
const ENDS: [NotificationState; 5] = [
    NotificationState::Told,
    NotificationState::Read,
    NotificationState::Withdrawn,
    NotificationState::NoDevice,
    NotificationState::Failed,
];

/// Who ends notifications.
pub(crate) struct Delivery {
    pub(crate) notifications: Notifications,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) metrics: NotificationMetrics,
}

impl Delivery {
    /// Ends page after page until it is stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        for state in ENDS {
            self.metrics.ended_total.with_label_values(&[state.name()]);
        }
        let mut surveyed: Option<Instant> = None;
        while !stop.is_cancelled() {
            if surveyed.is_none_or(|at| at.elapsed() >= SURVEY) {
                surveyed = Some(Instant::now());
                match self.notifications.find_overdue().await {
                    Ok(overdue) => self.metrics.overdue_seconds.set(overdue),
                    Err(error) => warn!(%error, "notifications could not be counted"),
                }
            }
            let pause = match self.end_page(PAGE).await {
                Ok(PAGE) => continue,
                Ok(_) => IDLE,
                Err(error) if error.is_outage() => {
                    warn!(%error, "notifications wait for Postgres");
                    BACK_OFF
                }
                Err(error) => {
                    warn!(%error, "a page of notifications failed: each goes alone");
                    self.end_singly().await
                }
            };
            stop.run_until_cancelled(sleep(pause)).await;
        }
        self.notifications.close().await;
    }

    /// Ends each of a page on its own; one that fails again waits, longer each time.
    async fn end_singly(&self) -> Duration {
        for _ in 0..PAGE {
            let Ok(turn) = self.notifications.begin(1).await else {
                return BACK_OFF;
            };
            let Some(due) = turn.due.first().cloned() else {
                return IDLE;
            };
            let Err(problem) = self.end(turn).await else {
                continue;
            };
            let attempts = due.attempts.saturating_add(1);
            let gives_up = attempts >= retry::MAX_ATTEMPTS;
            if gives_up {
                error!(error = %problem, message = %due.message, "a notification failed too often");
                self.count([NotificationState::Failed].iter());
            }
            let wait = retry::wait_after(attempts);
            if self
                .notifications
                .postpone(&due, wait, gives_up)
                .await
                .is_err()
            {
                return BACK_OFF;
            }
        }
        IDLE
    }

    /// Ends those that have been due longest; answers how many.
    async fn end_page(&self, limit: i64) -> Result<i64, StoreError> {
        let turn = self.notifications.begin(limit).await?;
        let count = i64::try_from(turn.due.len()).unwrap_or(limit);
        if count > 0 {
            self.end(turn).await?;
        }
        Ok(count)
    }

    async fn end(&self, mut turn: DueTurn) -> Result<(), StoreError> {
        let mut snapshot = self.store.snapshot().await?;
        let known = Present::read(&mut snapshot, self.clock.now_ms(), &turn.due).await;
        snapshot.end().await;
        let known = known?;
        let accounts = distinct(turn.due.iter().map(|due| due.account));
        let mut devices: BTreeMap<UserId, Vec<ToldDevice>> = BTreeMap::new();
        for device in turn.list_devices(&accounts).await? {
            devices.entry(device.account).or_default().push(device);
        }
        let (mut states, mut pushes) = (Vec::with_capacity(turn.due.len()), Vec::new());
        for due in &turn.due {
            let devices = devices
                .get(&due.account)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let state = match known.judge(due) {
                Err(state) => state,
                Ok(_) if devices.is_empty() => NotificationState::NoDevice,
                Ok(told) => {
                    let body = body_of(told, known.names_for(due.account));
                    pushes.extend(
                        devices
                            .iter()
                            .map(|device| push_to(device, told, body.clone())),
                    );
                    NotificationState::Told
                }
            };
            states.push(state);
        }
        turn.finish(&states, &pushes).await?;
        self.count(states.iter());
        Ok(())
    }

    fn count<'a>(&self, states: impl Iterator<Item = &'a NotificationState>) {
        for state in states {
            self.metrics
                .ended_total
                .with_label_values(&[state.name()])
                .inc();
        }
    }
}

/// What is so now.
struct Present {
    said: BTreeMap<(ServerId, MessageId), SaidMessage>,
    gathered: Gathered,
    cursors: BTreeMap<(UserId, u64), u64>,
    names: Names,
    /// Before that, nothing is news.
    oldest_ms: u64,
}

impl Present {
    async fn read(
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

    /// Whether somebody is still told, or what became of it.
    fn judge(&self, due: &DueNotification) -> Result<Told<'_>, NotificationState> {
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
        let facts = self.gathered.facts(said, due.account);
        let reason = decide(&facts, |_| {}).map_err(|_rule| NotificationState::Withdrawn)?;
        Ok(Told { said, reason })
    }

    fn names_for(&self, account: UserId) -> Option<&Names> {
        (!self.gathered.is_private(account)).then_some(&self.names)
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

fn push_to(device: &ToldDevice, told: Told<'_>, body: Vec<u8>) -> PlannedPush {
    let (meant, general) = URGENCY;
    let urgency = match told.reason {
        NotificationReason::Everyone | NotificationReason::All => general,
        NotificationReason::Mention
        | NotificationReason::Reply
        | NotificationReason::Role
        | NotificationReason::Keyword => meant,
    };
    PlannedPush {
        device: device.clone(),
        body,
        topic: topic_of(device, told.said.channel),
        urgency,
        ttl_s: WORTH_S,
    }
}

/// Names a channel to the push service of one device. The service of two devices does not learn that they are told of the same.
fn topic_of(device: &ToldDevice, channel: ChannelId) -> String {
    let mut hash = Sha256::new();
    hash.update(device.device.get().to_be_bytes());
    hash.update(channel.get().to_be_bytes());
    let hash = hash.finalize();
    URL_SAFE_NO_PAD.encode(hash.get(..TOPIC).unwrap_or_default())
}
