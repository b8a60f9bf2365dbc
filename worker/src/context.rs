//! What a handler may touch, and nothing else.
//!
//! A handler cannot publish, reply or count a limit: it returns and emits; the
//! lane does the rest, after COMMIT.

use std::collections::BTreeMap;

use foldhash::HashMap;
use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{Caller, Effect, Envelope, pack},
    domain::{
        permissions::{Permissions, Standing},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, Id, MessageId, Partition, ServerId, UserId, next_raw},
    keys::ClusterKeys,
    protocol::{self, Event, Request},
};

use crate::{
    error::{Error, StoreError},
    lane::{
        Caps,
        memory::{Memory, ServerState},
    },
    store::write::{
        Writer,
        internal::Left,
        machine::{Batch, Counters, NewEvent},
        message::{NewRow, Revision},
    },
};

/// Changes of messages that are gathered, at most: they leave in one pipeline.
const MAX_REVISIONS: usize = 16;

/// What all commands of a batch share.
pub(crate) struct Context<'a> {
    pub(super) writer: &'a Writer,
    pub(super) keys: &'a ClusterKeys,
    pub(super) caps: Caps,
    pub(super) memory: &'a mut Memory,
    pub(super) counters: &'a mut BTreeMap<Partition, Counters>,
    pub(super) batch: Batch,
    /// Events in the order they were emitted; those of accounts get their seq last.
    pub(super) emitted: Vec<Emitted>,
    /// Partitions whose lanes have a new internal command.
    pub(super) woken: Vec<Partition>,
    pub(super) now_ms: u64,
    /// Who wrote the messages that the batch speaks of.
    pub(super) authors: HashMap<(ChannelId, MessageId), Option<UserId>>,
    /// Whether the transaction began: not before a command needs it.
    pub(super) begun: bool,
    /// How often something was written: a refusal after a write aborts the batch.
    pub(super) writes: usize,
    pub(super) command: Current,
}

/// The command under way.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) partition: Partition,
    pub(super) scope: u64,
    pub(super) caller: Option<Caller>,
    pub(super) trace: Option<String>,
}

/// An event that is not stored yet.
#[derive(Debug)]
pub(super) struct Emitted {
    pub(super) topic: u64,
    /// Where its seq comes from.
    pub(super) writer: TopicWriter,
    pub(super) opcode: u16,
    /// Of what is not stored: what it replaces where it still waits.
    pub(super) key: Option<u64>,
    pub(super) audience: Audience,
    pub(super) effect: Option<Vec<u8>>,
    pub(super) body: Vec<u8>,
    pub(super) partition: Partition,
    pub(super) trace: Option<String>,
}

/// Who gets an event of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every member.
    Members,
    /// One member.
    Member(UserId),
    /// Who sees the channel.
    Channel(ChannelId),
}

impl Audience {
    const fn channel(self) -> Option<u64> {
        match self {
            Self::Channel(channel) => Some(channel.get()),
            Self::Members | Self::Member(_) => None,
        }
    }

    fn accounts(self) -> Option<Vec<u64>> {
        match self {
            Self::Member(user) => Some(vec![user.get()]),
            Self::Members | Self::Channel(_) => None,
        }
    }
}

/// Whom an event is for, and what gateways do about it.
struct Target {
    topic: u64,
    writer: TopicWriter,
    audience: Audience,
    effect: Option<Effect>,
}

/// Who writes a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopicWriter {
    /// This lane alone: the seq was taken from memory.
    Lane(u64),
    /// Any lane, as joining and founding a server concern the account, too: the seq is taken
    /// under the lock of the topic's row, which is kept until COMMIT, in the order of ids and
    /// after every other lock that lanes share. So seqs are dense, n + 1 is never seen before n, and lanes that
    /// write for the same accounts wait for each other but never in a circle.
    Any,
    /// Nobody: the event is not stored; it comes after this one.
    Nobody(u64),
}

impl Emitted {
    /// The finished event, once its seq is known.
    pub(super) fn envelope(&self, seq: u64) -> Envelope {
        let after = match self.writer {
            TopicWriter::Nobody(after) => after,
            TopicWriter::Lane(_) | TopicWriter::Any => 0,
        };
        Envelope {
            topic: self.topic,
            seq,
            after,
            visibility: self.audience.channel(),
            audience: self.audience.accounts(),
            key: self.key,
            effect: self.effect.clone().map(ByteBuf::from),
            opcode: self.opcode,
            body: self.body.clone().into(),
            trace: self.trace.clone(),
        }
    }

    /// The row of the event log.
    pub(super) fn row(&self, seq: u64, position: i64) -> NewEvent {
        NewEvent {
            topic: self.topic,
            seq,
            partition: self.partition,
            position,
            opcode: self.opcode,
            channel: self.audience.channel(),
            audience: self
                .audience
                .accounts()
                .map(|accounts| pack(&accounts).to_vec()),
            effect: self.effect.clone(),
            body: self.body.clone(),
        }
    }
}

