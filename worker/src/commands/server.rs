//! Servers: the lane's part of creating one, and leaving.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::Effect,
    domain::{
        permissions::{Permissions, Standing, Structure, everyone_role},
        rights::{Change, names_member},
    },
    error::{Reason, Refusal},
    ids::{ChannelId, ServerId, UserId},
    protocol::{
        Handler,
        server::{
            FoundServer, LeaveServer, MemberLeft, Role, Server, ServerInfo, ServerJoined,
            ServerLeft,
        },
    },
};

use super::check_nonce;
use crate::{
    error::Error,
    state::server::{ChannelState, ServerState},
    store::write,
    transaction::Context,
};

impl Handler<Context<'_>> for FoundServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ServerInfo, Error> {
        let Self { nonce, name } = self;
        check_nonce(&nonce)?;
        let owner_id = ctx.caller()?.user;
        let most = ctx.caps().servers;
        let full = write::server::has_servers(ctx.read().await?, owner_id, most).await?;
        ctx.require(!full, Reason::LimitReached)?;
        let server_id: ServerId = ctx.next_id()?;
        let channel_id: ChannelId = ctx.next_id()?;
        let server = Server {
            server_id,
            name: name.clone(),
            owner_id,
        };
        let general = ChannelState {
            name: "general".to_owned(),
            topic: String::new(),
            position: 0,
            last_seq: 0,
            last_message: None,
        };
        let mut writes = ctx.write().await?;
        write::server::insert_server(&mut writes, &server).await?;
        write::channel::insert_channel(&mut writes, server_id, channel_id, &general).await?;
        write::event::create_topic(&mut writes, server_id.get()).await?;
        let everyone = everyone_role(server_id);
        let owner = Standing {
            user: owner_id,
            roles: Vec::new(),
            since: 0,
            changed: 0,
        };
        let state = ServerState {
            name,
            head: 0,
            rights_version: 0,
            member_count: 1,
            structure: Structure {
                server: server_id,
                owner: owner_id,
                roles: [(everyone, Permissions::EVERYONE)].into(),
                channels: [(channel_id, Vec::new())].into(),
            },
            roles: vec![Role {
                role_id: everyone,
                name: "everyone".to_owned(),
                permissions: Permissions::EVERYONE,
                position: 0,
                colour: None,
                hoist: false,
                mentionable: false,
                self_assignable: false,
                category: None,
            }],
            channels: [(channel_id, general)].into(),
            members: BTreeMap::new(),
        };
        let info = state.info(&owner);
        ctx.insert_server(state);
        ctx.set_standing(server_id, owner_id, Some(owner));
        ctx.emit_to(
            owner_id,
            Some(Effect::Joined {
                server: server_id,
                since: 0,
            }),
            &ServerJoined { server },
        );
        Ok(info)
    }
}

impl Handler<Context<'_>> for LeaveServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let user_id = ctx.caller()?.user;
        let state = ctx.server().await?;
        let (server_id, owner) = (state.structure.server, state.structure.owner);
        ctx.require(user_id != owner, Reason::OwnerCannotLeave)?;
        let standing = ctx
            .standing(user_id)
            .await?
            .ok_or(Refusal::from(Reason::UnknownServer))?;
        write::server::delete_member(&mut ctx.write().await?, server_id, user_id).await?;
        let mut changes = vec![Change::Left {
            user: user_id,
            since: standing.since,
            roles: standing.roles,
        }];
        changes.extend(delete_overrides_of(ctx, user_id).await?);
        ctx.set_standing(server_id, user_id, None);
        let state = ctx.server_mut().await?;
        let audience = state.audience_of(user_id);
        state.member_count = state.member_count.saturating_sub(1);
        ctx.emit_changes(audience, changes, &MemberLeft { user_id })
            .await?;
        ctx.emit_to(user_id, None, &ServerLeft { server_id });
        Ok(())
    }
}

/// The overrides that name a member go with him: an account that comes back begins without.
async fn delete_overrides_of(ctx: &mut Context<'_>, user: UserId) -> Result<Vec<Change>, Error> {
    let state = ctx.server_mut().await?;
    let server = state.structure.server;
    let mut changes = Vec::new();
    for (channel, overrides) in &mut state.structure.channels {
        for given in overrides.extract_if(.., |given| names_member(given, user)) {
            changes.push(Change::Override {
                channel: *channel,
                before: Some(given),
                after: None,
            });
        }
    }
    if !changes.is_empty() {
        write::channel::delete_overrides_of(&mut ctx.write().await?, server, user).await?;
    }
    Ok(changes)
}
