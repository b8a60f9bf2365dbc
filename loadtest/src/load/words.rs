//! The requests of a load test, encoded.

use shared::{
    frame::{self, Frame, opcode},
    ids::{ChannelId, Id, MessageId, UserId},
    protocol::{
        self, Event, Request,
        control::{Heartbeat, Identify, Resume, TopicSeq},
        message::{GetMessages, Message, MessageCreated, NewMessage},
        typing::SignalTyping,
    },
};

use super::stamp::Stamp;
use crate::requests;

/// The request of a new account.
pub(super) const GUEST: u32 = 1;
/// The requests of codes begin here.
pub(super) const REDEEM: u32 = 2;
/// The request of a page of history.
pub(super) const PAGE: u32 = 0x4000_0000;
/// The request of a typing signal: several under way share it, as nobody waits for them.
pub(super) const TYPING: u32 = 0x4000_0001;
/// The requests of messages begin here.
pub(super) const FIRST_MESSAGE: u32 = 0x1000_0000;

/// The HTTP request that asks for a WebSocket.
pub(super) fn upgrade(host: std::net::SocketAddr, key: [u8; 16]) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\
         Sec-WebSocket-Protocol: confab.v1.msgpack\r\n\r\n",
        STANDARD.encode(key)
    )
    .into_bytes()
}

pub(super) fn guest() -> Vec<u8> {
    request(GUEST, 0, &requests::join_as_guest())
}

pub(super) fn redeem(number: u32, code: &str) -> Vec<u8> {
    request(REDEEM + number, 0, &requests::redeem_invite(code))
}

pub(super) fn identify(token: &str) -> Vec<u8> {
    let token = token.to_owned();
    let body = protocol::encode(&Identify { token });
    control(opcode::IDENTIFY, &body)
}

pub(super) fn resume(token: &str, epoch: &str, topics: &[(u64, u64)]) -> Vec<u8> {
    let topics = topics.iter().map(|(topic, seq)| TopicSeq {
        topic: *topic,
        seq: *seq,
    });
    let body = protocol::encode(&Resume {
        token: token.to_owned(),
        epoch: epoch.to_owned(),
        topics: topics.collect(),
    });
    control(opcode::RESUME, &body)
}

pub(super) fn heartbeat() -> Vec<u8> {
    control(
        opcode::HEARTBEAT,
        &protocol::encode(&Heartbeat { number: 1 }),
    )
}

/// A message: its nonce follows from its stamp, so that a repeat is a repeat.
pub(super) fn message(
    request_number: u32,
    (server, channel): (u64, u64),
    stamp: &Stamp,
    length: usize,
) -> Option<Vec<u8>> {
    let body = NewMessage {
        nonce: format!(
            "{:08x}{:08x}{:012x}",
            stamp.run, stamp.publisher, stamp.number
        ),
        ..requests::send_message(ChannelId::new(channel)?, stamp.content(length))
    };
    Some(request(request_number, server, &body))
}

pub(super) fn typing((server, channel): (u64, u64)) -> Option<Vec<u8>> {
    let channel_id = ChannelId::new(channel)?;
    Some(request(TYPING, server, &SignalTyping { channel_id }))
}

pub(super) fn page((server, channel): (u64, u64), before: u64, limit: u32) -> Option<Vec<u8>> {
    let body = GetMessages {
        before: (before > 0).then_some(before),
        limit: Some(limit),
        ..requests::get_messages(ChannelId::new(channel)?)
    };
    Some(request(PAGE, server, &body))
}

/// The event that Confab would make of a message, for a server that only copies.
/// Each publisher is a channel of its own there.
pub(super) fn event(stamp: &Stamp, length: usize) -> Option<Vec<u8>> {
    let channel = bare_channel(stamp.publisher);
    let body = MessageCreated {
        channel_id: Id::new(channel)?,
        message: Message {
            // Numbers as wide as real ones.
            message_id: MessageId::new((1 << 52) + stamp.number)?,
            seq: stamp.number,
            author_id: UserId::new((1 << 52) + u64::from(stamp.publisher))?,
            content: stamp.content(length),
            reply_to: None,
            edited_at: None,
        },
    };
    let body = protocol::encode(&body);
    Some(frame::event(
        channel,
        stamp.number,
        MessageCreated::OPCODE,
        &body,
    ))
}

/// The channel that stands for a publisher of a bare server.
pub(super) const fn bare_channel(publisher: u32) -> u64 {
    (1 << 52) + publisher as u64
}

fn request<R: Request>(number: u32, scope: u64, body: &R) -> Vec<u8> {
    Frame {
        opcode: R::ROW.opcode,
        request: number,
        scope,
        body: &protocol::encode(body),
    }
    .write()
}

fn control(opcode: u16, body: &[u8]) -> Vec<u8> {
    // A client's control frame has the form of a request.
    Frame {
        opcode,
        request: 0,
        scope: 0,
        body,
    }
    .write()
}
