//! Sessions: revoke.

use shared::{
    bus::envelope::Effect,
    error::Reason,
    ids::{SessionId, UserId},
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
    announce_closed(ctx, user, session_id);
    Ok(())
}

/// Ends all sessions of the account but `keep`, and tells its devices; answers how many they were.
pub(super) async fn close_sessions(
    ctx: &mut Context<'_>,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<usize, Error> {
    let closed = write::session::delete_sessions(&mut ctx.write().await?, user, keep).await?;
    let count = closed.len();
    for session in closed {
        announce_closed(ctx, user, session);
    }
    Ok(count)
}

/// Tells the devices of an account that a session ended; gateways close its sockets.
pub(super) fn announce_closed(ctx: &mut Context<'_>, user: UserId, session_id: SessionId) {
    ctx.emit_to(
        user,
        Some(Effect::Revoked {
            session: session_id,
        }),
        &SessionClosed { session_id },
    );
}
