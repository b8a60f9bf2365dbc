//! Repairs: what the bus lost is read from the event log.

use std::time::Duration;

use shared::{error::Refusal, protocol::control::TopicSeq};
use tokio::time::Instant;

use super::{
    topic::{Subscription, TopicKind},
    topic_router::{Fetch, GRACE, TopicRouter},
};
use crate::requests::gateway_queries::LogPage;

/// How many repairs run at once: half of the turns that a gateway has for its own
/// questions, which replays need, too.
const MAX_REPAIRS: usize = 16;
/// How many topics one question about heads names.
const HEADS: usize = 256;
/// How many such questions are asked at once.
const MAX_HEADS: usize = 2;
/// How long to wait after a query failed.
const RETRY: Duration = Duration::from_millis(500);

impl TopicRouter {
    /// Reads what follows the last event of a topic, when it is its turn.
    pub(super) fn queue_repair(&mut self, number: u64) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if !topic.repairing {
            topic.repairing = true;
            self.repairs.push_back(number);
        }
        self.start_repairs();
    }

    fn start_repairs(&mut self) {
        while self.repairs_running < MAX_REPAIRS
            && let Some(number) = self.repairs.pop_front()
        {
            if let Some(topic) = self.topics.get_mut(&number) {
                topic.repair_want = topic.want;
                self.repairs_running += 1;
                self.metrics.repairs_total.inc();
                self.jobs.push(Fetch::Repair {
                    topic: number,
                    after: topic.last,
                });
            }
        }
    }

    /// A repair was answered.
    pub fn finish_repair(
        &mut self,
        number: u64,
        after: u64,
        answer: Result<LogPage, Refusal>,
        now: Instant,
    ) {
        self.repairs_running = self.repairs_running.saturating_sub(1);
        if let Some(topic) = self.topics.get_mut(&number) {
            topic.repairing = false;
            match answer {
                Ok(answer) => self.apply_repair(number, after, answer, now),
                Err(_refusal) => {
                    self.metrics.repairs_failed_total.inc();
                    // Whatever was wanted before: it has to be read once more.
                    topic.want = topic.want.max(topic.last + 1);
                    self.set_alarm(now + RETRY, number);
                }
            }
        }
        self.start_repairs();
    }

    fn apply_repair(&mut self, number: u64, after: u64, answer: LogPage, now: Instant) {
        let LogPage {
            events,
            head,
            too_old,
        } = answer;
        if head < after {
            self.begin_anew(number, head, now);
            return;
        }
        if too_old {
            self.skip_lost(number, head, now);
            return;
        }
        let progress = !events.is_empty();
        for envelope in events {
            if envelope.topic == number {
                self.take_event(envelope, now);
            }
        }
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if !topic.is_open() {
            // What was not kept is read after the structure has come.
            topic.want = topic.want.max(head);
            return;
        }
        if !progress && topic.want > topic.repair_want.max(head) {
            // More was heard of since it was asked for.
            self.queue_repair(number);
        } else if !progress {
            // The log is the truth: what was hoped for beyond it does not exist.
            topic.want = topic.want.min(head.max(topic.last));
            // Who waits for it has a snapshot of another log.
            self.drop_waiting(number);
        } else if head > topic.last {
            topic.want = topic.want.max(head);
            self.queue_repair(number);
        }
    }

    /// The log is shorter than it was: a standby or a backup took over. Sessions
    /// find out from the epoch when they resume.
    fn begin_anew(&mut self, number: u64, head: u64, now: Instant) {
        if let Some(topic) = self.topics.get_mut(&number) {
            topic.skip_to(head);
            self.close_out_of_sync(number);
            self.drop_waiting(number);
            // The rights may be other ones, too.
            self.reread_structure(number, now);
        }
    }

    /// Events are gone for good: the sessions fetch the topic anew.
    fn skip_lost(&mut self, number: u64, head: u64, now: Instant) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if head <= topic.last {
            return;
        }
        if topic.kind == TopicKind::Server {
            // Nobody knows what happened to the rights.
            return self.reread_structure(number, now);
        }
        // Who joined or was revoked in what is lost, nobody knows.
        topic.skip_to(head);
        self.close_out_of_sync(number);
        self.deliver_kept(number, now);
    }

    /// A topic's alarm rang.
    #[cfg_attr(
        not(feature = "sabotage"),
        expect(unused_variables, reason = "only the sabotaged build delivers here")
    )]
    pub(super) fn check_topic(&mut self, number: u64, now: Instant) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let is_wanted = !topic.members.is_empty() || !topic.waiting.is_empty();
        if topic.is_behind()
            && topic.is_open()
            && topic.subscription != Subscription::Wanted
            && is_wanted
        {
            #[cfg(feature = "sabotage")]
            if crate::sabotage::passes_over() {
                topic.skip_to(topic.last + 1);
                return self.deliver_kept(number, now);
            }
            self.queue_repair(number);
        }
    }

    /// Asks for the heads of new and of dirty topics, in batches.
    pub(super) fn ask_heads(&mut self, now: Instant) {
        while self.heads_running < MAX_HEADS {
            let waiting = if !self.fresh.is_empty() {
                &mut self.fresh
            } else if !self.dirty.is_empty() && now >= self.dirty_at {
                &mut self.dirty
            } else {
                return;
            };
            let count = waiting.len().min(HEADS);
            let batch: Vec<(u64, u64)> = waiting
                .drain(..count)
                .filter_map(|number| Some((number, self.topics.get(&number)?.last)))
                .collect();
            if !batch.is_empty() {
                self.heads_running += 1;
                self.jobs.push(Fetch::Heads(batch));
            }
        }
    }

    /// The heads of topics were answered.
    pub fn apply_heads(
        &mut self,
        asked: &[(u64, u64)],
        answer: Result<(u64, Vec<TopicSeq>), Refusal>,
        now: Instant,
    ) {
        self.heads_running = self.heads_running.saturating_sub(1);
        let Ok((epoch, heads)) = answer else {
            self.metrics.repairs_failed_total.inc();
            self.dirty.extend(asked.iter().map(|(number, _)| *number));
            self.dirty_at = now + RETRY + self.pick_jitter(RETRY);
            return;
        };
        self.learn_epoch(epoch);
        for (number, _) in asked {
            if let Some(topic) = self.topics.get_mut(number) {
                topic.dirty = false;
            }
        }
        for head in heads {
            let Some(topic) = self.topics.get_mut(&head.topic) else {
                continue;
            };
            let before = asked.iter().find(|(number, _)| *number == head.topic);
            if before.is_some_and(|(_, last)| head.seq < *last) {
                self.begin_anew(head.topic, head.seq, now);
            } else if head.seq > topic.last {
                topic.want = topic.want.max(head.seq);
                if topic.subscription == Subscription::Fresh {
                    self.queue_repair(head.topic);
                } else {
                    self.set_alarm(now + GRACE, head.topic);
                }
            }
        }
        for (number, _) in asked {
            if let Some(topic) = self.topics.get_mut(number)
                && topic.subscription == Subscription::Fresh
            {
                topic.subscription = Subscription::Known;
            }
        }
        self.ask_heads(now);
    }
}
