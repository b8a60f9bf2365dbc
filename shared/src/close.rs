//! Why a gateway closes a WebSocket.

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $code:literal $name:ident; )+) => {
        /// A close code. 4000 to 4499 mean: connect again and resume; 4500 to
        /// 4999, and those of RFC 6455, mean: do not, until something was changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCode { $( $(#[doc = $doc])+ $name = $code, )+ }

        impl CloseCode {
            /// Every code with its meaning.
            pub const ALL: &[(Self, &'static str)] = &[ $( (Self::$name, concat!($($doc),+)) ),+ ];
            /// The number on the wire.
            pub const fn code(self) -> u16 { self as u16 }
            /// The name in logs and metrics.
            pub const fn name(self) -> &'static str { match self { $( Self::$name => stringify!($name), )+ } }
            /// Whether the client should connect again.
            pub const fn reconnect(self) -> bool { matches!(self.code(), 4000..4500) }
        }
    };
}

codes! {
    /// The frame breaks RFC 6455.
    1002 ProtocolError;
    /// A binary frame where the sub-protocol has text frames, or the other way round.
    1003 Unsupported;
    /// A text frame is not UTF-8.
    1007 InvalidPayload;
    /// The frame is larger than the limit.
    1009 TooLarge;
    /// The gateway is about to stop.
    4000 Shutdown;
    /// Nothing came from the client for 1.4 heartbeat intervals, not even the answer to a
    /// WebSocket ping.
    4001 HeartbeatTimeout;
    /// The session was not identified in time.
    4002 IdentifyTimeout;
    /// The gateway lost its place and cannot promise a stream without holes.
    4007 OutOfSync;
    /// The client reads more slowly than the cluster speaks.
    4008 SlowConsumer;
    /// The gateway, or the network address of the client, has as many connections or as
    /// much memory as it may, or the account opens sessions too fast.
    4009 Full;
    /// What the frame holds is no frame of this protocol.
    4500 BadFrame;
    /// The client sends faster than the flood guard permits.
    4502 Flood;
    /// The token is not valid.
    4503 Unauthenticated;
    /// The session was revoked or signed out.
    4504 Revoked;
}
