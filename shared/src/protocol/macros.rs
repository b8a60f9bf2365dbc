//! Turns the rows of a family into enums, their decoding and their dispatch.

/// Declares one family. Its blocks, all optional:
///
/// - `commands` write; they carry a nonce and go to the lane of their scope;
/// - `registers` write one value of the account, see [`super::register`]: they
///   need no nonce, as repeating them is safe;
/// - `signals` go to a lane too, but are neither stored nor repeated;
/// - `internals` are commands that only workers send;
/// - `unkeyed` are internal without a nonce: a sign-in, whose repeat is answered
///   again with a new token;
/// - `queries` read; any worker answers them;
/// - `openings` have no owner yet: any worker prepares them for a lane;
/// - `events` say what happened.
macro_rules! family {
    (
        $( commands { $( $command:tt )+ } )?
        $( registers { $( $register:tt )+ } )?
        $( signals { $( $signal:tt )+ } )?
        $( internals { $( $internal:tt )+ } )?
        $( unkeyed { $( $unkeyed:tt )+ } )?
        $( queries { $( $query:tt )+ } )?
        $( openings { $( $opening:tt )+ } )?
        $( events { $( $event:tt )+ } )?
    ) => {
        $crate::protocol::macros::lane! {
            $( [command] $( $command )+ )?
            $( [register] $( $register )+ )?
            $( [signal] $( $signal )+ )?
            $( [internal] $( $internal )+ )?
            $( [unkeyed] $( $unkeyed )+ )?
        }
        $crate::protocol::macros::any! {
            queries { $( $( $query )+ )? }
            openings { $( $( $opening )+ )? }
        }
        $crate::protocol::macros::events! { $( $( $event )+ )? }
    };
}

