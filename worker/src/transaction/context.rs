//! What a handler may touch, and nothing else.
//!
//! A handler cannot publish, reply or count a limit: it returns and emits; the
//! lane does the rest, after COMMIT. Whatever changes something counts itself, so that a
//! refusal after a change takes the change with it.

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    bus::envelope::{Caller, Effect},
    domain::{
        permissions::{Permissions, Standing},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, Id, MessageId, Partition, ServerId, UserId, next_raw},
    keys::ClusterKeys,
    protocol::{
        self, Event, Request,
        moderation::Rule,
        register::{Register, WriteRegister},
    },
};

use super::{
    Caps, Transaction,
    event::{EmittedEvent, SeqSource, Target},
};
use crate::{
    error::{Error, StoreError},
    push::PushPolicy,
    signature::BLOCK,
    state::{
        moderation::Moderation,
        server::{Audience, MemberState, ServerState, Servers},
        slow_mode::LastSend,
    },
    store::write::{
        self, Connection, Reads, Writes,
        audit::Record,
        internal::NewInternal,
        message::{KnownMessage, MentioningMessageRow, NewMessageRow, Revision},
    },
};

/// Changes of messages that are gathered, at most: they leave in one pipeline.
const MAX_REVISIONS: usize = 16;

/// The command under way.
#[derive(Debug, Clone)]
pub(crate) struct CurrentCommand {
    pub(crate) partition: Partition,
    pub(crate) scope: u64,
    pub(crate) caller: Option<Caller>,
    pub(crate) trace: Option<String>,
}

/// One command and its transaction.
pub(crate) struct Context<'a> {
    tx: &'a mut Transaction,
    command: CurrentCommand,
    /// How often something was changed before the command.
    changes_before: usize,
    /// How many events there were before the command.
    emitted_before: usize,
}

impl<'a> Context<'a> {
    pub(super) const fn new(tx: &'a mut Transaction, command: CurrentCommand) -> Self {
        Self {
            changes_before: tx.changes,
            emitted_before: tx.emitted.len(),
            tx,
            command,
        }
    }

    /// Takes back what the command signalled, as it was refused; `false` when it changed
    /// something, which only the whole transaction can take back.
    pub(crate) fn take_back(self) -> bool {
        if self.tx.changes > self.changes_before {
            return false;
        }
        self.tx.emitted.truncate(self.emitted_before);
        true
    }

    /// Who sent the command.
    pub(crate) fn caller(&self) -> Result<Caller, Refusal> {
        self.command
            .caller
            .clone()
            .ok_or_else(|| Reason::Unauthenticated.into())
    }

    /// How many of what there may be.
    pub(crate) const fn caps(&self) -> Caps {
        self.tx.caps
    }

    /// Who may be told by web push, unless that is off.
    pub(crate) fn push(&self) -> Result<&Arc<PushPolicy>, Refusal> {
        self.tx
            .push
            .as_ref()
            .ok_or_else(|| Reason::SwitchedOff.into())
    }

    /// What makes tokens.
    pub(crate) const fn keys(&self) -> &ClusterKeys {
        &self.tx.keys
    }

