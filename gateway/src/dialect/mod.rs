//! What a connection speaks. Everything inside the gateway is MessagePack;
//! the other dialects are translated at this edge, and nobody else tells them apart.
//!
//! - [`request`] is what a client asks, [`frames`] what it is told, [`json`] the translation.

pub mod frames;
pub mod json;
pub mod request;

use bytes::Bytes;
use serde::Serialize;
use shared::{
    close::CloseCode,
    error::Refusal,
    frame::{self, Frame, WebSocketKind, check_body, websocket},
    protocol::{control::FRAMES, encode},
};

use self::request::{NotRead, Request};

/// A WebSocket sub-protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `confab.v1.msgpack`: binary frames with positional arrays.
    MessagePack,
    /// `confab.v1.json`: text frames with named fields.
    Json,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::MessagePack, Self::Json];

    /// The name of the sub-protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "confab.v1.msgpack",
            Self::Json => "confab.v1.json",
        }
    }

    /// Reads a message of bytes.
    pub fn read_binary(self, bytes: &[u8]) -> Result<Request, NotRead> {
        match self {
            Self::MessagePack => {
                // Without a header there is no number that a refusal could carry.
                let frame = Frame::read_header(bytes)
                    .map_err(|_refusal| NotRead::Close(CloseCode::BadFrame))?;
                check_body(frame.body)
                    .map_err(|refusal| NotRead::Refuse(frame.request, refusal))?;
                Ok(Request {
                    opcode: frame.opcode,
                    request: frame.request,
                    scope: frame.scope,
                    body: frame.body.to_vec(),
                })
            }
            Self::Json => Err(NotRead::Close(CloseCode::Unsupported)),
        }
    }

    /// Reads a message of text.
    pub fn read_text(self, text: &str) -> Result<Request, NotRead> {
        match self {
            Self::MessagePack => Err(NotRead::Close(CloseCode::Unsupported)),
            Self::Json => {
                json::read(text).map_err(|(number, refusal)| NotRead::Refuse(number, refusal))
            }
        }
    }

    /// The finished WebSocket frame of a control frame.
    pub fn control<T: Serialize>(self, opcode: u16, body: &T) -> Bytes {
        match self {
            Self::MessagePack => binary(&frame::control(opcode, &encode(body))),
            Self::Json => {
                let name = FRAMES
                    .iter()
                    .find(|row| row.0 == opcode)
                    .map_or("", |row| row.1);
                text(&json::control(name, body))
            }
        }
    }

    /// The finished WebSocket frame of a refusal.
    pub fn refusal(self, request: u32, refusal: &Refusal) -> Bytes {
        match self {
            Self::MessagePack => binary(&frame::refusal(request, refusal)),
            Self::Json => text(&json::refusal(request, refusal)),
        }
    }

    /// The finished WebSocket frame of an answer, whose payload is MessagePack.
    /// `opcode` names the command, `request` is the client's number for it.
    pub fn answer(self, opcode: u16, request: u32, payload: &[u8]) -> Bytes {
        match self {
            Self::MessagePack => binary(&frame::renumber(request, payload)),
            Self::Json => text(&json::answer(opcode, request, payload)),
        }
    }
}

/// The finished WebSocket frame of an event in JSON.
pub fn write_json_event(frame: &[u8]) -> Bytes {
    let payload = frame::websocket_payload(frame).unwrap_or_default();
    text(&json::event(payload))
}

fn binary(payload: &[u8]) -> Bytes {
    websocket(WebSocketKind::Binary, payload).into()
}

fn text(text: &str) -> Bytes {
    websocket(WebSocketKind::Text, text.as_bytes()).into()
}
