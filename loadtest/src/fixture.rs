//! A server with one channel and people in it, made over the public protocol.

use std::time::Duration;

use anyhow::{Context, Result};
use shared::{
    error::Reason,
    ids::{ChannelId, ServerId},
    protocol::{
        channel::{Channel, GetChannels},
        message::{GetMessages, Message},
    },
};

use crate::{
    client::{CallError, Client, Options},
    requests::{
        create_invite, create_server, get_messages, join_as_guest, redeem_invite, send_message,
    },
};

/// Where a workload talks.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The server, as a scope.
    pub server: ServerId,
    /// Its first channel.
    pub channel: ChannelId,
    /// The tokens of its members; the first one owns it.
    pub tokens: Vec<String>,
    /// The gateways.
    pub gateways: Vec<String>,
}

impl Fixture {
    /// Opens a server for so many guests.
    pub async fn open(gateways: Vec<String>, people: usize) -> Result<Self> {
        let client = Client::connect(gateways.clone(), Options::default());
        let mut tokens = Vec::new();
        for _ in 0..people {
            tokens.push(guest(&client).await?);
        }
        client.identify(tokens.first().context("an owner")?).await?;
        let create = create_server("Fixture");
        let created = client.call(0, &create).await;
        let server = created.context("creating the server")?.server.server_id;
        let invited = client.call(server.get(), &create_invite()).await;
        let code = invited.context("making an invite")?.code;
        for token in tokens.iter().skip(1) {
            let member = Client::connect(gateways.clone(), Options::default());
            member.identify(token).await?;
            let joined = member.call(0, &redeem_invite(&code)).await;
            joined.context("redeeming an invite")?;
            member.close().await;
        }
        let channels = client.call(server.get(), &GetChannels {}).await?.channels;
        let channel = channels.first().context("the server has no channel")?;
        client.close().await;
        Ok(Self {
            server,
            channel: channel.channel_id,
            tokens,
            gateways,
        })
    }

    /// A client of member `number`, on gateway `number` first; both count
    /// around, so a few people spread over all gateways.
    pub async fn enter(&self, number: usize, options: Options) -> Result<Client> {
        let mut gateways = self.gateways.clone();
        let first = number.checked_rem(gateways.len()).unwrap_or_default();
        gateways.rotate_left(first);
        let client = Client::connect(gateways, options);
        client.identify(self.find_token(number)?).await?;
        Ok(client)
    }

    /// The token of member `number`, counted around.
    pub fn find_token(&self, number: usize) -> Result<&str> {
        let token = self.tokens.iter().cycle().nth(number);
        Ok(token.context("nobody is in the fixture")?)
    }

    /// Says something.
    pub async fn say(&self, client: &Client, text: &str) -> Result<()> {
        let message = send_message(self.channel, text);
        let sent = client.call(self.server.get(), &message).await;
        sent.map(drop).with_context(|| format!("saying {text:?}"))
    }

    /// The place of the last message.
    pub async fn head(&self, client: &Client) -> Result<u64> {
        let channels = client.call(self.server.get(), &GetChannels {}).await;
        let channels = channels.context("asking for the channel")?.channels;
        let here = |channel: &&Channel| channel.channel_id == self.channel;
        let channel = channels.iter().find(here).context("the channel is gone")?;
        Ok(channel.last_seq)
    }

    /// All that was said, page by page.
    pub async fn history(&self, client: &Client) -> Result<Vec<Message>> {
        let mut messages: Vec<Message> = Vec::new();
        loop {
            let page = GetMessages {
                after: Some(messages.last().map_or(0, |message| message.seq)),
                ..get_messages(self.channel)
            };
            let page = client.call(self.server.get(), &page).await;
            let page = page.context("reading the history")?.messages;
            if page.is_empty() {
                return Ok(messages);
            }
            messages.extend(page);
        }
    }
}

/// Joins as a guest. Where one address may not make so many at once, it comes again when it
/// was told to.
async fn guest(client: &Client) -> Result<String> {
    let join = join_as_guest();
    loop {
        match client.call(0, &join).await {
            Ok(signed_in) => return Ok(signed_in.token),
            Err(CallError::Refused(refusal)) if refusal.reason == Reason::RateLimited => {
                let wait = refusal.retry_after.context("when to come again")?;
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Err(error) => return Err(error).context("joining as a guest"),
        }
    }
}
