//! Ends notifications that are due: decides once more, by what is so now, and leaves a push for each device.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use shared::{
    clock::Clock,
    domain::notification::NotificationReason,
    ids::{ChannelId, UserId},
    protocol::notification::NotificationState,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{NotificationMetrics, facts::distinct, present::Present, text::Told};
use crate::{
    error::StoreError,
    retry,
    store::{
        notification::{DueTurn, Notifications},
        push::{NewPush, ToldDevice},
        read::Store,
    },
};

/// Notifications that end in one transaction: some milliseconds.
const PAGE: i64 = 100;
/// One page of this many begins with who is told of everything: they are not to wait for ever while others are meant.
const GENERAL_EVERY: u64 = 10;
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
        let mut pages = 0_u64;
        while !stop.is_cancelled() {
            if surveyed.is_none_or(|at| at.elapsed() >= SURVEY) {
                surveyed = Some(Instant::now());
                match self.notifications.find_overdue().await {
                    Ok(overdue) => self.metrics.overdue_seconds.set(overdue),
                    Err(error) => warn!(%error, "notifications could not be counted"),
                }
            }
            pages += 1;
            let general_first = pages.is_multiple_of(GENERAL_EVERY);
            let pause = match self.end_page(PAGE, general_first).await {
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
            let Ok(turn) = self.notifications.begin(1, false).await else {
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
    async fn end_page(&self, limit: i64, general_first: bool) -> Result<i64, StoreError> {
        let turn = self.notifications.begin(limit, general_first).await?;
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
            let state = match known.judge(due, !devices.is_empty()) {
                Err(state) => state,
                Ok(told) => {
                    let body = known.body(due.account, told);
                    let trace = due.trace.as_deref();
                    pushes.extend(
                        devices
                            .iter()
                            .map(|device| push_to(device, (told, &body), trace)),
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

fn push_to(device: &ToldDevice, (told, body): (Told<'_>, &[u8]), trace: Option<&str>) -> NewPush {
    let (meant, general) = URGENCY;
    let urgency = match told.reason {
        NotificationReason::Everyone | NotificationReason::All => general,
        NotificationReason::Mention
        | NotificationReason::Reply
        | NotificationReason::Role
        | NotificationReason::Keyword => meant,
    };
    NewPush {
        device: device.clone(),
        body: body.to_vec(),
        topic: topic_of(device, told.said.channel),
        urgency,
        ttl_s: WORTH_S,
        message: Some(told.said.message.message_id),
        trace: trace.map(str::to_owned),
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