    /// Milliseconds since 1970.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.tx.now_ms
    }

    /// The server that the command is for, or 0.
    pub(crate) const fn scope(&self) -> u64 {
        self.command.scope
    }

    /// The partition that executes the command.
    pub(crate) const fn partition(&self) -> Partition {
        self.command.partition
    }

    /// Goes on with another server of the same partition.
    pub(crate) const fn set_scope(&mut self, server: ServerId) {
        self.command.scope = server.get();
    }

    /// The next id of the command's partition. One that is not used is lost, and no harm.
    pub(crate) fn next_id<T>(&mut self) -> Result<Id<T>, Error> {
        let partition = self.command.partition;
        let counters = self.tx.counters.get_mut(&partition);
        let counters = counters.ok_or(StoreError::Fenced)?;
        counters.last_id = next_raw(counters.last_id, partition, self.tx.now_ms);
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

    /// For statements that change nothing. Messages gathered so far are written first, so
    /// that they are seen.
    pub(crate) async fn read(&mut self) -> Result<Reads<'_>, Error> {
        self.begin().await?;
        Ok(self.tx.connection.reads())
    }

    /// For a rare write in this transaction.
    pub(crate) async fn write(&mut self) -> Result<Writes<'_>, Error> {
        self.begin().await?;
        Ok(self.tx.connection.writes(&mut self.tx.changes))
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.tx.begun {
            self.tx.begun = true;
            write::transaction::begin(&self.tx.connection).await?;
        }
        write::transaction::flush_messages(&self.tx.connection, &mut self.tx.rows).await
    }

    /// The server that the command's scope names, loaded on first use; its
    /// partition must be the one that executes the command.
    pub(crate) async fn server(&mut self) -> Result<&ServerState, Error> {
        let servers = &mut self.tx.state.servers;
        let state = load_server(servers, &self.tx.connection, &self.command).await?;
        Ok(state)
    }

    /// The same, to change it.
    pub(crate) async fn server_mut(&mut self) -> Result<&mut ServerState, Error> {
        let servers = &mut self.tx.state.servers;
        let state = load_server(servers, &self.tx.connection, &self.command).await?;
        self.tx.changes += 1;
        Ok(state)
    }

    /// Takes a new server into memory, after writing it, and goes on with it.
    pub(crate) fn insert_server(&mut self, state: ServerState) {
        self.set_scope(state.structure.server);
        self.tx.changes += 1;
        self.tx.state.servers.insert(state);
    }

    /// Forgets a server that is gone, after writing that.
    pub(crate) fn remove_server(&mut self, server: ServerId) {
        self.tx.changes += 1;
        self.tx.state.servers.remove(server);
    }

    /// What is known of a member of the scope's server; none for an account that is none.
    pub(crate) async fn member(&mut self, user: UserId) -> Result<Option<MemberState>, Error> {
        let state = self.server().await?;
        let server = state.structure.server;
        if let Some(known) = state.members.get(&user) {
            return Ok(known.clone());
        }
        let reads = self.tx.connection.reads();
        let found = write::member::find_members(reads, server, &[user])
            .await?
            .pop();
        let servers = &mut self.tx.state.servers;
        servers.cache_member(server, user, found.clone());
        Ok(found)
    }

    /// How a user stands in the scope's server; none for an account that is no member.
    pub(crate) async fn standing(&mut self, user: UserId) -> Result<Option<Standing>, Error> {
        Ok(self.member(user).await?.map(|member| member.standing))
    }

    /// Remembers a member of a server, after writing it.
    pub(crate) fn set_member(
        &mut self,
        server: ServerId,
        user: UserId,
        member: Option<MemberState>,
    ) {
        self.tx.changes += 1;
        self.tx.state.servers.cache_member(server, user, member);
    }

    /// The caller's permissions in the scope's server, as far as he is not silenced.
    pub(crate) async fn permissions(&mut self) -> Result<Permissions, Error> {
        let user = self.caller()?.user;
        let Some(member) = self.member(user).await? else {
            return Ok(Permissions::empty());
        };
        let silenced = member.silences.at(None, self.now_ms());
        let structure = &self.server().await?.structure;
        Ok(structure.permit(&member.standing, None, silenced))
    }

    /// The same in a channel of it.
    pub(crate) async fn permissions_in(
        &mut self,
        channel: ChannelId,
    ) -> Result<Permissions, Error> {
        let user = self.caller()?.user;
        let Some(member) = self.member(user).await? else {
            return Ok(Permissions::empty());
        };
        let silenced = member.silences.at(Some(channel), self.now_ms());
        let structure = &self.server().await?.structure;
        Ok(structure.permit(&member.standing, Some(channel), silenced))
    }

    /// Those of some accounts that are members of the scope's server. One statement asks for
    /// all that the lane does not know; there is none where it knows them.
    pub(crate) async fn only_members(
        &mut self,
        mut users: Vec<UserId>,
    ) -> Result<Vec<UserId>, Error> {
        let state = self.server().await?;
        let server = state.structure.server;
        let mut unknown = users.clone();
        unknown.retain(|user| !state.members.contains_key(user));
        if !unknown.is_empty() {
            let reads = self.tx.connection.reads();
            let found = write::member::find_members(reads, server, &unknown).await?;
            let servers = &mut self.tx.state.servers;
            for user in unknown {
                servers.cache_member(server, user, None);
            }
            for member in found {
                servers.cache_member(server, member.standing.user, Some(member));
            }
        }
        let members = &self.server().await?.members;
        users.retain(|user| matches!(members.get(user), Some(Some(_))));
        Ok(users)
    }

    /// Refuses the caller if it told too much, or takes as many events from what it may tell. Before
    /// anything is changed.
    pub(crate) fn draw_telling(&self, events: usize) -> Result<(), Refusal> {
        let user = self.caller()?.user;
        self.tx.telling.draw(user, events, self.now_ms())
    }

    /// When the caller last sent to a slow channel, if it was within that many milliseconds.
    pub(crate) async fn last_send(
        &mut self,
        channel: ChannelId,
        within: u64,
    ) -> Result<Option<u64>, Error> {
        let (user, now) = (self.caller()?.user, self.now_ms());
        let from = now.saturating_sub(within);
        let known = self.tx.state.last_sends.find((channel, user), from, now);
        let at = match known {
            LastSend::At(at) => Some(at),
            LastSend::Before => None,
            LastSend::Unknown => {
                let reads = self.tx.connection.reads();
                let found = write::message::find_last_of(reads, channel, user).await?;
                found.map(MessageId::created_ms)
            }
        };
        Ok(at.filter(|at| *at > from))
    }

    /// Remembers that the caller sends to a slow channel now.
    pub(crate) fn record_send(&mut self, channel: ChannelId) -> Result<(), Error> {
        let (user, now) = (self.caller()?.user, self.now_ms());
        self.tx.state.last_sends.record((channel, user), now);
        Ok(())
    }

    /// Gathers a message; its counters move with it.
    pub(crate) fn insert_message(&mut self, server: ServerId, row: NewMessageRow) {
        self.tx.changes += 1;
        let known = KnownMessage {
            author: row.author,
            reply_to: row.reply_to,
            mentions: row.mentions.clone(),
            edits: 0,
        };
        self.tx.messages.insert((row.channel, row.id), Some(known));
        let counters = (row.seq, row.id);
        let rows = &mut self.tx.rows;
        rows.channels.insert(row.channel, counters);
        if row.seq.is_multiple_of(BLOCK) {
            rows.search_notes.push((row.channel, row.id));
        }
        if row.mentions.is_empty() {
            rows.messages.push(row);
        } else {
            rows.mentioning.push(MentioningMessageRow(row, server));
        }
    }

    /// A message of the channel: looked up for the whole transaction before it began, and
    /// kept true by it since.
    pub(crate) async fn find_message(
        &mut self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<KnownMessage>, Error> {
        let place = (channel, message);
        if let Some(known) = self.tx.messages.get(&place) {
            return Ok(known.clone());
        }
        let found = write::message::find_messages(self.read().await?, &[place]).await?;
        let known = found.into_iter().next().map(|(_, known)| known);
        self.tx.messages.insert(place, known.clone());
        Ok(known)
    }

    /// Those of some messages of the channel that are there; one statement asks for all that
    /// the transaction does not know.
    pub(crate) async fn find_messages(
        &mut self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<(MessageId, KnownMessage)>, Error> {
        let mut unknown: Vec<_> = ids.iter().map(|id| (channel, *id)).collect();
        unknown.retain(|place| !self.tx.messages.contains_key(place));
        let found = write::message::find_messages(self.read().await?, &unknown).await?;
        let messages = &mut self.tx.messages;
        messages.extend(unknown.into_iter().map(|place| (place, None)));
        messages.extend(found.into_iter().map(|(place, known)| (place, Some(known))));
        let known = |id: &MessageId| Some((*id, messages.get(&(channel, *id))?.clone()?));
        Ok(ids.iter().filter_map(known).collect())
    }

    /// Gathers a change of a message.
    pub(crate) async fn revise_message(&mut self, revision: Revision) -> Result<(), Error> {
        self.tx.changes += 1;
        self.tx.rows.search_notes.extend(revision.places());
        match &revision {
            Revision::Edit { channel, id, .. } => {
                if let Some(Some(known)) = self.tx.messages.get_mut(&(*channel, *id)) {
                    known.edits += 1;
                }
            }
            Revision::Mention {
                channel, id, after, ..
            } => {
                if let Some(Some(known)) = self.tx.messages.get_mut(&(*channel, *id)) {
                    known.mentions.clone_from(after);
                }
            }
            Revision::Delete { channel, ids } => {
                let gone = ids.iter().map(|id| ((*channel, *id), None));
                self.tx.messages.extend(gone);
            }
        }
        self.tx.rows.revisions.push(revision);
        if self.tx.rows.revisions.len() >= MAX_REVISIONS {
            self.begin().await?;
        }
        Ok(())
    }

    /// Writes a register of the caller; answers how it stands now, and whether
    /// that is new.
    pub(crate) fn write_register<R: WriteRegister>(
        &mut self,
        request: &R,
    ) -> Result<(Register, bool), Error> {
        let key = (self.caller()?.user, request.key());
        let (register, changed) = self.tx.rows.registers.write(key, request.write())?;
        self.tx.changes += usize::from(changed);
        Ok((register, changed))
    }

    /// The rules and the lock-down of the scope's server. What rules remember of late is nothing
    /// that a refusal takes back, so asking them counts as no change.
    pub(crate) async fn moderation(&mut self) -> Result<&mut Moderation, Error> {
        let servers = &mut self.tx.state.servers;
        let state = load_server(servers, &self.tx.connection, &self.command).await?;
        Ok(&mut state.moderation)
    }

    /// Gives the scope's server other rules, after writing them.
    pub(crate) async fn set_rules(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
        let server = self.server().await?.structure.server;
        self.tx.changes += 1;
        self.tx.state.servers.set_rules(server, rules);
        Ok(())
    }

    /// Keeps what the command did so far, even if it is refused.
    pub(crate) const fn keep_changes(&mut self) {
        self.changes_before = self.tx.changes;
        self.emitted_before = self.tx.emitted.len();
    }

    /// Records in the audit log of the scope's server what the caller did.
    pub(crate) async fn record_action(&mut self, record: Record<'_>) -> Result<(), Error> {
        let actor = self.command.caller.as_ref().map(|caller| caller.user);
        self.record(actor, record).await
    }

    /// The same of what the server did by a rule.
    pub(crate) async fn record_rule(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.record(None, record).await
    }

    async fn record(&mut self, actor: Option<UserId>, record: Record<'_>) -> Result<(), Error> {
        let server = self.server().await?.structure.server;
        let id = self.next_id()?;
        let mut writes = self.write().await?;
        write::audit::insert_record(&mut writes, server, id, actor, &record).await?;
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
        let state = self.server_mut().await?;
        state.head += 1;
        let (server, seq) = (state.structure.server, state.head);
        let follows = state.rights_version;
        if changes.iter().any(Change::is_structural) {
            state.rights_version = seq;
            write::server::set_rights_version(&mut self.write().await?, server, seq).await?;
        }
        let topic = server.get();
        self.tx.rows.heads.insert(topic, seq);
        let target = Target {
            topic,
            seq: SeqSource::Lane(seq),
            audience,
            effect: (!changes.is_empty()).then_some(Effect::Rights { follows, changes }),
            key: None,
        };
        self.push_event(target, event);
        Ok(seq)
    }

    /// Tells an account what happened.
    pub(crate) fn emit_to<E: Event>(&mut self, user: UserId, effect: Option<Effect>, event: &E) {
        self.tx.changes += 1;
        let target = Target {
            topic: user.get(),
            seq: SeqSource::Shared,
            audience: Audience::Members,
            effect,
            key: None,
        };
        self.push_event(target, event);
    }

    /// Tells those who see the channel something that is not stored. What waits
    /// somewhere under the same `key` is replaced by it.
    pub(crate) async fn emit_signal<E: Event>(
        &mut self,
        channel: ChannelId,
        key: u64,
        event: &E,
    ) -> Result<(), Error> {
        let after = self.server().await?.head;
        let target = Target {
            topic: self.command.scope,
            seq: SeqSource::Unstored(after),
            audience: Audience::Channel(channel),
            effect: None,
            key: Some(key),
        };
        self.push_event(target, event);
        Ok(())
    }

    /// Tells the caller's devices that a register was changed. Such an event is
    /// not in the log: a device that missed it fetches what is newer.
    pub(crate) fn notify_devices<E: Event>(&mut self, event: &E) -> Result<(), Error> {
        let target = Target {
            topic: self.caller()?.user.get(),
            // It depends on no rights, so on no place either.
            seq: SeqSource::Unstored(0),
            audience: Audience::Members,
            effect: None,
            key: None,
        };
        self.push_event(target, event);
        Ok(())
    }

    fn push_event<E: Event>(&mut self, target: Target, event: &E) {
        let (partition, trace) = (self.command.partition, self.command.trace.clone());
        let emitted = EmittedEvent::new(target, event, partition, trace);
        self.tx.emitted.push(emitted);
    }

    /// Enqueues a command for the owner of `target`, whose lane executes it once, in the name of
    /// the caller, after this transaction has committed. It is not executed once its server is
    /// gone; whatever else is gone its handler must take for done, as a refusal is tried again and
    /// holds back what follows.
    pub(crate) async fn enqueue_internal<R: Request>(
        &mut self,
        target: Partition,
        scope: u64,
        request: &R,
    ) -> Result<(), Error> {
        self.enqueue_for(&[(target, scope)], request).await
    }

    /// The same for the owners of several servers, in one statement.
    pub(crate) async fn enqueue_for_servers<R: Request>(
        &mut self,
        servers: &[ServerId],
        request: &R,
    ) -> Result<(), Error> {
        let of = |server: &ServerId| (server.partition(), server.get());
        let targets: Vec<(Partition, u64)> = servers.iter().map(of).collect();
        self.enqueue_for(&targets, request).await
    }

    async fn enqueue_for<R: Request>(
        &mut self,
        targets: &[(Partition, u64)],
        request: &R,
    ) -> Result<(), Error> {
        if targets.is_empty() {
            return Ok(());
        }
        let mut numbered = Vec::with_capacity(targets.len());
        for (target, scope) in targets {
            let number: Id<()> = self.next_id()?;
            numbered.push((*target, *scope, number.get()));
        }
        let new = NewInternal {
            source: self.command.partition,
            opcode: R::ROW.opcode,
            author: self.command.caller.as_ref().map(|caller| caller.user),
            body: &protocol::encode(request),
            targets: &numbered,
        };
        write::internal::enqueue_internal(&mut self.write().await?, &new).await?;
        let woken: BTreeSet<Partition> = targets.iter().map(|(target, _)| *target).collect();
        self.tx.woken.extend(woken);
        Ok(())
    }

    /// Enqueues a job, which no lane waits for.
    pub(crate) async fn enqueue_job(&mut self, kind: &str, body: &[u8]) -> Result<(), Error> {
        self.enqueue_job_later(kind, body, 0).await
    }

    /// The same, due `wait_s` seconds later.
    pub(crate) async fn enqueue_job_later(
        &mut self,
        kind: &str,
        body: &[u8],
        wait_s: i64,
    ) -> Result<(), Error> {
        write::job::enqueue_job(&mut self.write().await?, kind, body, wait_s).await?;
        Ok(())
    }
}

/// Outside of the transaction: this lane alone writes the server.
async fn load_server<'a>(
    servers: &'a mut Servers,
    connection: &Connection,
    command: &CurrentCommand,
) -> Result<&'a mut ServerState, Error> {
    let unknown = || Error::from(Refusal::from(Reason::UnknownServer));
    let id = ServerId::new(command.scope).ok_or_else(unknown)?;
    if id.partition() != command.partition {
        return Err(unknown());
    }
    if servers.get(id).is_none() {
        let loaded = write::server::load_server(connection.reads(), id).await?;
        servers.insert(loaded.ok_or_else(unknown)?);
    }
    servers.get_mut(id).ok_or_else(unknown)
}
