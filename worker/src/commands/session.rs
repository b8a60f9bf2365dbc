//! Sessions: revoke.

use shared::{
    bus::envelope::Effect,
    error::Reason,
    ids::SessionId,
    protocol::{Handler, account::SessionClosed, session::RevokeSession},
};

use crate::{error::Error, store::write, transaction::Context};

impl Handler<Context<'_>> for RevokeSession {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        close_session(ctx, self.session_id).await
    }
}

/// Ends a session of the caller's account and tells all of its devices.
pub(super) async fn close_session(
    ctx: &mut Context<'_>,
    session_id: SessionId,
) -> Result<(), Error> {
    let user = ctx.caller()?.user;
    let deleted = write::session::delete_session(&mut ctx.write().await?, user, session_id).await?;
    ctx.require(deleted, Reason::UnknownSession)?;
    ctx.emit_to(
        user,
        Some(Effect::Revoked {
            session: session_id,
        }),
        &SessionClosed { session_id },
    );
    Ok(())
}
