//! A server whose members are away, and who writes there.

use anyhow::Result;
use shared::ids::{ChannelId, ServerId, UserId};

use crate::{
    client::{Client, Options},
    requests::{create_channel, create_invite, create_server, join_as_guest, redeem_invite},
    transport::{Transport, TransportClient},
};

/// A server of one who writes; who enters is away.
#[derive(Debug)]
pub(crate) struct AwayServer {
    pub(crate) writer: Client,
    pub(crate) server: ServerId,
    pub(crate) channels: Vec<ChannelId>,
    /// Of its invitation.
    code: String,
}

impl AwayServer {
    /// Makes it, with this many channels.
    pub(crate) async fn open(
        gateways: Vec<String>,
        options: Options,
        channels: usize,
    ) -> Result<Self> {
        let writer = Client::connect(gateways, options);
        let owner = writer.call(0, &join_as_guest()).await?;
        writer.identify(&owner.token).await?;
        let made = writer.call(0, &create_server("Away")).await?;
        let server = made.server.server_id;
        let code = writer.call(server.get(), &create_invite()).await?.code;
        let mut made = Vec::new();
        for number in 0..channels {
            let create = create_channel(&format!("channel-{number}"), Vec::new());
            made.push(writer.call(server.get(), &create).await?.channel.channel_id);
        }
        Ok(Self {
            writer,
            server,
            channels: made,
            code,
        })
    }

    /// A new member, who comes by requests alone: nobody is there, so nobody is given time to read.
    pub(crate) async fn enter(&self, gateway: &str) -> Result<(TransportClient, UserId)> {
        let (mut way, user) = come_by_requests(gateway).await?;
        way.call(0, &redeem_invite(&self.code)).await?;
        Ok((way, user))
    }
}

/// A guest who comes by requests alone.
pub(crate) async fn come_by_requests(gateway: &str) -> Result<(TransportClient, UserId)> {
    let mut stranger = TransportClient::open(Transport::Http, gateway, None).await?;
    let signed = stranger.call(0, &join_as_guest()).await?;
    let way = TransportClient::open(Transport::Http, gateway, Some(&signed.token)).await?;
    Ok((way, signed.user.user_id))
}
