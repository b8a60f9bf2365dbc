//! Somebody whom a scenario is about: does things over the public protocol, and sees what happens.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use shared::{
    domain::permissions::Override,
    error::Reason,
    ids::{ChannelId, MessageId, ServerId, SessionId},
    protocol::{
        Event, Request,
        account::SignedIn,
        channel::{Channel, ChannelCreated, GetChannels},
        message::{Message, MessageCreated, MessageSent},
        unread::{ReadCursor, Unread, Unreads},
        user::User,
    },
};

use super::{State, refused};
use crate::{
    client::{CallError, Client, log::Seen},
    requests::{
        ack_unread, create_channel, create_invite, create_server, delete_message, edit_message,
        get_messages, get_unreads, redeem_invite, send_message, set_overrides,
    },
    transport::{Transport, TransportClient},
};

/// How long somebody waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody with a session.
#[derive(Debug)]
pub struct Person {
    /// What the scenario calls him; a label, not the name of the account.
    pub name: String,
    /// The account.
    pub user: User,
    /// The token of the session.
    pub token: String,
    /// The session.
    pub session_id: SessionId,
    /// The session's client.
    pub client: Arc<Client>,
    address: String,
    home: Mutex<Option<ServerId>>,
}

impl Person {
    /// Opens the session of somebody who signed in.
    pub async fn enter(
        name: &str,
        signed_in: SignedIn,
        client: Arc<Client>,
        address: String,
    ) -> Result<Self> {
        client
            .identify(&signed_in.token)
            .await
            .with_context(|| format!("opening the session of {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            user: signed_in.user,
            token: signed_in.token,
            session_id: signed_in.session_id,
            client,
            address,
            home: Mutex::new(None),
        })
    }

    /// The server that this person's commands go to.
    pub fn home(&self) -> Option<ServerId> {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a server this person's home.
    pub fn settles(&self, server: ServerId) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// The scope of this person's home, 0 without one.
    pub fn scope(&self) -> u64 {
        self.home().map_or(0, shared::ids::Id::get)
    }

    /// Sends a request to this person's home.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        self.client.call(self.scope(), request).await
    }

    /// Goes in through another transport, as the same session.
    pub async fn through(&self, transport: Transport) -> Result<TransportClient> {
        TransportClient::open(transport, &self.address, Some(&self.token))
            .await
            .with_context(|| format!("{} going in over {transport:?}", self.name))
    }

    /// Goes in through every transport.
    pub async fn ways(&self) -> Result<Vec<TransportClient>> {
        let mut ways = Vec::new();
        for transport in Transport::ALL {
            ways.push(self.through(transport).await?);
        }
        Ok(ways)
    }

    /// Fails unless a request is refused for this reason, whichever transport it goes in through.
    pub async fn is_refused<R: Request>(
        &self,
        scope: u64,
        request: &R,
        reason: Reason,
    ) -> Result<()> {
        for (transport, mut way) in Transport::ALL.iter().zip(self.ways().await?) {
            let result = way.call(scope, request).await;
            refused(result.map(drop), reason)
                .with_context(|| format!("{} over {transport:?}", R::ROW.name))?;
        }
        Ok(())
    }

    /// Creates a server and makes it home.
    pub async fn creates_server(&self, name: &str) -> Result<ServerId> {
        let create = create_server(name);
        let info = self.client.call(0, &create).await;
        let server = info.context("creating a server")?.server.server_id;
        self.settles(server);
        Ok(server)
    }

    /// Makes a code for home.
    pub async fn invites(&self) -> Result<String> {
        let create = create_invite();
        Ok(self.call(&create).await.context("inviting")?.code)
    }

    /// Redeems a code and makes its server home.
    pub async fn joins(&self, code: &str) -> Result<()> {
        let redeem = redeem_invite(code);
        let info = self.client.call(0, &redeem).await;
        self.settles(info.context("joining")?.server.server_id);
        Ok(())
    }

    /// The channels that this person sees at home.
    pub async fn channels(&self) -> Result<Vec<Channel>> {
        Ok(self.call(&GetChannels {}).await?.channels)
    }

    /// The channel `#name` at home.
    pub async fn channel(&self, name: &str) -> Result<ChannelId> {
        let name = name.trim_start_matches('#');
        let channels = self.channels().await?;
        channels
            .iter()
            .find(|channel| channel.name == name)
            .map(|channel| channel.channel_id)
            .with_context(|| format!("{} sees no #{name}", self.name))
    }

    /// Creates a channel at home.
    pub async fn creates_channel(&self, name: &str, overrides: Vec<Override>) -> Result<ChannelId> {
        let create = create_channel(name.trim_start_matches('#'), overrides);
        let ChannelCreated { channel } = self.call(&create).await.context("creating a channel")?;
        Ok(channel.channel_id)
    }

