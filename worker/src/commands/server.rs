//! Servers: the lane's part of creating one; changing it, handing it over, leaving.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    bus::envelope::{Effect, pack},
    domain::{
        audit::Action,
        content::{self, MAX_DESCRIPTION_CHARS},
        permissions::{Permissions, Standing, Structure, everyone_role},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, ServerId},
    protocol::{
        Handler,
        channel::ChannelKind,
        role::Role,
        server::{
            DeleteServer, ForsakeServer, FoundServer, LeaveCause, LeaveServer, ServerDeleted,
            ServerInfo, ServerJoined, ServerUpdated, TransferServer, UpdateServer,
        },
    },
};

use super::member::end_membership;
use crate::{
    error::Error,
    state::{
        moderation::Moderation,
        server::{Audience, ChannelState, MemberState, ServerProfile, ServerState},
    },
    store::{
        jobs::SERVER_PURGE,
        write::{self, audit::Record, member::NewMember},
    },
    transaction::Context,
};

impl Handler<Context<'_>> for FoundServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ServerInfo, Error> {
        let owner_id = ctx.caller()?.user;
        let founder = write::account::lock_user(ctx.read().await?, owner_id).await?;
        let founder = founder.ok_or(Refusal::from(Reason::Unauthenticated))?;
        let most = ctx.caps().servers;
        let full = write::server::has_servers(ctx.read().await?, owner_id, most).await?;
        ctx.require(!full, Reason::LimitReached)?;
        let server_id: ServerId = ctx.next_id()?;
        let channel_id: ChannelId = ctx.next_id()?;
        let profile = ServerProfile {
            name: self.name,
            icon: String::new(),
            description: String::new(),
            discoverable: false,
        };
        let general = ChannelState {
            name: "general".to_owned(),
            topic: String::new(),
            position: 0,
            last_seq: 0,
            last_message: None,
            kind: ChannelKind::Text,
            parent: None,
            slow_mode: 0,
        };
        let member = NewMember {
            since: 0,
            joined_at: ctx.now_ms(),
            sort_name: &content::fold_name(&founder.name),
        };
        let mut writes = ctx.write().await?;
        write::server::insert_server(&mut writes, server_id, &profile.name, owner_id).await?;
        write::member::insert_member(&mut writes, (server_id, owner_id), &member).await?;
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
            profile,
            head: 0,
            rights_version: 0,
            member_count: 1,
            structure: Structure {
                server: server_id,
                owner: owner_id,
                roles: [(everyone, Permissions::EVERYONE)].into(),
                channels: [(channel_id, Vec::new())].into(),
                announcements: BTreeSet::new(),
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
            moderation: Moderation::default(),
            members: BTreeMap::new(),
        };
        let (server, info) = (state.server(), state.info(&owner, ctx.now_ms()));
        ctx.insert_server(state);
        ctx.set_member(server_id, owner_id, Some(MemberState::new(owner)));
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

impl Handler<Context<'_>> for UpdateServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let Self {
            nonce: _,
            name,
            icon,
            description,
            discoverable,
        } = self;
        let state = ctx.server().await?;
        let was = state.server();
        let mut profile = state.profile.clone();
        if let Some(name) = name {
            content::check_title(&name, "name")?.clone_into(&mut profile.name);
        }
        if let Some(icon) = icon {
            content::check_picture(&icon, "icon")?.clone_into(&mut profile.icon);
        }
        if let Some(text) = description {
            content::check_text(&text, "description", MAX_DESCRIPTION_CHARS)?
                .clone_into(&mut profile.description);
        }
        profile.discoverable = discoverable.unwrap_or(profile.discoverable);
        if profile == state.profile {
            return Ok(());
        }
        write::server::update_server(&mut ctx.write().await?, was.server_id, &profile).await?;
        let state = ctx.server_mut().await?;
        state.profile = profile;
        let server = state.server();
        let record = Record::new(Action::ServerUpdate);
        ctx.record_action(record.before(&was)?.after(&server)?)
            .await?;
        ctx.emit(Audience::Members, &ServerUpdated { server })
            .await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for TransferServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (caller, heir) = (ctx.caller()?.user, self.user_id);
        let state = ctx.server().await?;
        let (server_id, owner) = (state.structure.server, state.structure.owner);
        ctx.require(caller == owner, Reason::Forbidden)?;
        if heir == owner {
            return Ok(());
        }
        let member = ctx.standing(heir).await?.is_some();
        ctx.require(member, Reason::UnknownTarget)?;
        let found = write::account::lock_user(ctx.read().await?, heir).await?;
        ctx.require(found.is_some(), Reason::UnknownTarget)?;
        write::server::set_owner(&mut ctx.write().await?, server_id, heir).await?;
        let state = ctx.server_mut().await?;
        state.structure.owner = heir;
        let server = state.server();
        let record = Record::new(Action::ServerTransfer).target(heir);
        ctx.record_action(record).await?;
        let change = Change::Owner {
            before: owner,
            after: heir,
        };
        let event = ServerUpdated { server };
        ctx.emit_changes(Audience::Members, vec![change], &event)
            .await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for DeleteServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let caller = ctx.caller()?.user;
        let state = ctx.server().await?;
        let (server_id, owner) = (state.structure.server, state.structure.owner);
        ctx.require(caller == owner, Reason::Forbidden)?;
        let state = ctx.server().await?;
        if self.name.trim() != state.profile.name {
            return Err(Refusal::field(Reason::Invalid, "name").into());
        }
        // All views end with their channels. Nobody replays across it, as nobody is a member
        // behind it: so it does not matter which overrides there were.
        let gone = |channel: &ChannelId| Change::Channel {
            channel: *channel,
            before: Some(Vec::new()),
            after: None,
        };
        let changes = state.channels.keys().map(gone).collect();
        let event = ServerDeleted { server_id };
        ctx.emit_changes(Audience::Members, changes, &event).await?;
        // Without its row the server does not exist, and nobody is its member. What belonged to
        // it goes in slices, outside of any lane's turn.
        write::server::delete_server(&mut ctx.write().await?, server_id).await?;
        ctx.remove_server(server_id);
        ctx.enqueue_job(SERVER_PURGE, &pack(&server_id)).await
    }
}

impl Handler<Context<'_>> for LeaveServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let user = ctx.caller()?.user;
        let owner = ctx.server().await?.structure.owner;
        ctx.require(user != owner, Reason::OwnerCannotLeave)?;
        let member = ctx.standing(user).await?;
        let member = member.ok_or(Refusal::from(Reason::UnknownServer))?;
        end_membership(ctx, member, LeaveCause::Left).await
    }
}

impl Handler<Context<'_>> for ForsakeServer {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let user = ctx.caller()?.user;
        match ctx.standing(user).await? {
            Some(member) => end_membership(ctx, member, LeaveCause::Left).await,
            None => Ok(()),
        }
    }
}
