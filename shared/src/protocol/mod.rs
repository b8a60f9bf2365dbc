//! The protocol: one file per command family.
//!
//! How to add a command is in `CONTRIBUTING.md`. The worker does not compile until the
//! command has its handler. The reference, the TypeScript codec, the HTTP endpoint, the
//! golden vector and the metric labels follow from the row.

mod macros;

pub mod account;
pub mod admin;
pub mod blocks;
pub mod channel;
pub mod control;
pub mod invite;
pub mod limit;
pub mod member;
pub mod message;
pub mod moderation;
pub mod notification;
pub mod ping;
pub mod presence;
pub mod push;
pub mod register;
pub mod role;
pub mod search;
pub mod server;
pub mod session;
pub mod typing;
pub mod unread;
pub mod user;

use std::{collections::BTreeMap, ops::Deref};

use serde::de::{DeserializeOwned, IgnoredAny};
use shared_derive::ClosedSet;

use crate::{
    domain::{limits::RateLimit, permissions::Permissions},
    error::{Reason, Refusal},
    frame,
    ids::{ChannelId, Partition},
    surplus,
    wire::{Shape, Wire, canonical, encode_json},
};

pub use crate::wire::encode;

macros::families! {
    Account(account),
    Session(session),
    Server(server),
    Invite(invite),
    Member(member),
    User(user),
    Role(role),
    Channel(channel),
    Message(message),
    Typing(typing),
    Unread(unread),
    Limit(limit),
    Search(search),
    Presence(presence),
    Push(push),
    Notification(notification),
    Ping(ping),
    Moderation(moderation),
    Admin(admin),
}

/// Every row of the reference.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .flat_map(|(commands, queries)| commands.iter().chain(*queries))
}

/// Every row with its codecs.
pub fn coded_rows() -> impl Iterator<Item = &'static CodedRow> {
    FAMILIES
        .iter()
        .flat_map(|(_, commands, queries, _)| commands.iter().chain(*queries))
}

/// Every event of the reference.
pub fn events() -> impl Iterator<Item = &'static EventRow> {
    FAMILIES.iter().flat_map(|(_, _, _, events)| *events)
}

impl Command {
    /// The row of this command.
    pub fn row(&self) -> &'static Row {
        self.request().row()
    }

    /// What the command says, the same for every way to write it: a body that ends
    /// early, one written out in full, and one of a program that knows more fields.
    pub fn canonical(&self) -> Vec<u8> {
        self.request().canonical()
    }

    /// The client's idempotency key.
    pub fn nonce(&self) -> Option<&str> {
        self.request().nonce()
    }

    /// Which register it writes, and how.
    pub fn register(&self) -> Option<(register::Key, register::Write)> {
        self.request().register()
    }
}

impl Query {
    /// The row of this request.
    pub fn row(&self) -> &'static Row {
        self.request().row()
    }
}

/// A request, and what the pipeline must check before it is handled.
pub trait Request: Wire {
    /// The reply sent on success.
    type Reply: Wire;
    /// Its row in the reference.
    const ROW: Row;

    /// The channel that a channel permission is looked up in.
    fn channel(&self) -> Option<ChannelId> {
        None
    }

    /// The client's idempotency key.
    fn nonce(&self) -> Option<&str> {
        None
    }

    /// Which register it writes, and how.
    fn register(&self) -> Option<(register::Key, register::Write)> {
        None
    }
}

/// What is known of a request whose type is not.
trait AnyRequest {
    fn row(&self) -> &'static Row;
    fn canonical(&self) -> Vec<u8>;
    fn nonce(&self) -> Option<&str>;
    fn register(&self) -> Option<(register::Key, register::Write)>;
}

impl<R: Request> AnyRequest for R {
    fn row(&self) -> &'static Row {
        const { &R::ROW }
    }
    fn canonical(&self) -> Vec<u8> {
        canonical(self)
    }
    fn nonce(&self) -> Option<&str> {
        Request::nonce(self)
    }
    fn register(&self) -> Option<(register::Key, register::Write)> {
        Request::register(self)
    }
}

