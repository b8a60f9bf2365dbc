//! What each message carries: whose it is, which one, and when it was meant to leave; and what
//! is read of an event or a reply.
//!
//! A reader of 15,000 sockets has no time for the general decoder: it looks only at what it
//! counts, where it lies. The stamp is text of a fixed width, so that a reader takes it from the
//! beginning of a message's content without decoding anything else.

use rmp::decode::{read_array_len, read_int, read_str_from_slice};
use shared::{
    frame,
    ids::{ChannelId, Id, MessageId, UserId},
    protocol::{
        self, Event,
        message::{Message, MessageCreated, NewMessage},
    },
};

/// What begins every stamp.
const MAGIC: &[u8] = b"~load:";
/// Hexadecimal digits of the run, the publisher, the number and the time.
const WIDTHS: [usize; 4] = [8, 8, 12, 16];
/// The length of a stamp in bytes.
pub const LENGTH: usize = 6 + 8 + 8 + 12 + 16;

/// The stamp of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The run, so that what an earlier one left behind is no message of this one.
    pub run: u32,
    /// Who published it.
    pub publisher: u32,
    /// Which of the publisher's messages it is, from 1.
    pub number: u64,
    /// When it was meant to leave, in nanoseconds of [`super::clock::now`].
    pub intended: u64,
}

impl Stamp {
    /// The content of a message of `length` bytes, or of a stamp's length when that is more.
    pub fn content(&self, length: usize) -> String {
        let mut content = format!(
            "~load:{:08x}{:08x}{:012x}{:016x}",
            self.run,
            self.publisher,
            self.number & 0xffff_ffff_ffff,
            self.intended
        );
        content.extend(std::iter::repeat_n('.', length.saturating_sub(LENGTH)));
        content
    }

    /// Reads the stamp at the beginning of a content; `None` when there is none.
    pub fn read(content: &[u8]) -> Option<Self> {
        let mut rest = content.strip_prefix(MAGIC)?;
        let mut numbers = [0; 4];
        for (number, width) in numbers.iter_mut().zip(WIDTHS) {
            let (digits, after) = rest.split_at_checked(width)?;
            let digits = std::str::from_utf8(digits).ok()?;
            *number = u64::from_str_radix(digits, 16).ok()?;
            rest = after;
        }
        let [run, publisher, number, intended] = numbers;
        Some(Self {
            run: u32::try_from(run).ok()?,
            publisher: u32::try_from(publisher).ok()?,
            number,
            intended,
        })
    }

    /// The request that sends the message. Its nonce follows from the stamp, so that a repeat
    /// is a repeat.
    pub fn request(&self, channel_id: ChannelId, length: usize) -> NewMessage {
        NewMessage {
            nonce: format!("{:08x}{:08x}{:012x}", self.run, self.publisher, self.number),
            channel_id,
            content: self.content(length),
            reply_to: None,
            silent_reply: false,
        }
    }

    /// The event that Confab would make of the message, for a server that only copies.
    /// Each publisher is a channel of its own there.
    pub fn event(&self, length: usize) -> Option<Vec<u8>> {
        let channel = bare_channel(self.publisher);
        let body = MessageCreated {
            channel_id: Id::new(channel)?,
            message: Message {
                // Numbers as wide as real ones.
                message_id: MessageId::new((1 << 52) + self.number)?,
                seq: self.number,
                author_id: UserId::new((1 << 52) + u64::from(self.publisher))?,
                content: self.content(length),
                reply_to: None,
                edited_at: None,
                mentions: Vec::new(),
                pinned: false,
                reactions: Vec::new(),
            },
        };
        let (number, body) = (MessageCreated::OPCODE, protocol::encode(&body));
        Some(frame::event(channel, self.number, number, &body))
    }
}

/// The channel that stands for a publisher of a bare server.
pub const fn bare_channel(publisher: u32) -> u64 {
    (1 << 52) + publisher as u64
}

/// What a load test reads of the event that a message was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Where.
    pub channel: u64,
    /// Its place in the channel.
    pub seq: u64,
    /// What it says.
    pub content: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// Reads the body of `message_created`.
    #[inline]
    pub fn read(mut body: &'a [u8]) -> Option<Self> {
        read_array_len(&mut body).ok()?;
        let channel = read_int(&mut body).ok()?;
        read_array_len(&mut body).ok()?;
        let _message: u64 = read_int(&mut body).ok()?;
        let seq = read_int(&mut body).ok()?;
        let _author: u64 = read_int(&mut body).ok()?;
        let (content, _) = read_str_from_slice(body).ok()?;
        Some(Self {
            channel,
            seq,
            content: content.as_bytes(),
        })
    }
}

/// Reads the `seq` in the reply to `message_new`.
pub fn stored_seq(mut body: &[u8]) -> Option<u64> {
    read_array_len(&mut body).ok()?;
    let _message: u64 = read_int(&mut body).ok()?;
    read_int(&mut body).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{protocol::message::MessageSent, wire::Wire};

    use super::*;
    use crate::client::incoming::{Incoming, read_borrowed};

    #[test]
    fn the_event_of_a_message_is_read_as_the_protocol_writes_it() {
        let mut event = MessageCreated::sample();
        for length in [0, 31, 32, 255, 256, 2_000] {
            event.message.content = "x".repeat(length);
            let payload = frame::event(1 << 52, 70_000, 16, &protocol::encode(&event));
            let Some(Incoming::Event { body, .. }) = read_borrowed(&payload) else {
                panic!("no event");
            };
            let delivery = Delivery::read(body).unwrap();
            assert_eq!(delivery.channel, event.channel_id.get());
            assert_eq!(delivery.seq, event.message.seq);
            assert_eq!(delivery.content, event.message.content.as_bytes());
        }
        let sent = MessageSent::sample();
        assert_eq!(stored_seq(&protocol::encode(&sent)), Some(sent.seq));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(read_borrowed(&bytes).is_none() || bytes.len() > 1);
            prop_assert!(Delivery::read(&bytes).is_none_or(|read| read.content.len() < bytes.len()));
        }
    }

    #[test]
    fn a_stamp_is_read_from_its_content() {
        let stamp = Stamp {
            run: 0xdead_beef,
            publisher: 7,
            number: 123_456_789_012,
            intended: u64::MAX,
        };
        for length in [0, LENGTH, 200] {
            let content = stamp.content(length);
            assert_eq!(content.len(), length.max(LENGTH));
            assert_eq!(Stamp::read(content.as_bytes()), Some(stamp));
        }
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        let whole = Stamp {
            run: 1,
            publisher: 2,
            number: 3,
            intended: 4,
        }
        .content(0);
        for length in 0..LENGTH {
            assert_eq!(Stamp::read(&whole.as_bytes()[..length]), None);
        }
        assert_eq!(Stamp::read(whole.replace('1', "g").as_bytes()), None);
        assert_eq!(Stamp::read(b"Hello, is this the load test?"), None);
    }
}
