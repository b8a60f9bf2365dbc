//! What a client asks, in whatever dialect.

use shared::{close::CloseCode, error::Refusal};

/// A client frame that has left its buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which command.
    pub opcode: u16,
    /// Pairs a reply with its request.
    pub request: u32,
    /// The server, or 0 for the account itself.
    pub scope: u64,
    /// The encoded body.
    pub body: Vec<u8>,
}

/// Why a message of a client is no request.
#[derive(Debug, PartialEq, Eq)]
pub enum NotRead {
    /// The connection cannot go on.
    Close(CloseCode),
    /// The request with this number is refused; 0 when that could not be read either.
    Refuse(u32, Refusal),
}
