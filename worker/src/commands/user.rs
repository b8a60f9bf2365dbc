//! Users: tell a server what one of its members is called now, and sort its list by it.

use shared::{
    domain::{content, limits::MAX_ANNOUNCED},
    protocol::{
        Handler,
        user::{AnnounceUser, UserUpdated},
    },
};

use crate::{error::Error, state::server::Audience, store::write, transaction::Context};

impl Handler<Context<'_>> for AnnounceUser {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let user_id = ctx.caller()?.user;
        // Since it was left here he may have gone, or been deleted.
        if ctx.standing(user_id).await?.is_none() {
            return Ok(());
        }
        let Some(user) = write::account::lock_user(ctx.read().await?, user_id).await? else {
            return Ok(());
        };
        let (server, size) = {
            let state = ctx.server_mut().await?;
            (state.structure.server, state.member_count)
        };
        let folded = content::fold_name(&user.name);
        write::member::sort_member(&mut ctx.write().await?, (server, user_id), &folded).await?;
        if size > MAX_ANNOUNCED {
            return Ok(());
        }
        ctx.emit(Audience::Members, &UserUpdated { user }).await?;
        Ok(())
    }
}
