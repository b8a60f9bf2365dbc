//! How members publish: at the intended times, whatever the cluster does, or in a closed loop.

use shared::{
    ids::Id,
    protocol::{message::GetMessages, typing::SignalTyping},
};

use super::{
    clock,
    payload::{Stamp, bare_channel},
    shard::{Core, Later},
    virtual_user::{PAGE, TYPING, VirtualUser},
};
use crate::requests::{encode_request, get_messages};

/// Bytes that may wait for a socket before its publisher is held back.
const MAX_OUT: usize = 1 << 20;

impl VirtualUser {
    /// In a closed loop, an answer makes room for the next message.
    pub(super) fn publish_in_window(&mut self, core: &mut Core, now: u64) {
        if core.closed_loop {
            self.publish(core, now);
        }
    }

    /// Publishes a message that is meant to leave at this time.
    pub(super) fn publish(&mut self, core: &mut Core, intended: u64) {
        let Some(publisher) = self.publisher.as_mut() else {
            return;
        };
        if core.setup.bare {
            publisher.number += 1;
            let stamp = Stamp {
                run: core.setup.run,
                publisher: publisher.id,
                number: publisher.number,
                intended,
            };
            let own = bare_channel(stamp.publisher);
            if let Some(place) = self.places.iter().find(|place| place.channel == own) {
                core.ledgers.raise(place, stamp.number);
            }
            if let Some(event) = stamp.event(core.setup.bytes) {
                self.send(core, &event);
            }
        } else {
            let request = publisher.add(intended);
            // One that is on its way to another gateway sends it when it is there.
            if self.is_open() {
                self.send_message(core, request);
            }
        }
        core.tally.checks.sent += 1;
        let late = clock::now().saturating_sub(intended);
        core.tally.latencies.late.record_nanos(late);
    }

    /// Sends the message of a request, unless it was answered.
    pub(super) fn send_message(&mut self, core: &mut Core, request: u32) {
        let Some(publisher) = &self.publisher else {
            return;
        };
        let Some(pending) = publisher.pending.get(&request) else {
            return;
        };
        let stamp = Stamp {
            run: core.setup.run,
            publisher: publisher.id,
            number: pending.number,
            intended: pending.intended,
        };
        let link = self.link.as_mut();
        if link.is_some_and(|link| link.socket.out().len() > MAX_OUT) {
            // Bounded memory: a socket that takes nothing gets it later.
            let soon = clock::now() + 10_000_000;
            return core.do_later(soon, self.at, Later::Repeat(request));
        }
        let (server, channel) = self.home;
        if let Some(channel) = Id::new(channel) {
            let message = stamp.request(channel, core.setup.bytes);
            self.send(core, &encode_request(request, server, &message));
        }
    }

    /// After a reconnect: what was not answered is sent again, under its nonce.
    pub(super) fn repeat_unanswered(&mut self, core: &mut Core) {
        let publisher = self.publisher.iter();
        let requests: Vec<u32> = publisher
            .flat_map(|it| it.pending.keys().copied())
            .collect();
        for request in requests {
            self.send_message(core, request);
        }
    }

    pub(super) fn signal_typing(&mut self, core: &mut Core) {
        let (server, channel) = self.home;
        if let Some(channel_id) = Id::new(channel).filter(|_| self.is_open()) {
            let frame = encode_request(TYPING, server, &SignalTyping { channel_id });
            self.send(core, &frame);
            core.tally.signals += 1;
        }
    }

    /// Asks for the next page, if members are to.
    pub(super) fn ask_for_page(&mut self, core: &mut Core, now: u64) {
        let Some(limit) = core.page.filter(|_| self.is_open()) else {
            return;
        };
        let before = self.page.map_or(0, |(_, before)| before);
        self.page = Some((now, before));
        let (server, channel) = self.home;
        if let Some(channel) = Id::new(channel) {
            let page = GetMessages {
                before: (before > 0).then_some(before),
                limit: Some(limit),
                ..get_messages(channel)
            };
            self.send(core, &encode_request(PAGE, server, &page));
        }
    }
}