/// Handles a request in a context `C`, which belongs to the worker.
pub trait Handler<C: Guard>: Request {
    /// Executes the request.
    fn handle(self, ctx: &mut C) -> impl Future<Output = Result<Self::Reply, C::Error>> + Send;
}

/// Checks and executes a request, and encodes its reply.
async fn handle_request<C: Guard, R: Handler<C>>(
    request: R,
    ctx: &mut C,
) -> Result<Vec<u8>, C::Error> {
    ctx.check(&request).await?;
    Ok(encode(&request.handle(ctx).await?))
}

/// Prepares a request that has no owner yet for the lane that will own it.
pub trait Prepare<C: Guard>: Request {
    /// Does the slow part, chooses the partition, and says what its lane is to execute.
    fn prepare(self, ctx: &mut C) -> impl Future<Output = Result<Forward, C::Error>> + Send;
}

/// Requests that have handlers in a context `C`.
pub trait Dispatch<C: Guard> {
    /// What becomes of one.
    type Outcome;

    /// Checks the request, and has it handled.
    fn dispatch(self, ctx: &mut C) -> impl Future<Output = Result<Self::Outcome, C::Error>> + Send;
}

/// Checks a request before it is handled.
pub trait Guard {
    /// What can go wrong, besides a refusal.
    type Error: From<Refusal> + Send;

    /// Refuses what the caller may not do, or may not do yet.
    fn check<R: Request>(
        &mut self,
        request: &R,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What became of a request that any worker takes.
#[derive(Debug)]
pub enum Outcome {
    /// It is answered with this body.
    Reply(Vec<u8>),
    /// A lane will answer it.
    Forward(Forward),
}

/// What a lane is to execute in place of a forwarded request.
#[derive(Debug, PartialEq, Eq)]
pub struct Forward {
    /// The partition whose lane it is for.
    pub partition: Partition,
    /// The internal command.
    pub opcode: u16,
    /// The server, or 0.
    pub scope: u64,
    /// The encoded internal command.
    pub body: Vec<u8>,
}

impl Forward {
    /// Forwards to `partition`; the reply of `request` must be that of the forwarded one.
    pub fn to<R: Request>(partition: Partition, scope: u64, request: &R) -> Self {
        Self {
            partition,
            opcode: R::ROW.opcode,
            scope,
            body: encode(request),
        }
    }
}

/// Something that happened.
pub trait Event: Wire {
    /// Its row in the reference.
    const ROW: EventRow;
    /// The number on the wire.
    const OPCODE: u16 = Self::ROW.opcode;
    /// The name in JSON, documents, logs and metrics.
    const NAME: &'static str = Self::ROW.name;
}

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ClosedSet)]
pub enum RowKind {
    /// Writes, in the lane of its scope.
    Command,
    /// Writes one value that the account keeps, in the lane of the account.
    Register,
    /// Tells others something that is not stored, by way of a lane.
    Signal,
    /// Sent by workers only.
    Internal,
    /// Reads, in any worker.
    Query,
    /// Prepared by any worker, executed by a lane.
    Forwarded,
}

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, signed in or not.
    Anyone,
    /// A signed-in account.
    Account,
    /// A member of the scope's server.
    Member,
    /// A member of the scope's server; with scope 0, a signed-in account.
    MemberOrAccount,
    /// A member with this permission in the server.
    Server(Permissions),
    /// A member with this permission in the server; with scope 0, an administrator of the deployment.
    ServerOrDeployment(Permissions),
    /// An administrator of the deployment.
    Deployment,
    /// A member with this permission in the request's channel.
    Channel(Permissions),
    /// Workers only.
    Workers,
}

/// One row of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The number on the wire.
    pub opcode: u16,
    /// The name in JSON, HTTP, documents, logs and metrics.
    pub name: &'static str,
    /// What the request does, in one line.
    pub summary: &'static str,
    /// How it travels.
    pub kind: RowKind,
    /// Whom it is for.
    pub access: Access,
    /// Which bucket it draws from.
    pub limit: RateLimit,
}

/// A row with its codecs, for doors and references, which know no types. They are not in [`Row`] because a program holds
/// every codec that it can reach: workers, which look up rows and know the types, reach none.
#[derive(Debug, Clone, Copy)]
pub struct CodedRow {
    /// The row.
    pub row: Row,
    /// The request's body.
    pub request: Codec,
    /// The reply's body.
    pub reply: Codec,
}

