//! Why a gateway closes a WebSocket.

use shared_derive::ClosedSet;

/// A close code. 4000 to 4499 mean: connect again and resume; 4500 to
/// 4999, and those of RFC 6455, mean: do not, until something was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ClosedSet)]
#[verbatim]
pub enum CloseCode {
    /// The frame breaks RFC 6455.
    ProtocolError = 1002,
    /// A binary frame where the sub-protocol has text frames, or the other way round.
    Unsupported = 1003,
    /// A text frame is not UTF-8.
    InvalidPayload = 1007,
    /// The frame is larger than the limit.
    TooLarge = 1009,
    /// The gateway is about to stop.
    Shutdown = 4000,
    /// Nothing came from the client for 1.4 heartbeat intervals, not even the answer to a
    /// WebSocket ping.
    HeartbeatTimeout = 4001,
    /// The session was not identified in time.
    IdentifyTimeout = 4002,
    /// The gateway lost its place and cannot promise a stream without holes.
    OutOfSync = 4007,
    /// The client reads more slowly than the cluster speaks.
    SlowConsumer = 4008,
    /// The gateway, or the network address of the client, has as many connections or as
    /// much memory as it may, or the account opens sessions too fast.
    Full = 4009,
    /// What the frame holds is no frame of this protocol.
    BadFrame = 4500,
    /// The client sends faster than the flood guard permits.
    Flood = 4502,
    /// The token is not valid.
    Unauthenticated = 4503,
    /// The session was revoked or signed out.
    Revoked = 4504,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether the client should connect again.
    pub const fn reconnect(self) -> bool {
        matches!(self.code(), 4000..4500)
    }
}
