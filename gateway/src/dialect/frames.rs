//! Frames that many sessions get, made once for each dialect.

use std::sync::OnceLock;

use bytes::Bytes;
use serde::Serialize;

use super::{Dialect, write_json_event};
use crate::deflate;

/// A control frame for sessions of any dialect.
pub struct ControlFrames([Bytes; Dialect::ALL.len()]);

impl ControlFrames {
    /// The frames of one body.
    pub fn new<T: Serialize>(opcode: u16, body: &T) -> Self {
        Self(Dialect::ALL.map(|dialect| dialect.control(opcode, body)))
    }

    /// The frame for sessions that speak `dialect`.
    pub const fn frame_for(&self, dialect: Dialect) -> &Bytes {
        let [binary, text] = &self.0;
        match dialect {
            Dialect::MessagePack => binary,
            Dialect::Json => text,
        }
    }
}

/// The frame of an event for sessions of any dialect, each form made when the first session
/// needs it, once for all of them.
#[derive(Debug)]
pub struct EventFrames {
    binary: Bytes,
    text: OnceLock<Bytes>,
    /// None where it would not be smaller.
    deflated_binary: OnceLock<Option<Bytes>>,
    deflated_text: OnceLock<Option<Bytes>>,
}

impl EventFrames {
    /// The forms of this finished WebSocket frame in MessagePack.
    pub const fn new(binary: Bytes) -> Self {
        Self {
            binary,
            text: OnceLock::new(),
            deflated_binary: OnceLock::new(),
            deflated_text: OnceLock::new(),
        }
    }

    /// The finished WebSocket frame.
    pub fn frame(&self, dialect: Dialect) -> &Bytes {
        match dialect {
            Dialect::MessagePack => &self.binary,
            Dialect::Json => self.text.get_or_init(|| write_json_event(&self.binary)),
        }
    }

    /// The finished WebSocket frame for somebody who may have agreed on compression.
    pub fn frame_for(&self, dialect: Dialect, deflates: bool) -> &Bytes {
        let whole = self.frame(dialect);
        if !deflates {
            return whole;
        }
        let made = match dialect {
            Dialect::MessagePack => &self.deflated_binary,
            Dialect::Json => &self.deflated_text,
        };
        made.get_or_init(|| deflate::frame(whole))
            .as_ref()
            .unwrap_or(whole)
    }
}