impl CodedRow {
    /// That of a request.
    pub const fn of<R: Request>() -> Self {
        Self {
            row: R::ROW,
            request: Codec::of::<R>(),
            reply: Codec::of::<R::Reply>(),
        }
    }
}

impl Deref for CodedRow {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.row
    }
}

/// The row of a command with this name, for the doors that speak names.
pub fn row_named(name: &str) -> Option<&'static CodedRow> {
    coded_rows().find(|row| row.name == name && row.kind != RowKind::Internal)
}

/// The same for doors that were given its number.
pub fn coded_row(opcode: u16) -> Option<&'static CodedRow> {
    coded_rows().find(|row| row.opcode == opcode)
}

/// The row with this opcode.
pub fn row(opcode: u16) -> Option<&'static Row> {
    rows().find(|row| row.opcode == opcode)
}

/// The event with this opcode.
pub fn event(opcode: u16) -> Option<&'static EventRow> {
    events().find(|row| row.opcode == opcode)
}

/// One event of the reference.
#[derive(Debug, Clone, Copy)]
pub struct EventRow {
    /// The number on the wire.
    pub opcode: u16,
    /// The name in JSON and documents.
    pub name: &'static str,
    /// What happened, in one line.
    pub summary: &'static str,
    /// The event's body.
    pub body: Codec,
}

/// Turns one body into its other forms, for what only knows a row.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    /// What the body looks like.
    pub shape: fn() -> Shape,
    /// The golden vector.
    pub sample: fn() -> Vec<u8>,
    /// JSON to MessagePack.
    pub from_json: fn(&[u8]) -> Result<Vec<u8>, Refusal>,
    /// MessagePack to JSON.
    pub to_json: fn(&[u8]) -> Result<String, Refusal>,
}

impl Codec {
    /// The codec of `T`.
    pub const fn of<T: Wire>() -> Self {
        Self {
            shape: T::shape,
            sample: || encode(&T::sample()),
            from_json: |text| {
                let shape = T::shape();
                check_names(text, &shape)?;
                let value: T =
                    serde_json::from_slice(text).map_err(|error| malformed_json(&error))?;
                let body = encode(&value);
                if !matches!(shape, Shape::Unit) {
                    frame::check_body(&body)?;
                }
                Ok(body)
            },
            to_json: |body| encode_json(&decode_told::<T>(body)?),
        }
    }
}

/// Refuses an object with a field that the row does not have: a misspelt
/// optional field would silently take its default.
#[expect(
    clippy::zero_sized_map_values,
    reason = "JSON objects are read as maps; only the names matter"
)]
fn check_names(text: &[u8], shape: &Shape) -> Result<(), Refusal> {
    let Shape::Struct(shape) = shape else {
        return Ok(());
    };
    let given: BTreeMap<String, IgnoredAny> =
        serde_json::from_slice(text).map_err(|error| malformed_json(&error))?;
    let known = |name: &str| shape.fields.iter().any(|field| field.name == name);
    match given.into_keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::field(
            Reason::Malformed,
            &format!("unknown field `{name}`"),
        )),
    }
}

/// What a client is told of JSON that is not read.
pub fn malformed_json(error: &serde_json::Error) -> Refusal {
    // The line and column are of no use in a one-line body; the field's name is.
    let text = error.to_string();
    Refusal::field(
        Reason::Malformed,
        text.split(" at line").next().unwrap_or_default(),
    )
}

/// Decodes a request. Surplus fields at its end are refused: nobody does half of what
/// was asked. So workers roll before clients learn a new field.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    rmp_serde::from_slice(body).map_err(|_error| Reason::Malformed.into())
}

/// Decodes what somebody is told: a reply or an event, which may come from a newer program.
/// Fields at the end of its structs that this program does not know are skipped.
pub fn decode_told<T: Wire>(body: &[u8]) -> Result<T, Refusal> {
    // Nearly always there are none, so only who cannot read a body looks for them.
    decode(body).or_else(|refusal| {
        let known = surplus::skip_surplus(body, &T::shape()).ok_or(refusal)?;
        decode(&known)
    })
}

