//! Plans who is told of new messages: a consumer of the log, and the rest of large audiences as a job.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use shared::{
    bus::envelope::pack,
    clock::Clock,
    domain::notification::{NotificationReason, decide},
    ids::{ServerId, UserId},
    metrics,
    protocol::{
        self,
        message::MessageCreated,
        presence::{PresenceState, StatusKind},
    },
};
use tracing::warn;

use super::{
    AudienceSource, Gathered, SaidMessage,
    candidates::{Rest, Sources, list_candidates},
    facts::distinct,
};
use crate::{
    consumers::Effect,
    error::StoreError,
    presence::Presence,
    store::{
        consumers::{Log, LoggedEvent, NOTIFICATION_READS, Place, Selection},
        jobs::NOTIFICATION_PLAN,
        notification::NewNotification,
        read::{self, Snapshot, Store},
    },
};

/// Accounts that are decided about at once, and those of the message that passes them.
const MAX_DECIDED: usize = 4_000;
/// Accounts that are looked at in one transaction, about; the other messages are left to jobs.
const MAX_LOOKED_AT: usize = 16_000;
/// A message that is older is news to nobody, in milliseconds: a day.
pub(super) const NEWS_MS: u64 = 24 * 3_600_000;

metrics! {
    /// What notifications say of themselves.
    pub(crate) struct NotificationMetrics in "confab_notification";

    /// Accounts that were to be told of a message, by reason
    planned_total: IntCounterVec by "reason";
    /// What became of it: told, read before, withdrawn, no device, failed
    ended_total: IntCounterVec by "state";
    /// How long the oldest notification of the whole deployment is overdue, in seconds
    overdue_seconds: Gauge;
}

/// Finds who is told, and decides it.
#[derive(Clone)]
pub(crate) struct Planner {
    pub(crate) store: Store,
    pub(crate) presence: Presence,
    pub(crate) clock: Clock,
    /// How long somebody who is there has to read a message before devices are told, in seconds.
    pub(crate) grace_s: u32,
    pub(crate) metrics: NotificationMetrics,
}

/// What follows from some messages.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) rows: Vec<NewNotification>,
    pub(crate) rests: Vec<Rest>,
}

impl Effect for Planner {
    const SELECTION: Selection = NOTIFICATION_READS;
    const AT_ONCE: i64 = 256;

    async fn apply(
        &self,
        log: &mut Log,
        events: &[LoggedEvent],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let plan = self.plan(&self.read_events(events)).await?;
        let mut turn = log.begin().await?;
        turn.insert_notifications(&plan.rows).await?;
        let jobs: Vec<_> = plan
            .rests
            .iter()
            .map(|rest| (NOTIFICATION_PLAN, pack(rest).to_vec()))
            .collect();
        turn.enqueue_jobs(&jobs).await?;
        turn.finish(places).await?;
        self.count(&plan.rows);
        Ok(())
    }

    fn job(&self, event: &LoggedEvent) -> Option<(&'static str, Vec<u8>)> {
        let said = read_event(event)?;
        let place = (said.server, said.channel, said.message.message_id);
        let rest: Rest = (
            place.0,
            place.1,
            place.2,
            AudienceSource::Message.pack(),
            None,
        );
        Some((NOTIFICATION_PLAN, pack(&rest).to_vec()))
    }
}

impl Planner {
    /// The messages of these events that are still news.
    fn read_events(&self, events: &[LoggedEvent]) -> Vec<SaidMessage> {
        let oldest = self.oldest_ms();
        let said = events.iter().filter_map(|event| {
            let said = read_event(event);
            if said.is_none() {
                warn!(partition = %event.partition, position = event.position, "of a message that is not understood nobody is told");
            }
            said
        });
        said.filter(|said| said.message.message_id.created_ms() >= oldest)
            .collect()
    }

    fn oldest_ms(&self) -> u64 {
        self.clock.now_ms().saturating_sub(NEWS_MS)
    }

    /// Who is told of these messages: all of small audiences, and of each larger one the first page.
    pub(crate) async fn plan(&self, said: &[SaidMessage]) -> Result<Plan, StoreError> {
        if said.is_empty() {
            return Ok(Plan::default());
        }
        let mut snapshot = self.store.snapshot().await?;
        let plan = self.plan_in(&mut snapshot, said).await;
        snapshot.end().await;
        plan
    }

    async fn plan_in(
        &self,
        snapshot: &mut Snapshot,
        said: &[SaidMessage],
    ) -> Result<Plan, StoreError> {
        let known = Sources::read(snapshot, said).await?;
        let (mut found, mut looked_at) = (BTreeSet::new(), 0);
        let mut plan = Plan::default();
        // Who wants all of all servers is the same for each message of a server.
        let mut general: BTreeMap<ServerId, Vec<UserId>> = BTreeMap::new();
        for (place, one) in said.iter().enumerate() {
            if looked_at >= MAX_LOOKED_AT {
                plan.rests.push(rest_of(one, AudienceSource::Message, None));
                continue;
            }
            let named = one.message.mentions.iter().map(|id| (place, id.cast()));
            found.extend(named);
            for source in known.sources(one) {
                let is_general = source == AudienceSource::Watchers(0);
                if is_general && let Some(known) = general.get(&one.server) {
                    found.extend(known.iter().map(|account| (place, *account)));
                    continue;
                }
                let (page, next) = list_candidates(snapshot, one, source, None).await?;
                found.extend(page.iter().map(|account| (place, *account)));
                plan.rests
                    .extend(next.map(|next| rest_of(one, source, Some(next))));
                if is_general {
                    general.insert(one.server, page);
                }
            }
            let is_last = place + 1 == said.len();
            if is_last || found.len() >= MAX_DECIDED {
                looked_at += found.len();
                let found = mem::take(&mut found);
                plan.rows.extend(self.decide(snapshot, said, found).await?);
            }
        }
        Ok(plan)
    }