impl Context<'_> {
    /// Who sent the command.
    pub(crate) fn caller(&self) -> Result<Caller, Error> {
        self.command
            .caller
            .clone()
            .ok_or_else(|| Reason::Unauthenticated.into())
    }

    /// How many of what there may be.
    pub(crate) const fn caps(&self) -> Caps {
        self.caps
    }

    /// What makes tokens.
    pub(crate) const fn keys(&self) -> &ClusterKeys {
        self.keys
    }

    /// Milliseconds since 1970.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The server that the command is for, or 0.
    pub(crate) const fn scope(&self) -> u64 {
        self.command.scope
    }

    /// The partition that executes the command.
    pub(crate) const fn partition(&self) -> Partition {
        self.command.partition
    }

    /// The next id of the command's partition.
    pub(crate) fn next_id<T>(&mut self) -> Result<Id<T>, Error> {
        let partition = self.command.partition;
        let counters = self
            .counters
            .get_mut(&partition)
            .ok_or(StoreError::Fenced)?;
        counters.last_id = next_raw(counters.last_id, partition, self.now_ms);
        Id::new(counters.last_id).ok_or_else(|| StoreError::Inconsistency("ids are used up").into())
    }

    /// Refuses the command unless a condition holds.
    #[expect(clippy::unused_self, reason = "reads well at the call site")]
    pub(crate) fn require(&self, condition: bool, reason: Reason) -> Result<(), Error> {
        if condition {
            Ok(())
        } else {
            Err(Refusal::from(reason).into())
        }
    }

    /// The server that the command's scope names, loaded on first use; its
    /// partition must be the one that executes the command.
    pub(crate) async fn server(&mut self) -> Result<&mut ServerState, Error> {
        let unknown = || Error::from(Refusal::from(Reason::UnknownServer));
        let id = ServerId::new(self.command.scope).ok_or_else(unknown)?;
        if id.partition() != self.command.partition {
            return Err(unknown());
        }
        if self.memory.get(id).is_none() {
            let state = self.writer.load_server(id).await?.ok_or_else(unknown)?;
            self.memory.insert(state);
        }
        self.memory.get_mut(id).ok_or_else(unknown)
    }

    /// How a user stands in the scope's server; none for who is no member.
    pub(crate) async fn standing(&mut self, user: UserId) -> Result<Option<Standing>, Error> {
        let state = self.server().await?;
        let server = state.structure.server;
        if let Some(known) = state.members.get(&user) {
            return Ok(known.clone());
        }
        let found = self.writer.find_member(server, user).await?;
        self.memory.remember(server, user, found.clone());
        Ok(found)
    }

    /// The caller's permissions in a channel of the scope's server.
    pub(crate) async fn permissions_in(
        &mut self,
        channel: ChannelId,
    ) -> Result<Permissions, Error> {
        let user = self.caller()?.user;
        let Some(standing) = self.standing(user).await? else {
            return Ok(Permissions::empty());
        };
        Ok(self
            .server()
            .await?
            .structure
            .in_channel(&standing, channel))
    }

    /// The connection, for a rare write in this batch's transaction. Messages
    /// gathered so far are written first, so that it sees them.
    pub(crate) async fn store(&mut self) -> Result<&Writer, Error> {
        self.writes += 1;
        self.look().await
    }

    /// Says that something was written with the connection of [`Self::look`]:
    /// a statement that changes nothing when it fails needs no abort.
    pub(crate) const fn wrote(&mut self) {
        self.writes += 1;
    }

    /// The connection, for a look or a write that may turn out to change nothing.
    pub(crate) async fn look(&mut self) -> Result<&Writer, Error> {
        if !self.begun {
            self.begun = true;
            self.writer.begin().await?;
        }
        self.writer.flush(&mut self.batch).await?;
        Ok(self.writer)
    }

    /// Remembers who is a member of the scope's server, after writing it.
    pub(crate) fn remember(&mut self, server: ServerId, user: UserId, standing: Option<Standing>) {
        self.memory.remember(server, user, standing);
    }

    /// Goes on with another server of the same partition.
    pub(crate) const fn turn_to(&mut self, server: ServerId) {
        self.command.scope = server.get();
    }

    /// Takes a new server into memory, after writing it.
    pub(crate) fn adopt(&mut self, state: ServerState) {
        self.turn_to(state.structure.server);
        self.memory.insert(state);
    }

    /// Gathers a message; its counters move with it.
    pub(crate) fn append(&mut self, row: NewRow) {
        self.authors.insert((row.channel, row.id), Some(row.author));
        self.batch
            .channels
            .insert(row.channel.get(), (row.seq, Some(row.id.get())));
        self.batch.messages.push(row);
        self.writes += 1;
    }

    /// Who wrote a message of the channel: looked up for the whole batch before it
    /// began, and kept true by it since.
    pub(crate) async fn author(
        &mut self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<UserId>, Error> {
        if let Some(known) = self.authors.get(&(channel, message)) {
            return Ok(*known);
        }
        let found = self
            .look()
            .await?
            .find_authors(&[(channel, message)])
            .await?;
        let author = found.first().map(|(_, author)| *author);
        self.authors.insert((channel, message), author);
        Ok(author)
    }

    /// Gathers a change of a message.
    pub(crate) async fn revise(&mut self, revision: Revision) -> Result<(), Error> {
        if let Revision::Delete { channel, id } = &revision {
            self.authors.insert((*channel, *id), None);
        }
        self.writes += 1;
        self.batch.revisions.push(revision);
        if self.batch.revisions.len() >= MAX_REVISIONS {
            self.look().await?;
        }
        Ok(())
    }

    /// The seq that the next event of the scope's server gets.
    pub(crate) async fn next_seq(&mut self) -> Result<u64, Error> {
        Ok(self.server().await?.head + 1)
    }

    /// Tells members of the scope's server what happened.
    pub(crate) async fn emit<E: Event>(
        &mut self,
        audience: Audience,
        event: &E,
    ) -> Result<u64, Error> {
        self.emit_changes(audience, Vec::new(), event).await
    }

    /// The same of what changes who sees what, or who is a member; answers the
    /// event's place.
    pub(crate) async fn emit_changes<E: Event>(
        &mut self,
        audience: Audience,
        changes: Vec<Change>,
        event: &E,
    ) -> Result<u64, Error> {
        let state = self.server().await?;
        state.head += 1;
        let (server, seq) = (state.structure.server, state.head);
        let follows = state.rights_version;
        let is_structural = changes.iter().any(Change::is_structural);
        if is_structural {
            state.rights_version = seq;
            self.store().await?.set_rights_version(server, seq).await?;
        }
        let topic = server.get();
        self.batch.heads.insert(topic, seq);
        let effect = (!changes.is_empty()).then_some(Effect::Rights { follows, changes });
        self.push(
            Target {
                topic,
                writer: TopicWriter::Lane(seq),
                audience,
                effect,
            },
            None,
            event,
        );
        Ok(seq)
    }

    /// Tells an account what happened.
    pub(crate) fn emit_to<E: Event>(&mut self, user: UserId, effect: Option<Effect>, event: &E) {
        self.push(
            Target {
                topic: user.get(),
                writer: TopicWriter::Any,
                audience: Audience::Members,
                effect,
            },
            None,
            event,
        );
    }

    /// Tells those who see the channel something that is not stored. What waits
    /// somewhere under the same `key` is replaced by it.
    pub(crate) async fn signal<E: Event>(
        &mut self,
        channel: ChannelId,
        key: u64,
        event: &E,
    ) -> Result<(), Error> {
        let after = self.server().await?.head;
        self.push(
            Target {
                topic: self.command.scope,
                writer: TopicWriter::Nobody(after),
                audience: Audience::Channel(channel),
                effect: None,
            },
            Some(key),
            event,
        );
        self.writes -= 1;
        Ok(())
    }

    fn push<E: Event>(&mut self, to: Target, key: Option<u64>, event: &E) {
        self.writes += 1;
        self.emitted.push(Emitted {
            topic: to.topic,
            writer: to.writer,
            opcode: E::OPCODE,
            key,
            audience: to.audience,
            effect: to.effect.map(|effect| pack(&effect).to_vec()),
            body: protocol::encode(event),
            partition: self.command.partition,
            trace: self.command.trace.clone(),
        });
    }

    /// Leaves a command for the owner of `target`, whose lane executes it once, after
    /// this batch has committed. Its handler must take an object that is gone for
    /// done: a refusal is tried again, and holds back what follows.
    #[expect(dead_code, reason = "no family concerns two owners yet")]
    pub(crate) async fn leave<R: Request>(
        &mut self,
        target: Partition,
        scope: u64,
        request: &R,
    ) -> Result<(), Error> {
        let number: Id<()> = self.next_id()?;
        let left = Left {
            target,
            source: self.command.partition,
            number: number.get(),
            opcode: R::ROW.opcode,
            scope,
            author: self.command.caller.as_ref().map(|caller| caller.user),
            body: &protocol::encode(request),
        };
        self.store().await?.leave(&left).await?;
        self.woken.push(target);
        Ok(())
    }

    /// Leaves a job, which no lane waits for.
    pub(crate) async fn leave_job(&mut self, kind: &str, body: &[u8]) -> Result<(), Error> {
        self.store().await?.leave_job(kind, body).await
    }
}