/// Encodes what is stored: without the fields at its end that say what leaving them out says, so
/// that a program that does not know them reads the others.
pub fn encode_stored<T: Wire + PartialEq>(value: &T) -> Vec<u8> {
    let mut body = encode(value);
    while let Some(shorter) = surplus::drop_last_field(&body)
        && decode::<T>(&shorter).is_ok_and(|read| read == *value)
    {
        body = shorter;
    }
    body
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::frame::opcode;

    #[test]
    fn what_is_stored_has_no_field_that_says_nothing() {
        let mut rule = moderation::RuleSettings::sample();
        assert_eq!(encode_stored(&rule), encode(&rule));
        rule.timeout_seconds = 0;
        let stored = encode_stored(&rule);
        assert_eq!(stored.first(), Some(&0x9a), "ten fields of eleven");
        assert_eq!(decode(&stored), Ok(rule));
    }

    #[test]
    fn opcodes_and_names_are_unique() {
        assert_eq!(
            rows().map(|row| row.opcode).collect::<BTreeSet<_>>().len(),
            rows().count()
        );
        assert_eq!(
            rows().map(|row| row.name).collect::<BTreeSet<_>>().len(),
            rows().count()
        );
        assert_eq!(
            events()
                .map(|row| row.opcode)
                .collect::<BTreeSet<_>>()
                .len(),
            events().count()
        );
        assert_eq!(
            events().map(|row| row.name).collect::<BTreeSet<_>>().len(),
            events().count()
        );
    }

    #[test]
    fn an_opcode_says_which_way_a_request_goes() {
        for row in rows() {
            let range = match row.kind {
                RowKind::Command | RowKind::Register | RowKind::Signal => {
                    opcode::FIRST_LANE..opcode::FIRST_ANY
                }
                RowKind::Query | RowKind::Forwarded => opcode::FIRST_ANY..opcode::FIRST_INTERNAL,
                RowKind::Internal => opcode::FIRST_INTERNAL..u16::MAX,
            };
            assert!(range.contains(&row.opcode), "{}", row.name);
            assert_eq!(
                row.kind == RowKind::Internal,
                row.access == Access::Workers,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn json_and_messagepack_say_the_same() {
        let codecs = coded_rows()
            .flat_map(|row| [row.request, row.reply])
            .chain(events().map(|row| row.body));
        for codec in codecs {
            let body = (codec.sample)();
            let json = (codec.to_json)(&body).unwrap();
            assert_eq!((codec.from_json)(json.as_bytes()).unwrap(), body, "{json}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}",
            account::LogIn::sample(),
            account::SignedIn::sample(),
            account::ChangePassword::sample(),
            account::ReplacePassword::sample(),
            account::DeleteAccount::sample(),
            push::SubscribePush::sample(),
        );
        for secret in [
            "password",
            "token",
            "new_password",
            "password_hash",
            "replaced_hash",
            "endpoint",
            "p256dh",
            "auth",
        ] {
            assert!(shown.contains(&format!("{secret}: …")), "{shown}");
        }
        for told in ["password: \"", "password: Some", "hash: \""] {
            assert!(!shown.contains(told), "{shown}");
        }
    }

    #[test]
    fn misspelt_fields_are_refused_by_name() {
        let row = row_named("messages_get").unwrap();
        let refusal = (row.request.from_json)(br#"{"channel_id":"7","befroe":3}"#).unwrap_err();
        assert_eq!(refusal.detail.as_deref(), Some("unknown field `befroe`"));
        let refusal = (row.request.from_json)(br#"{"channel_id":"7","before":9007199254740992}"#)
            .unwrap_err();
        assert_eq!(refusal.reason, Reason::Malformed);
    }

    #[test]
    fn unknown_opcodes_are_refused() {
        assert_eq!(
            Command::decode(2_047, &[0x90]).unwrap_err(),
            Reason::UnknownCommand.into()
        );
        assert_eq!(
            Query::decode(16, &[0x90]).unwrap_err(),
            Reason::UnknownCommand.into()
        );
    }
}