    /// The next page of an audience; answers where it goes on, too.
    pub(crate) async fn plan_rest(
        &self,
        (server, channel, message, packed, after): Rest,
    ) -> Result<Plan, StoreError> {
        let source = AudienceSource::unpack(packed)
            .ok_or(StoreError::Inconsistency("a source of accounts"))?;
        if message.created_ms() < self.oldest_ms() {
            return Ok(Plan::default());
        }
        let mut snapshot = self.store.snapshot().await?;
        let found = read::notification::list_said(&mut snapshot, &[channel], &[message]).await?;
        let Some((_, _, found)) = found.into_iter().find(|(of, ..)| *of == server) else {
            // It was deleted meanwhile.
            snapshot.end().await;
            return Ok(Plan::default());
        };
        let said = [SaidMessage::new(server, channel, found)];
        let plan = if source == AudienceSource::Message {
            self.plan_in(&mut snapshot, &said).await
        } else {
            self.plan_page(&mut snapshot, &said, (source, after)).await
        };
        snapshot.end().await;
        plan
    }

    async fn plan_page(
        &self,
        snapshot: &mut Snapshot,
        said: &[SaidMessage; 1],
        (source, after): (AudienceSource, Option<UserId>),
    ) -> Result<Plan, StoreError> {
        let [one] = said;
        let (page, next) = list_candidates(snapshot, one, source, after).await?;
        let found = page.into_iter().map(|account| (0, account)).collect();
        let rows = self.decide(snapshot, said, found).await?;
        let rests = next
            .map(|next| rest_of(one, source, Some(next)))
            .into_iter()
            .collect();
        Ok(Plan { rows, rests })
    }

    /// A row for each of those found who is told.
    async fn decide(
        &self,
        snapshot: &mut Snapshot,
        said: &[SaidMessage],
        mut found: BTreeSet<(usize, UserId)>,
    ) -> Result<Vec<NewNotification>, StoreError> {
        let accounts = distinct(found.iter().map(|(_, account)| *account));
        let with_device = read::notification::with_device(snapshot, &accounts).await?;
        found.retain(|(_, account)| with_device.contains(account));
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let pairs: Vec<(&SaidMessage, UserId)> = found
            .iter()
            .filter_map(|(place, account)| Some((said.get(*place)?, *account)))
            .collect();
        let gathered = Gathered::gather(snapshot, self.clock.now_ms(), &pairs).await?;
        let rows = pairs.iter().filter_map(|(said, account)| {
            let reason = decide(&gathered.facts(said, *account, true), |_| {}).ok()?;
            let is_there = self.is_there(*account, gathered.status(*account));
            Some(self.row(said, (*account, reason), is_there))
        });
        Ok(rows.collect())
    }

    fn row(
        &self,
        said: &SaidMessage,
        (account, reason): (UserId, NotificationReason),
        is_there: bool,
    ) -> NewNotification {
        NewNotification {
            account,
            message: said.message.message_id,
            server: said.server,
            channel: said.channel,
            seq: said.message.seq,
            reason,
            wait_s: if is_there { self.grace_s } else { 0 },
            trace: said.trace_for(reason),
        }
    }

    /// Whether somebody may be reading right now. Who hides looks as if he were not there.
    fn is_there(&self, account: UserId, status: StatusKind) -> bool {
        // A worker that has just started has heard of nobody yet.
        let is_seen = self.presence.read(|union| {
            union.count_gateways() == 0 || union.state(account) != PresenceState::Offline
        });
        is_seen || status == StatusKind::Invisible
    }

    /// Counts rows that were written.
    pub(crate) fn count(&self, rows: &[NewNotification]) {
        let mut reasons: BTreeMap<NotificationReason, u64> = BTreeMap::new();
        for row in rows {
            *reasons.entry(row.reason).or_default() += 1;
        }
        for (reason, count) in reasons {
            self.metrics
                .planned_total
                .with_label_values(&[reason.name()])
                .inc_by(count);
        }
    }
}

fn rest_of(said: &SaidMessage, source: AudienceSource, after: Option<UserId>) -> Rest {
    let message = said.message.message_id;
    (said.server, said.channel, message, source.pack(), after)
}

/// The message that an event tells; none when this program cannot read it.
fn read_event(event: &LoggedEvent) -> Option<SaidMessage> {
    let server = ServerId::try_from(event.topic).ok()?;
    let told: MessageCreated = protocol::decode_told(&event.body).ok()?;
    Some(SaidMessage::new(server, told.channel_id, told.message).traced(event.trace.clone()))
}