/// The rows that a lane executes.
macro_rules! lane {
    ($(
        [$kind:ident]
        $( #[doc = $summary:literal] $opcode:literal $name:ident: $request:ident -> $reply:ty,
           [$($access:tt)+], limited by $limit:ident; )+
    )*) => {
        /// The commands of this family that a lane executes.
        #[derive(Debug)]
        pub enum Command { $( $( #[doc = $summary] $request($request), )+ )* }

        $( $( $crate::protocol::macros::request! {
            $kind, $summary, $opcode, $name, $request, $reply, [$($access)+], $limit
        } )+ )*

        impl Command {
            $crate::protocol::macros::rows! { $( $( $opcode $request, )+ )* }

            /// The client's idempotency key.
            pub fn nonce(&self) -> Option<&str> {
                match *self {
                    $( $( Self::$request(ref request) => $crate::protocol::macros::nonce!($kind, request), )+ )*
                }
            }

            /// Which register it writes, and how.
            pub fn register(&self) -> Option<($crate::protocol::register::Key, $crate::protocol::register::Write)> {
                match *self {
                    $( $( Self::$request(ref request) => $crate::protocol::macros::register!($kind, request), )+ )*
                }
            }

            /// What the command says, the same for every way to write it.
            pub fn canonical(&self) -> Vec<u8> {
                match *self {
                    $( $( Self::$request(ref request) => $crate::wire::canonical(request), )+ )*
                }
            }

            /// Checks and executes the command, and encodes its reply.
            pub async fn dispatch<C>(self, ctx: &mut C) -> Result<Vec<u8>, C::Error>
            where
                C: $crate::protocol::Guard + Send,
                $( $( $request: $crate::protocol::Handler<C>, )+ )*
            {
                let _ = &ctx;
                match self {
                    $( $( Self::$request(request) => {
                        ctx.check(&request).await?;
                        let reply = $crate::protocol::Handler::handle(request, ctx).await?;
                        Ok($crate::protocol::encode(&reply))
                    } )+ )*
                }
            }
        }
    };
}

/// The rows that any worker takes.
macro_rules! any {
    (
        queries { $(
            #[doc = $summary:literal] $opcode:literal $name:ident: $request:ident -> $reply:ty,
            [$($access:tt)+], limited by $limit:ident;
        )* }
        openings { $(
            #[doc = $o_summary:literal] $o_opcode:literal $o_name:ident: $o_request:ident -> $o_reply:ty,
            [$($o_access:tt)+], limited by $o_limit:ident;
        )* }
    ) => {
        /// The requests of this family that any worker takes.
        #[derive(Debug)]
        pub enum Query {
            $( #[doc = $summary] $request($request), )*
            $( #[doc = $o_summary] $o_request($o_request), )*
        }

        $( $crate::protocol::macros::request! {
            query, $summary, $opcode, $name, $request, $reply, [$($access)+], $limit
        } )*
        $( $crate::protocol::macros::request! {
            opening, $o_summary, $o_opcode, $o_name, $o_request, $o_reply, [$($o_access)+], $o_limit
        } )*

        impl Query {
            $crate::protocol::macros::rows! { $( $opcode $request, )* $( $o_opcode $o_request, )* }

            /// Checks the request, then answers it or prepares it for a lane.
            pub async fn dispatch<C>(self, ctx: &mut C) -> Result<$crate::protocol::Outcome, C::Error>
            where
                C: $crate::protocol::Guard + Send,
                $( $request: $crate::protocol::Handler<C>, )*
                $( $o_request: $crate::protocol::Opener<C>, )*
            {
                let _ = &ctx;
                match self {
                    $( Self::$request(request) => {
                        ctx.check(&request).await?;
                        let reply = $crate::protocol::Handler::handle(request, ctx).await?;
                        Ok($crate::protocol::Outcome::Reply($crate::protocol::encode(&reply)))
                    } )*
                    $( Self::$o_request(request) => {
                        ctx.check(&request).await?;
                        $crate::protocol::Opener::open(request, ctx)
                            .await
                            .map($crate::protocol::Outcome::Forward)
                    } )*
                }
            }
        }
    };
}

/// What both kinds of enum have: the rows and the way in.
macro_rules! rows {
    ($( $opcode:literal $request:ident, )*) => {
        /// The rows of the reference.
        pub const ROWS: &[$crate::protocol::Row] = &[
            $( <$request as $crate::protocol::Request>::ROW, )*
        ];

        /// Reads a body; `None` when the opcode belongs to another family.
        pub(super) fn decode(
            opcode: u16,
            _body: &[u8],
        ) -> Option<Result<Self, $crate::error::Refusal>> {
            match opcode {
                $( $opcode => Some($crate::protocol::decode(_body).map(Self::$request)), )*
                _ => None,
            }
        }

        /// The row of this request.
        pub const fn row(&self) -> &'static $crate::protocol::Row {
            match *self {
                $( Self::$request(_) => const { &<$request as $crate::protocol::Request>::ROW }, )*
            }
        }
    };
}

macro_rules! events {
    ($( #[doc = $summary:literal] $opcode:literal $name:ident: $event:ident; )*) => {
        $(
            impl $crate::protocol::Event for $event {
                const OPCODE: u16 = $opcode;
                const NAME: &'static str = stringify!($name);
            }
        )*

        /// The events of this family.
        pub const EVENTS: &[$crate::protocol::EventRow] = &[
            $( $crate::protocol::EventRow::of::<$event>($summary) ),*
        ];
    };
}

macro_rules! request {
    ($kind:ident, $summary:literal, $opcode:literal, $name:ident, $request:ident, $reply:ty, [$($access:tt)+], $limit:ident) => {
        impl $crate::protocol::Request for $request {
            type Reply = $reply;
            const ROW: $crate::protocol::Row = $crate::protocol::Row {
                opcode: $opcode,
                name: stringify!($name),
                summary: $summary,
                kind: $crate::protocol::macros::kind!($kind),
                access: $crate::protocol::macros::access!($($access)+),
                limit: $crate::domain::limits::RateLimit::$limit,
                request: $crate::protocol::Codec::of::<$request>(),
                reply: $crate::protocol::Codec::of::<$reply>(),
            };

            fn channel(&self) -> Option<$crate::ids::ChannelId> {
                $crate::protocol::macros::channel!(self, $($access)+)
            }
        }
    };
}

macro_rules! kind {
    (command) => {
        $crate::protocol::RowKind::Command
    };
    (register) => {
        $crate::protocol::RowKind::Register
    };
    (signal) => {
        $crate::protocol::RowKind::Signal
    };
    (internal) => {
        $crate::protocol::RowKind::Internal
    };
    (unkeyed) => {
        $crate::protocol::RowKind::Internal
    };
    (query) => {
        $crate::protocol::RowKind::Query
    };
    (opening) => {
        $crate::protocol::RowKind::Opening
    };
}

macro_rules! nonce {
    (command, $request:ident) => {
        Some($request.nonce.as_str())
    };
    (internal, $request:ident) => {
        Some($request.nonce.as_str())
    };
    ($other:ident, $request:ident) => {{
        let _ = $request;
        None
    }};
}

macro_rules! register {
    (register, $request:ident) => {
        Some((
            $crate::protocol::register::WriteRegister::key($request),
            $crate::protocol::register::WriteRegister::write($request),
        ))
    };
    ($other:ident, $request:ident) => {{
        let _ = $request;
        None
    }};
}

macro_rules! access {
    (for anyone) => {
        $crate::protocol::Access::Anyone
    };
    (for account) => {
        $crate::protocol::Access::Account
    };
    (for member) => {
        $crate::protocol::Access::Member
    };
    (for workers) => {
        $crate::protocol::Access::Workers
    };
    (needs $permission:ident in channel) => {
        $crate::protocol::Access::Channel($crate::domain::permissions::Permissions::$permission)
    };
    (needs $permission:ident in server) => {
        $crate::protocol::Access::Server($crate::domain::permissions::Permissions::$permission)
    };
    (needs $permission:ident in server or deployment) => {
        $crate::protocol::Access::ServerOrDeployment(
            $crate::domain::permissions::Permissions::$permission,
        )
    };
}

macro_rules! channel {
    ($request:ident, needs $permission:ident in channel) => {
        Some($request.channel_id)
    };
    ($request:ident, $($other:tt)+) => {{
        let _: &Self = $request;
        None
    }};
}

/// Joins the families into one command type and one query type.
macro_rules! families {
    ( $( $variant:ident($family:ident), )+ ) => {
        /// Every command that a lane executes.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the families say it")]
        pub enum Command { $( $variant($family::Command), )+ }

        /// Every request that any worker takes.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the families say it")]
        pub enum Query { $( $variant($family::Query), )+ }

        /// Every row of the reference.
        pub fn rows() -> impl Iterator<Item = &'static Row> {
            [ $( $family::Command::ROWS, $family::Query::ROWS ),+ ].into_iter().flatten()
        }

        /// The rows of each family, by its name.
        pub const FAMILIES: &[(&str, &[Row], &[Row], &[EventRow])] = &[
            $( (stringify!($family), $family::Command::ROWS, $family::Query::ROWS, $family::EVENTS) ),+
        ];

        /// Every event of the reference.
        pub fn events() -> impl Iterator<Item = &'static EventRow> {
            [ $( $family::EVENTS ),+ ].into_iter().flatten()
        }

        impl Command {
            /// Reads a body as the command with this opcode.
            pub fn decode(opcode: u16, body: &[u8]) -> Result<Self, Refusal> {
                $( if let Some(result) = $family::Command::decode(opcode, body) {
                    return result.map(Self::$variant);
                } )+
                Err(Reason::UnknownCommand.into())
            }

            /// The row of this command.
            pub const fn row(&self) -> &'static Row {
                match self { $( Self::$variant(command) => command.row(), )+ }
            }

            /// What the command says, the same for every way to write it: a body that ends
            /// early, one written out in full, and one of a program that knows more fields.
            pub fn canonical(&self) -> Vec<u8> {
                match self { $( Self::$variant(command) => command.canonical(), )+ }
            }

            /// The client's idempotency key.
            pub fn nonce(&self) -> Option<&str> {
                match self { $( Self::$variant(command) => command.nonce(), )+ }
            }

            /// Which register it writes, and how.
            pub fn register(&self) -> Option<(register::Key, register::Write)> {
                match self { $( Self::$variant(command) => command.register(), )+ }
            }
        }

        impl Query {
            /// Reads a body as the request with this opcode.
            pub fn decode(opcode: u16, body: &[u8]) -> Result<Self, Refusal> {
                $( if let Some(result) = $family::Query::decode(opcode, body) {
                    return result.map(Self::$variant);
                } )+
                Err(Reason::UnknownCommand.into())
            }

            /// The row of this request.
            pub const fn row(&self) -> &'static Row {
                match self { $( Self::$variant(query) => query.row(), )+ }
            }
        }
    };
}

pub(super) use {
    access, any, channel, events, families, family, kind, lane, nonce, register, request, rows,
};
