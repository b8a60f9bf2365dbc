//! What a member does with a frame: deliveries first, as there are millions of them.

use shared::{
    error::Reason,
    frame::opcode,
    protocol::{
        self, Event,
        account::SignedIn,
        control::{Cursor, Gap, Hello, Ready, Reconnect, Sight},
        message::{MessageCreated, Messages},
        server::ServerInfo,
        typing::TypingStarted,
    },
};

use super::{
    clock::SECOND,
    oracle::{Place, Verdict},
    payload::{Delivery, Stamp, stored_seq},
    shard::Shard,
    virtual_user::{FIRST_MESSAGE, GUEST, PAGE, Phase, TYPING},
};
use crate::client::incoming::{Incoming, read_borrowed};

impl Shard {
    /// Takes one message of the server.
    #[inline]
    pub(super) fn on_frame(&mut self, at: usize, payload: &[u8], now: u64) {
        match read_borrowed(payload) {
            Some(Incoming::Event {
                topic,
                seq,
                opcode,
                body,
            }) => {
                if seq > 0
                    && !self.bare
                    && let Some(member) = self.members.get_mut(at)
                {
                    member.reached(topic, seq);
                }
                match opcode {
                    MessageCreated::OPCODE => self.on_delivery(at, body, now),
                    TypingStarted::OPCODE => self.tally.typing += 1,
                    _ => {}
                }
            }
            Some(Incoming::Reply { request, body }) => self.on_reply(at, request, body, now),
            Some(Incoming::Refusal { request, refusal }) => {
                self.on_refusal(at, request, refusal.reason, now);
            }
            Some(Incoming::Control { opcode, body }) => self.on_control(at, opcode, body, now),
            None => {
                self.note_fault(|| "the server sent what the protocol does not have".to_owned());
            }
        }
    }

    #[inline]
    fn on_delivery(&mut self, at: usize, body: &[u8], now: u64) {
        let Some(said) = Delivery::read(body) else {
            self.tally.checks.corrupt += 1;
            return;
        };
        // A channel that nobody of this run reads for the oracle.
        let Some(ledger) = self.ledgers.find(said.channel) else {
            return;
        };
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let slow = member.slow.is_some();
        let place = member
            .places
            .iter_mut()
            .find(|place| place.ledger == ledger);
        let Some(place) = place else {
            return;
        };
        self.tally.checks.received += 1;
        match place.see(said.seq) {
            // What lies before it is missing until it comes.
            Verdict::InOrder | Verdict::Ahead => {}
            Verdict::Late => self.tally.checks.out_of_order += 1,
            Verdict::Double => self.tally.checks.double += 1,
        }
        let stamp = Stamp::read(said.content).filter(|stamp| stamp.run == self.setup.run);
        let Some(stamp) = stamp else {
            self.tally.checks.corrupt += 1;
            return;
        };
        let known = self.ledgers.get_mut(ledger);
        if known.is_some_and(|known| !known.same(said.seq, stamp.publisher, stamp.number)) {
            self.tally.checks.corrupt += 1;
        }
        if slow {
            // It is late because it reads late.
            return;
        }
        let took = now.saturating_sub(stamp.intended);
        self.tally.latencies.deliver.record_nanos(took);
    }

    fn on_reply(&mut self, at: usize, request: u32, body: &[u8], now: u64) {
        match request {
            TYPING => {}
            FIRST_MESSAGE..PAGE => self.on_stored(at, request, body, now),
            PAGE => self.on_page(at, body, now),
            GUEST => match protocol::decode::<SignedIn>(body) {
                Ok(signed) => {
                    if let Some(member) = self.members.get_mut(at) {
                        member.token = signed.token;
                    }
                    self.on_hello(at);
                }
                Err(_refusal) => self.note_fault(|| "a new account could not be read".to_owned()),
            },
            _ => match protocol::decode::<ServerInfo>(body) {
                Ok(server) => {
                    self.enter_channels(at, &server);
                    self.on_joined(at);
                }
                Err(_refusal) => self.note_fault(|| "a joined server could not be read".to_owned()),
            },
        }
    }