    /// Sets the overrides of a channel.
    pub async fn overrides(&self, channel: ChannelId, overrides: Vec<Override>) -> Result<()> {
        let update = set_overrides(channel, overrides);
        self.call(&update).await.context("setting overrides")
    }

    /// Says something in a channel of home.
    pub async fn send(&self, channel: &str, content: &str) -> Result<MessageSent> {
        let channel = self.channel(channel).await?;
        let sent = self.call(&send_message(channel, content)).await;
        sent.with_context(|| format!("{} saying {content:?}", self.name))
    }

    /// Changes a message.
    pub async fn edits(
        &self,
        channel: ChannelId,
        message: MessageId,
        content: &str,
    ) -> Result<(), CallError> {
        let edit = edit_message(channel, message, content);
        self.call(&edit).await
    }

    /// Deletes a message.
    pub async fn deletes(&self, channel: ChannelId, message: MessageId) -> Result<(), CallError> {
        let delete = delete_message(channel, message);
        self.call(&delete).await
    }

    /// Reads a channel of home to its end.
    pub async fn reads(&self, channel: &str) -> Result<ReadCursor> {
        let name = channel.trim_start_matches('#');
        let channels = self.channels().await?;
        let found = channels.iter().find(|known| known.name == name);
        let found = found.with_context(|| format!("{} sees no #{name}", self.name))?;
        self.reads_to(found.channel_id, found.last_seq).await
    }

    /// Reads a channel up to a message.
    pub async fn reads_to(&self, channel: ChannelId, seq: u64) -> Result<ReadCursor> {
        let ack = ack_unread(channel, seq);
        let moved = self.client.call(0, &ack).await;
        moved.with_context(|| format!("{} reading to {seq}", self.name))
    }

    /// What is unread, where this person has a cursor; only what is newer than a version.
    pub async fn unreads(&self, newer_than: Option<u64>) -> Result<Unreads> {
        let mut request = get_unreads(newer_than);
        let mut all = self.client.call(0, &request).await?;
        while let Some(after) = all.next {
            request.after = Some(after);
            let page = self.client.call(0, &request).await?;
            all.unreads.extend(page.unreads);
            all.next = page.next;
        }
        Ok(all)
    }

    /// How much of a channel of home is unread; none where nothing was read yet.
    pub async fn unread(&self, channel: &str) -> Result<Option<Unread>> {
        let channel = self.channel(channel).await?;
        let mut unreads = self.unreads(None).await?.unreads.into_iter();
        Ok(unreads.find(|unread| unread.cursor.channel_id == channel))
    }

    /// The last messages of a channel.
    pub async fn history(&self, channel: ChannelId) -> Result<Vec<Message>> {
        let page = get_messages(channel);
        Ok(self.call(&page).await?.messages)
    }

    /// Waits until this person is told of a message with this text.
    pub async fn sees(&self, content: &str) -> Result<Message> {
        let created = self
            .sees_event(|created: &MessageCreated| created.message.content == content)
            .await
            .with_context(|| format!("{} waiting for {content:?}", self.name))?;
        Ok(created.message)
    }

    /// Waits for an event, or finds it among those that came already.
    pub async fn sees_event<E: Event>(&self, wanted: impl Fn(&E) -> bool) -> Result<E> {
        let pick = |seen: &Seen| seen.event::<E>().filter(|event| wanted(event));
        let found = self.client.log().wait(0, PATIENCE, pick).await;
        found.with_context(|| format!("{} never sees {}", self.name, E::NAME))
    }

    /// Fails if this person was told of such an event before `marker`, a text
    /// that somebody sends where this person sees it after what must stay hidden.
    pub async fn saw_none_before<E: Event>(
        &self,
        marker: &str,
        wanted: impl Fn(&E) -> bool,
    ) -> Result<()> {
        self.sees(marker).await?;
        let log = self.client.log().since(0);
        let seen = log.iter().filter_map(Seen::event::<E>);
        let leaked: Vec<String> = seen
            .filter(wanted)
            .map(|event| format!("{} {:?}", E::NAME, shared::protocol::encode(&event)))
            .collect();
        super::holds(
            leaked.is_empty(),
            &format!("{} saw what is hidden: {leaked:?}", self.name),
        )
    }

    /// What this person can fetch now, to be held against later events.
    pub async fn remembers(&self) -> Result<State> {
        State::fetch(self).await
    }

    /// Fails unless `before`, changed by the events since, becomes what this
    /// person can fetch now.
    pub async fn agrees(&self, before: State) -> Result<()> {
        before.becomes(self).await
    }
}
