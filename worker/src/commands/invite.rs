//! Invites: make a code, revoke it, become a member by one or without.

use shared::{
    bus::envelope::Effect,
    domain::{
        audit::Action,
        content,
        limits::{MAX_INVITES, MAX_MEMBERS_INVITES, MAX_OWN_INVITES},
        permissions::{Permissions, Standing},
    },
    error::{Reason, Refusal},
    ids::ServerId,
    protocol::{
        Handler,
        invite::{CreateInvite, InviteCreated, JoinMember, RecordedInvite, RevokeInvite},
        server::{JoinDiscovered, MemberJoined, ServerInfo, ServerJoined},
        user::Member,
    },
};

use super::moderation;
use crate::{
    access::AccessFacts as _,
    error::Error,
    state::server::MemberState,
    store::write::{self, audit::Record, invite::NewInvite, member::NewMember},
    token,
    transaction::Context,
};

impl Handler<Context<'_>> for CreateInvite {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<InviteCreated, Error> {
        let (max_uses, expires_in) = (self.max_uses, self.expires_in);
        let fits = |number: Option<u32>| {
            number.is_none_or(|n| (1..=i32::MAX.cast_unsigned()).contains(&n))
        };
        if !fits(max_uses) {
            return Err(Refusal::field(Reason::Invalid, "max_uses").into());
        }
        if !fits(expires_in) {
            return Err(Refusal::field(Reason::Invalid, "expires_in").into());
        }
        let server = ServerId::new(ctx.scope());
        let creator = ctx.caller()?.user;
        let manages = match server {
            Some(_) => ctx.in_server().await?.contains(Permissions::MANAGE_SERVER),
            None => true,
        };
        let most = if manages {
            MAX_INVITES
        } else {
            MAX_MEMBERS_INVITES
        };
        let full = write::invite::has_invites(ctx.read().await?, server, most).await?;
        ctx.require(!full, Reason::LimitReached)?;
        if let Some(server) = server
            && !manages
        {
            let own = (server, creator);
            let reads = ctx.read().await?;
            let full = write::invite::has_own_invites(reads, own, MAX_OWN_INVITES).await?;
            ctx.require(!full, Reason::LimitReached)?;
        }
        let code = token::random_code()?;
        let new = NewInvite {
            code: &code,
            server,
            creator,
            max_uses,
            expires_in,
        };
        write::invite::delete_dead_invites(&mut ctx.write().await?, server).await?;
        write::invite::insert_invite(&mut ctx.write().await?, &new).await?;
        if server.is_some() {
            let made = RecordedInvite {
                code: begin_code(&code),
                max_uses,
                expires_in,
            };
            let record = Record::new(Action::InviteCreate).target(creator);
            ctx.record_action(record.after(&made)?).await?;
        }
        Ok(InviteCreated { code })
    }
}

impl Handler<Context<'_>> for RevokeInvite {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let server = ServerId::new(ctx.scope());
        let creator = write::invite::find_creator(ctx.read().await?, server, &self.code).await?;
        let creator = creator.ok_or(Refusal::from(Reason::UnknownInvite))?;
        // Codes of the deployment are for its administrator alone, and so all his.
        if server.is_some() && creator != ctx.caller()?.user {
            let held = ctx.in_server().await?;
            let manages = held.contains(Permissions::MANAGE_SERVER);
            ctx.require(manages, Reason::UnknownInvite)?;
        }
        write::invite::revoke_invite(&mut ctx.write().await?, &self.code).await?;
        if server.is_some() {
            let gone = RecordedInvite {
                code: begin_code(&self.code),
                max_uses: None,
                expires_in: None,
            };
            let record = Record::new(Action::InviteRevoke).target(creator);
            ctx.record_action(record.before(&gone)?).await?;
        }
        Ok(())
    }
}

impl Handler<Context<'_>> for JoinMember {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ServerInfo, Error> {
        join_server(ctx, Some(&self.code)).await
    }
}

impl Handler<Context<'_>> for JoinDiscovered {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ServerInfo, Error> {
        let discoverable = ctx.server().await?.profile.discoverable;
        ctx.require(discoverable, Reason::UnknownServer)?;
        join_server(ctx, None).await
    }
}

/// What the audit log says of a code: enough to tell it from others, too little to use it.
fn begin_code(code: &str) -> String {
    code.chars().take(4).collect()
}

/// Makes the caller a member of the scope's server; where that takes a code, by redeeming it.
async fn join_server(ctx: &mut Context<'_>, code: Option<&str>) -> Result<ServerInfo, Error> {
    let user_id = ctx.caller()?.user;
    let server_id = ctx.server().await?.structure.server;
    let already = ctx.standing(user_id).await?.is_some();
    ctx.require(!already, Reason::AlreadyMember)?;
    moderation::check_joining(ctx).await?;
    let user = write::account::lock_user(ctx.read().await?, user_id).await?;
    let user = user.ok_or(Refusal::from(Reason::Unauthenticated))?;
    let most = ctx.caps().servers;
    let full = write::server::has_servers(ctx.read().await?, user_id, most).await?;
    ctx.require(!full, Reason::LimitReached)?;
    let (place, now) = ((server_id, user_id), ctx.now_ms());
    let ban = write::member::find_ban(ctx.read().await?, place, now).await?;
    ctx.require(ban.is_none(), Reason::Banned)?;
    // Who leaves and comes back is silenced as before.
    let silences = write::member::find_silences(ctx.read().await?, place).await?;
    let timeout_until = Some(silences.everywhere).filter(|until| *until > now);
    if let Some(code) = code {
        let (mut writes, joining) = (ctx.write().await?, (server_id, user_id));
        let redeemed = write::invite::spend_opening(&mut writes, code, joining).await?
            || write::invite::redeem_invite(&mut writes, code, joining).await?;
        ctx.require(redeemed, Reason::UnknownInvite)?;
    }
    let state = ctx.server_mut().await?;
    // The membership begins with the event that tells of it.
    let since = state.head + 1;
    state.member_count += 1;
    let audience = state.audience_of(user_id);
    let new = NewMember {
        since,
        joined_at: now,
        sort_name: &content::fold_name(&user.name),
    };
    write::member::insert_member(&mut ctx.write().await?, place, &new).await?;
    let standing = Standing {
        user: user_id,
        roles: Vec::new(),
        since,
        changed: 0,
    };
    let member = MemberState {
        standing: standing.clone(),
        silences,
    };
    ctx.set_member(server_id, user_id, Some(member));
    let event = MemberJoined {
        member: Member {
            user,
            roles: Vec::new(),
            nickname: None,
            joined_at: Some(now),
            timeout_until,
        },
    };
    ctx.emit(audience, &event).await?;
    moderation::note_join(ctx).await?;
    let now_ms = ctx.now_ms();
    let state = ctx.server().await?;
    let (joined, info) = (
        ServerJoined {
            server: state.server(),
        },
        state.info(&standing, now_ms),
    );
    ctx.emit_to(
        user_id,
        Some(Effect::Joined {
            server: server_id,
            since,
        }),
        &joined,
    );
    Ok(info)
}
