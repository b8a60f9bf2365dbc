//! Nicknames: what members are called in a server.

use shared::{
    domain::{audit::Action, content, permissions::Permissions},
    error::{Reason, Refusal},
    ids::UserId,
    protocol::{
        Handler,
        member::{NicknameChanged, RemoveNickname, SetNickname},
    },
};

use super::{super::rank::require_above, find_target, forget_text};
use crate::{
    error::Error,
    store::write::{self, audit::Record, member::NewNickname},
    transaction::Context,
};

impl Handler<Context<'_>> for SetNickname {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let nickname = content::check_nickname(&self.nickname)?.to_owned();
        change_nickname(ctx, self.user_id, Some(nickname)).await
    }
}

impl Handler<Context<'_>> for RemoveNickname {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        change_nickname(ctx, self.user_id, None).await
    }
}

async fn change_nickname(
    ctx: &mut Context<'_>,
    user: Option<UserId>,
    nickname: Option<String>,
) -> Result<(), Error> {
    let caller = ctx.caller()?.user;
    let user_id = user.unwrap_or(caller);
    let member = find_target(ctx, user_id).await?;
    let held = ctx.permissions().await?;
    if user_id == caller {
        let either = Permissions::CHANGE_NICKNAME | Permissions::MANAGE_NICKNAMES;
        ctx.require(held.intersects(either), Reason::Forbidden)?;
    } else {
        let manages = held.contains(Permissions::MANAGE_NICKNAMES);
        ctx.require(manages, Reason::Forbidden)?;
        require_above(ctx, &member).await?;
    }
    let state = ctx.server().await?;
    let audience = state.audience_of_act(user_id, caller);
    let place = (state.structure.server, user_id);
    let (was, told) = write::member::find_nickname(ctx.read().await?, place).await?;
    if was == nickname {
        return Ok(());
    }
    // Whose name gets into the log holds the row of his account, so that it goes with it.
    let found = write::account::lock_user(ctx.read().await?, user_id).await?;
    let user = found.ok_or(Refusal::from(Reason::UnknownTarget))?;
    let name = nickname.clone().unwrap_or(user.name);
    let new = NewNickname {
        nickname: nickname.as_deref(),
        sort_name: &content::fold_name(&name),
        event: ctx.next_seq().await?,
    };
    write::member::set_nickname(&mut ctx.write().await?, place, &new).await?;
    forget_text(ctx, told).await?;
    if user_id != caller {
        let said = |nickname| NicknameChanged { user_id, nickname };
        let record = Record::new(Action::NicknameUpdate).target(user_id);
        let record = record.before(&said(was))?.after(&said(nickname.clone()))?;
        ctx.record_action(record).await?;
    }
    let event = NicknameChanged { user_id, nickname };
    ctx.emit(audience, &event).await?;
    Ok(())
}
