//! What a member does with a frame: deliveries first, as there are millions of them.

use shared::{
    error::Reason,
    frame::opcode,
    protocol::{
        self, Event,
        control::{Cursor, Gap, Hello, Ready, Reconnect, Sight},
        message::{MessageCreated, Messages},
        typing::TypingStarted,
    },
};

use super::{
    clock::{self, SECOND},
    oracle::Verdict,
    payload::{Delivery, Stamp, stored_seq},
    shard::{Core, Later},
    virtual_user::{FIRST_MESSAGE, PAGE, Pending, Phase, TYPING, VirtualUser},
};
use crate::client::incoming::{Incoming, read_borrowed};

impl VirtualUser {
    /// Takes one message of the server.
    #[inline]
    pub(super) fn on_frame(&mut self, core: &mut Core, payload: &[u8], now: u64) {
        match read_borrowed(payload) {
            Some(Incoming::Event {
                topic,
                seq,
                opcode,
                body,
            }) => {
                if seq > 0 && !core.setup.bare {
                    self.reached(topic, seq);
                }
                match opcode {
                    MessageCreated::OPCODE => self.on_delivery(core, body, now),
                    TypingStarted::OPCODE => core.tally.typing += 1,
                    _ => {}
                }
            }
            Some(Incoming::Reply { request, body }) => match request {
                FIRST_MESSAGE..PAGE => self.on_stored(core, request, body, now),
                PAGE => self.on_page(core, body, now),
                _ => {}
            },
            Some(Incoming::Refusal { request, refusal }) => {
                self.on_refusal(core, request, refusal.reason, now);
            }
            Some(Incoming::Control { opcode, body }) => {
                if self.on_control(core, opcode, body, now).is_none() {
                    core.note_fault(|| format!("control frame {opcode} could not be read"));
                }
            }
            None => {
                core.note_fault(|| "the server sent what the protocol does not have".to_owned());
            }
        }
    }

    #[inline]
    fn on_delivery(&mut self, core: &mut Core, body: &[u8], now: u64) {
        let tally = &mut core.tally;
        let Some(said) = Delivery::read(body) else {
            tally.checks.corrupt += 1;
            return;
        };
        let mut places = self.places.iter_mut();
        let Some(place) = places.find(|place| place.channel == said.channel) else {
            // A channel that nobody of this run reads for the oracle.
            return;
        };
        tally.checks.received += 1;
        match place.see(said.seq) {
            // What lies before it is missing until it comes.
            Verdict::InOrder | Verdict::Ahead => {}
            Verdict::Late => tally.checks.out_of_order += 1,
            Verdict::Double => tally.checks.double += 1,
        }
        let stamp = Stamp::read(said.content).filter(|stamp| stamp.run == core.setup.run);
        let Some(stamp) = stamp else {
            tally.checks.corrupt += 1;
            return;
        };
        if !core
            .ledgers
            .is_same(place, said.seq, (stamp.publisher, stamp.number))
        {
            tally.checks.corrupt += 1;
        }
        // A slow one is late because it reads late.
        if self.slow.is_none() {
            let took = now.saturating_sub(stamp.intended);
            tally.latencies.deliver.record_nanos(took);
        }
    }

    fn on_stored(&mut self, core: &mut Core, request: u32, body: &[u8], now: u64) {
        let Some(pending) = self.take_pending(request) else {
            return;
        };
        core.tally.checks.acknowledged += 1;
        let took = now.saturating_sub(pending.intended);
        core.tally.latencies.ack.record_nanos(took);
        if let (Some(home), Some(seq)) = (self.places.first(), stored_seq(body)) {
            core.ledgers.raise(home, seq);
        }
        self.publish_in_window(core, now);
    }

    /// The message that an answer is for; `None` when it was not waited for.
    fn take_pending(&mut self, request: u32) -> Option<Pending> {
        self.publisher.as_mut()?.pending.remove(&request)
    }

    fn on_refusal(&mut self, core: &mut Core, request: u32, reason: Reason, now: u64) {
        if (FIRST_MESSAGE..PAGE).contains(&request) {
            if reason == Reason::Unknown {
                // Nobody knows what became of it: the same nonce again tells.
                core.do_later(now + SECOND / 10, self.at, Later::Repeat(request));
                return;
            }
            if self.take_pending(request).is_some() {
                core.tally.checks.refused += 1;
                *core.tally.refusals.entry(reason.code()).or_default() += 1;
                self.publish_in_window(core, now);
            }
            return;
        }
        *core.tally.refusals.entry(reason.code()).or_default() += 1;
        match request {
            TYPING => {}
            PAGE => self.ask_for_page(core, now),
            _ => {
                core.note_fault(|| format!("a step of connecting was refused: {}", reason.name()));
                // From the beginning: busy clusters say so and mean later.
                self.lose(core, 0);
            }
        }
    }

    /// Does what a control frame says; `None` when it cannot be read.
    fn on_control(&mut self, core: &mut Core, opcode: u16, body: &[u8], now: u64) -> Option<()> {
        match opcode {
            opcode::HELLO => {
                let hello: Hello = protocol::decode_told(body).ok()?;
                core.heartbeat = hello.heartbeat_ms.max(100) * 1_000_000;
                self.on_hello(core);
            }
            opcode::READY => {
                let ready: Ready = protocol::decode_told(body).ok()?;
                core.epoch = ready.epoch;
                let places = ready.topics.iter();
                self.topics = places.map(|place| (place.topic, place.seq)).collect();
                if self.phase() == Some(Phase::Identifying) {
                    self.on_open(core, now);
                }
            }
            opcode::CURSOR => {
                let cursor: Cursor = protocol::decode_told(body).ok()?;
                for place in cursor.topics {
                    self.reached(place.topic, place.seq);
                }
            }
            opcode::SIGHT => {
                let sight: Sight = protocol::decode_told(body).ok()?;
                self.reached(sight.topic, sight.seq);
            }
            opcode::GAP => {
                core.tally.checks.gaps += 1;
                let gap: Gap = protocol::decode_told(body).ok()?;
                self.reached(gap.topic, gap.seq);
            }
            opcode::RECONNECT => {
                let Reconnect { delay_ms } = protocol::decode_told(body).ok()?;
                let when = clock::now() + delay_ms * 1_000_000;
                core.do_later(when, self.at, Later::Move);
            }
            _ => {}
        }
        Some(())
    }

    fn on_page(&mut self, core: &mut Core, body: &[u8], now: u64) {
        let Some((asked, _before)) = self.page else {
            return;
        };
        let took = now.saturating_sub(asked);
        core.tally.latencies.page.record_nanos(took);
        match protocol::decode_told::<Messages>(body) {
            Ok(page) => {
                core.tally.paged += page.messages.len() as u64;
                // Backwards to the beginning, then from the end again.
                let oldest = page.messages.first().map_or(0, |message| message.seq);
                self.page = Some((now, if oldest > 1 { oldest } else { 0 }));
            }
            Err(_refusal) => core.note_fault(|| "a page could not be read".to_owned()),
        }
        self.ask_for_page(core, now);
    }
}
