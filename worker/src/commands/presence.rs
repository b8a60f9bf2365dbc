//! Presence: the status that an account sets.
//!
//! The account's log says what it is to look like, so that no gateway misses that it wants to
//! be invisible. The text is not in the log: it is read from its row, and gone with it.

use shared::{
    bus::envelope::{AccountStatus, Effect},
    domain::content,
    error::{Reason, Refusal},
    protocol::{
        Handler,
        presence::{SetStatus, StatusSet, StatusUpdated},
    },
};

use crate::{error::Error, store::write, transaction::Context};

impl Handler<Context<'_>> for SetStatus {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<StatusSet, Error> {
        let Self {
            nonce: _,
            status,
            text,
            until,
        } = self;
        let text = text.unwrap_or_default();
        let text = content::check_status(&text)?;
        if until.is_some_and(|until| until <= ctx.now_ms()) {
            return Err(Refusal::field(Reason::Invalid, "until").into());
        }
        let user = ctx.caller()?.user;
        let (row, now_ms) = ((status, text, until), ctx.now_ms());
        let version =
            write::presence::set_status(&mut ctx.write().await?, user, row, now_ms).await?;
        let version = version.ok_or(Reason::Unauthenticated)?;
        let effect = Effect::Status(AccountStatus {
            status,
            until,
            version,
        });
        let event = StatusUpdated {
            status,
            until,
            version,
        };
        ctx.emit_to(user, Some(effect), &event);
        Ok(StatusSet { version })
    }
}
