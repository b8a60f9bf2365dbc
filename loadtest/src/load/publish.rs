//! How members publish: at the intended times, whatever the cluster does, or in a closed loop.

use std::cmp::Reverse;

use shared::{
    ids::Id,
    protocol::{message::GetMessages, typing::SignalTyping},
};

use super::{
    clock,
    connect::MOVE,
    order::Plan,
    pacer::{Choice, Pacer, Pacing, Popularity},
    payload::{Stamp, bare_channel},
    shard::{MAX_OUT, Publishing, Shard},
    virtual_user::{FIRST_MESSAGE, PAGE, Publisher, TYPING},
};
use crate::requests::{encode_request, get_messages};

impl Shard {
    /// Begins a plan; what an earlier one left unanswered is still waited for.
    pub(super) fn publish_from_now(&mut self, plan: Plan) {
        let begin = clock::now();
        let count = usize::try_from(plan.publishers).unwrap_or_default();
        let count = count.min(self.members.len());
        for (at, member) in self.members.iter_mut().enumerate().take(count) {
            member.publisher.get_or_insert_with(|| {
                let id = u32::try_from(at).unwrap_or_default();
                Box::new(Publisher {
                    id: (self.setup.part << 20) + id,
                    first: FIRST_MESSAGE,
                    ..Publisher::default()
                })
            });
        }
        let seeds = [(); 4].map(|()| self.random.next());
        let [first, second, third, fourth] = seeds;
        let typing = (plan.typing > 0.0).then(|| {
            (
                Pacer::new(Pacing::Poisson, plan.typing, begin, third),
                Choice::new(Popularity::Even, count, fourth),
            )
        });
        let window = plan.window;
        self.publishing = Some(Publishing {
            pacer: Pacer::new(plan.pacing, plan.rate, begin, first),
            choice: Choice::new(plan.popularity, count, second),
            typing,
            plan,
        });
        if let Some(window) = window {
            for at in 0..count {
                for _ in 0..window {
                    self.publish(at, begin);
                }
            }
        }
    }

    /// Sends what is due, and says when the next is.
    pub(super) fn publish_due(&mut self) -> u64 {
        let Some(mut publishing) = self.publishing.take() else {
            return u64::MAX;
        };
        let mut next = u64::MAX;
        if publishing.plan.window.is_none() && publishing.plan.rate > 0.0 {
            let now = clock::now();
            while let Some(intended) = publishing.pacer.due(now) {
                let at = publishing.choice.pick();
                self.publish(at, intended);
            }
            next = publishing.pacer.next_at();
        }
        if let Some((pacer, choice)) = &mut publishing.typing {
            let now = clock::now();
            while pacer.due(now).is_some() {
                self.signal_typing(choice.pick());
            }
            next = next.min(pacer.next_at());
        }
        self.publishing = Some(publishing);
        next
    }

    /// In a closed loop, an answer makes room for the next message.
    pub(super) fn publish_in_window(&mut self, at: usize, now: u64) {
        let window = self.publishing.as_ref();
        if window.is_some_and(|publishing| publishing.plan.window.is_some()) {
            self.publish(at, now);
        }
    }

    fn publish(&mut self, at: usize, intended: u64) {
        let bare = self.bare;
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let home = member.home;
        let open = member.is_open();
        let Some(publisher) = member.publisher.as_mut() else {
            return;
        };
        if bare {
            publisher.number += 1;
            let stamp = stamp(self.setup.run, publisher, publisher.number, intended);
            let length = usize::try_from(self.setup.bytes).unwrap_or_default();
            let ledger = self.ledgers.find(bare_channel(stamp.publisher));
            if let Some(ledger) = ledger.and_then(|ledger| self.ledgers.get_mut(ledger)) {
                ledger.head = ledger.head.max(stamp.number);
            }
            if let Some(event) = stamp.event(length) {
                self.send(at, &event);
            }
        } else {
            let (_number, request) = publisher.add(intended);
            // One that is on its way to another gateway sends it when it is there.
            if open {
                self.send_message(at, home, request);
            }
        }
        self.tally.checks.sent += 1;
        let late = clock::now().saturating_sub(intended);
        self.tally.latencies.late.record_nanos(late);
    }

    fn send_message(&mut self, at: usize, home: (u64, u64), request: u32) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let full = member
            .link
            .as_ref()
            .is_some_and(|link| link.out.len() > MAX_OUT);
        let Some(publisher) = member.publisher.as_ref() else {
            return;
        };
        let Some(pending) = publisher.pending(request) else {
            return;
        };
        if full {
            // Bounded memory: a socket that takes nothing gets it later.
            return self.later_again(at, request, clock::now() + 10_000_000);
        }
        let stamp = stamp(self.setup.run, publisher, pending.number, pending.intended);
        let length = usize::try_from(self.setup.bytes).unwrap_or_default();
        if let Some(channel) = Id::new(home.1) {
            let message = stamp.request(channel, length);
            self.send(at, &encode_request(request, home.0, &message));
        }
    }

    pub(super) fn later_again(&mut self, at: usize, request: u32, when: u64) {
        self.later.push(Reverse((when, at, request)));
    }

    /// What was put off is done now: a message sent again, or a member moved.
    pub(super) fn send_again(&mut self, at: usize, request: u32) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let home = member.home;
        if !member.is_open() {
            return;
        }
        if request == MOVE {
            self.on_lost(at, 0);
        } else {
            self.send_message(at, home, request);
        }
    }

    /// After a reconnect: what was not answered is sent again, under its nonce.
    pub(super) fn repeat_unanswered(&mut self, at: usize) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let home = member.home;
        let Some(publisher) = member.publisher.as_ref().filter(|_| !self.bare) else {
            return;
        };
        for request in publisher.unanswered() {
            self.send_message(at, home, request);
        }
    }

    fn signal_typing(&mut self, at: usize) {
        let Some(member) = self.members.get(at).filter(|member| member.is_open()) else {
            return;
        };
        let (server, channel) = member.home;
        if let Some(channel_id) = Id::new(channel) {
            let frame = encode_request(TYPING, server, &SignalTyping { channel_id });
            self.send(at, &frame);
            self.tally.signals += 1;
        }
    }

    /// Members ask for history from now on.
    pub(super) fn page_from_now(&mut self, members: u32, limit: u32) {
        self.paging = Some((members, limit));
        let now = clock::now();
        for at in 0..usize::try_from(members).unwrap_or_default() {
            self.ask_for_page(at, now);
        }
    }

    /// Asks for the next page, if this member is to.
    pub(super) fn ask_for_page(&mut self, at: usize, now: u64) {
        let Some((members, limit)) = self.paging else {
            return;
        };
        let Some(member) = self.members.get_mut(at).filter(|member| member.is_open()) else {
            return;
        };
        if u32::try_from(at).is_ok_and(|at| at >= members) {
            return;
        }
        let before = member.page.map_or(0, |(_, before)| before);
        member.page = Some((now, before));
        let (server, channel) = member.home;
        if let Some(channel) = Id::new(channel) {
            let page = GetMessages {
                before: (before > 0).then_some(before),
                limit: Some(limit),
                ..get_messages(channel)
            };
            self.send(at, &encode_request(PAGE, server, &page));
        }
    }
}

const fn stamp(run: u32, publisher: &Publisher, number: u64, intended: u64) -> Stamp {
    Stamp {
        run,
        publisher: publisher.id,
        number,
        intended,
    }
}