    /// The member reads the channels of this server from here on.
    fn enter_channels(&mut self, at: usize, server: &ServerInfo) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        for channel in &server.channels {
            let ledger = self.ledgers.get_or_create(channel.channel_id.get());
            if member.places.iter().any(|place| place.ledger == ledger) {
                continue;
            }
            if member.places.is_empty() {
                let server = server.server.server_id.get();
                member.home = (server, channel.channel_id.get());
            }
            member.places.push(Place::new(ledger, channel.last_seq));
            if let Some(known) = self.ledgers.get_mut(ledger) {
                known.head = known.head.max(channel.last_seq);
            }
        }
    }

    fn on_stored(&mut self, at: usize, request: u32, body: &[u8], now: u64) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let publisher = member.publisher.as_mut();
        let Some(pending) = publisher.and_then(|publisher| publisher.answered(request)) else {
            return;
        };
        self.tally.checks.acknowledged += 1;
        let took = now.saturating_sub(pending.intended);
        self.tally.latencies.ack.record_nanos(took);
        let channel = member.home.1;
        let ledger = self.ledgers.find(channel);
        if let Some(ledger) = ledger.and_then(|ledger| self.ledgers.get_mut(ledger))
            && let Some(seq) = stored_seq(body)
        {
            ledger.head = ledger.head.max(seq);
        }
        self.publish_in_window(at, now);
    }

    fn on_refusal(&mut self, at: usize, request: u32, reason: Reason, now: u64) {
        if (FIRST_MESSAGE..PAGE).contains(&request) {
            if reason == Reason::Unknown {
                // Nobody knows what became of it: the same nonce again tells.
                self.later_again(at, request, now + SECOND / 10);
                return;
            }
            let member = self.members.get_mut(at);
            let publisher = member.and_then(|member| member.publisher.as_mut());
            if publisher.is_some_and(|publisher| publisher.answered(request).is_some()) {
                self.tally.checks.refused += 1;
                *self.tally.refusals.entry(reason.code()).or_default() += 1;
                self.publish_in_window(at, now);
            }
            return;
        }
        *self.tally.refusals.entry(reason.code()).or_default() += 1;
        match request {
            TYPING => {}
            PAGE => self.ask_for_page(at, now),
            _ => {
                self.note_fault(|| format!("a step of connecting was refused: {}", reason.name()));
                // From the beginning: busy clusters say so and mean later.
                self.on_lost(at, 0);
            }
        }
    }

    fn on_control(&mut self, at: usize, opcode: u16, body: &[u8], now: u64) {
        match opcode {
            opcode::HELLO => {
                if let Ok(hello) = protocol::decode::<Hello>(body) {
                    self.heartbeat = hello.heartbeat_ms.max(100) * 1_000_000;
                }
                self.on_hello(at);
            }
            opcode::READY => {
                let Ok(ready) = protocol::decode::<Ready>(body) else {
                    return self.note_fault(|| "a session could not be read".to_owned());
                };
                self.epoch = ready.epoch;
                if let Some(member) = self.members.get_mut(at) {
                    member.topics.clear();
                    let places = ready.topics.iter();
                    member
                        .topics
                        .extend(places.map(|place| (place.topic, place.seq)));
                    member.topics.shrink_to_fit();
                }
                if self
                    .members
                    .get(at)
                    .and_then(super::virtual_user::VirtualUser::phase)
                    == Some(Phase::Identifying)
                {
                    self.on_session(at, now);
                }
            }
            opcode::CURSOR => {
                let cursor = protocol::decode::<Cursor>(body);
                if let (Ok(cursor), Some(member)) = (cursor, self.members.get_mut(at)) {
                    for place in cursor.topics {
                        member.reached(place.topic, place.seq);
                    }
                }
            }
            opcode::SIGHT => {
                let sight = protocol::decode::<Sight>(body);
                if let (Ok(sight), Some(member)) = (sight, self.members.get_mut(at)) {
                    member.reached(sight.topic, sight.seq);
                }
            }
            opcode::GAP => {
                self.tally.checks.gaps += 1;
                let gap = protocol::decode::<Gap>(body);
                if let (Ok(gap), Some(member)) = (gap, self.members.get_mut(at)) {
                    member.reached(gap.topic, gap.seq);
                }
            }
            opcode::RECONNECT => {
                if let Ok(Reconnect { delay_ms }) = protocol::decode(body) {
                    self.move_later(at, delay_ms);
                }
            }
            _ => {}
        }
    }

    fn on_page(&mut self, at: usize, body: &[u8], now: u64) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let Some((asked, _before)) = member.page else {
            return;
        };
        self.tally
            .latencies
            .page
            .record_nanos(now.saturating_sub(asked));
        match protocol::decode::<Messages>(body) {
            Ok(page) => {
                self.tally.paged += page.messages.len() as u64;
                // Backwards to the beginning, then from the end again.
                let oldest = page.messages.first().map_or(0, |message| message.seq);
                member.page = Some((now, if oldest > 1 { oldest } else { 0 }));
            }
            Err(_refusal) => self.note_fault(|| "a page could not be read".to_owned()),
        }
        self.ask_for_page(at, now);
    }
}
