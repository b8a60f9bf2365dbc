//! The deployment, as everybody may know it.

use shared::protocol::{
    Handler,
    account::{Deployment, GetDeployment},
};

use super::context::QueryContext;
use crate::{error::Error, store::read};

/// The deployment as its administrator has it, and where he said nothing, as the workers were
/// started.
pub(super) async fn read_deployment(ctx: &mut QueryContext) -> Result<Deployment, Error> {
    let flags = ctx.deps().sign_up;
    let row = read::account::get_deployment(ctx.snapshot().await?).await?;
    Ok(Deployment {
        name: row.name,
        signup: row.signup.unwrap_or(flags.invites),
        guests: row.guests.unwrap_or(flags.guests),
        empty: !row.has_first,
    })
}

impl Handler<QueryContext> for GetDeployment {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Deployment, Error> {
        read_deployment(ctx).await
    }
}
