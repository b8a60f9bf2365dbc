//! Joins the requests of a family into enums, and the families into one protocol.

/// Lists the rows of one family, in the order of the reference. Which opcode, name and
/// access a row has is said at its struct, see [`shared_derive::Body`]:
///
/// - `commands` go to a lane: commands, registers, signals and internal ones;
/// - `queries` are answered by any worker;
/// - `forwarded` are prepared by any worker for a lane;
/// - `events` say what happened.
macro_rules! family {
    (
        $( commands: $( $command:ident ),+; )?
        $( queries: $( $query:ident ),+; )?
        $( forwarded: $( $forwarded:ident ),+; )?
        $( events: $( $event:ident ),+; )?
    ) => {
        $crate::protocol::macros::requests! {
            /// The requests of this family that a lane executes.
            Command { $( $( $command, )+ )? }
        }
        $crate::protocol::macros::requests! {
            /// The requests of this family that any worker takes.
            Query { $( $( $query, )+ )? $( $( $forwarded, )+ )? }
        }

        impl<C> $crate::protocol::Dispatch<C> for Command
        where
            C: $crate::protocol::Guard + Send,
            $( $( $command: $crate::protocol::Handler<C>, )+ )?
        {
            /// The encoded reply.
            type Outcome = Vec<u8>;

            async fn dispatch(self, ctx: &mut C) -> Result<Vec<u8>, C::Error> {
                let _ = &ctx;
                match self {
                    $( $( Self::$command(command) => {
                        $crate::protocol::handle_request(command, ctx).await
                    } )+ )?
                }
            }
        }

        impl<C> $crate::protocol::Dispatch<C> for Query
        where
            C: $crate::protocol::Guard + Send,
            $( $( $query: $crate::protocol::Handler<C>, )+ )?
            $( $( $forwarded: $crate::protocol::Prepare<C>, )+ )?
        {
            type Outcome = $crate::protocol::Outcome;

            async fn dispatch(self, ctx: &mut C) -> Result<Self::Outcome, C::Error> {
                let _ = &ctx;
                match self {
                    $( $( Self::$query(query) => {
                        let reply = $crate::protocol::handle_request(query, ctx).await?;
                        Ok($crate::protocol::Outcome::Reply(reply))
                    } )+ )?
                    $( $( Self::$forwarded(request) => {
                        ctx.check(&request).await?;
                        let forward = $crate::protocol::Prepare::prepare(request, ctx).await?;
                        Ok($crate::protocol::Outcome::Forward(forward))
                    } )+ )?
                }
            }
        }

        /// The events of this family.
        pub const EVENTS: &[$crate::protocol::EventRow] =
            &[ $( $( <$event as $crate::protocol::Event>::ROW ),+ )? ];
    };
}

/// Some requests of a family as an enum: its rows, the way in, and what all have.
macro_rules! requests {
    ( $( #[doc = $doc:literal] )+ $name:ident { $( $request:ident, )* } ) => {
        $( #[doc = $doc] )+
        #[derive(Debug)]
        pub enum $name { $( #[doc = "See the struct."] $request($request), )* }

        impl $name {
            /// The rows of the reference.
            pub const ROWS: &[$crate::protocol::Row] =
                &[ $( <$request as $crate::protocol::Request>::ROW, )* ];
            /// The same with the codecs.
            pub const CODED_ROWS: &[$crate::protocol::CodedRow] =
                &[ $( $crate::protocol::CodedRow::of::<$request>(), )* ];

            /// Reads a body; `None` when the opcode belongs to another family.
            pub(super) fn decode(
                _opcode: u16,
                _body: &[u8],
            ) -> Option<Result<Self, $crate::error::Refusal>> {
                $( if _opcode == <$request as $crate::protocol::Request>::ROW.opcode {
                    return Some($crate::protocol::decode(_body).map(Self::$request));
                } )*
                None
            }

            /// The request, whichever it is.
            pub(super) fn request(&self) -> &dyn $crate::protocol::AnyRequest {
                match *self { $( Self::$request(ref request) => request, )* }
            }
        }
    };
}

/// Joins the families into one command type and one query type.
macro_rules! families {
    ( $( $variant:ident($family:ident), )+ ) => {
        $crate::protocol::macros::join_families! {
            /// Every command that a lane executes.
            Command -> Vec<u8> { $( $variant($family), )+ }
        }
        $crate::protocol::macros::join_families! {
            /// Every request that any worker takes.
            Query -> Outcome { $( $variant($family), )+ }
        }

        /// The rows of each family.
        const ROWS: &[(&[Row], &[Row])] = &[ $( ($family::Command::ROWS, $family::Query::ROWS) ),+ ];

        /// The rows of each family with their codecs, by its name.
        pub const FAMILIES: &[(&str, &[CodedRow], &[CodedRow], &[EventRow])] = &[
            $( (
                stringify!($family),
                $family::Command::CODED_ROWS,
                $family::Query::CODED_ROWS,
                $family::EVENTS,
            ) ),+
        ];
    };
}

macro_rules! join_families {
    (
        $( #[doc = $doc:literal] )+
        $name:ident -> $outcome:ty { $( $variant:ident($family:ident), )+ }
    ) => {
        $( #[doc = $doc] )+
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the families say it")]
        pub enum $name { $( $variant($family::$name), )+ }

        impl $name {
            /// Reads a body as the request with this opcode.
            pub fn decode(opcode: u16, body: &[u8]) -> Result<Self, Refusal> {
                $( if let Some(result) = $family::$name::decode(opcode, body) {
                    return result.map(Self::$variant);
                } )+
                Err(Reason::UnknownCommand.into())
            }

            fn request(&self) -> &dyn AnyRequest {
                match self { $( Self::$variant(family) => family.request(), )+ }
            }
        }

        impl<C> Dispatch<C> for $name
        where
            C: Guard + Send,
            $( $family::$name: Dispatch<C, Outcome = $outcome>, )+
        {
            type Outcome = $outcome;

            async fn dispatch(self, ctx: &mut C) -> Result<Self::Outcome, C::Error> {
                match self { $( Self::$variant(family) => family.dispatch(ctx).await, )+ }
            }
        }
    };
}

pub(super) use {families, family, join_families, requests};
