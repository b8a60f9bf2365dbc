//! Exports: the lane decides that there is one; the rest is a job.

use shared::{
    bus::envelope::pack,
    domain::limits::{EXPORT_PAUSE_MS, MAX_EXPORTS},
    error::{Reason, Refusal},
    ids::AnyId,
    protocol::{
        Handler,
        account::{Export, StartExport},
    },
};

use super::profile::get_profile;
use crate::{
    error::Error,
    store::{
        export::{EXPORT, ExportPlace},
        write,
    },
    transaction::Context,
};

impl Handler<Context<'_>> for StartExport {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<Export, Error> {
        let user = get_profile(ctx).await?.user.user_id;
        let now = ctx.now_ms();
        let last = write::export::find_export(ctx.read().await?, user).await?;
        if let Some(last) = last {
            ctx.require(last.finished_at.is_some(), Reason::LimitReached)?;
            let next = last.started_at + EXPORT_PAUSE_MS;
            if next > now {
                return Err(Refusal::retry(Reason::RateLimited, next - now).into());
            }
        }
        let full = write::export::has_exports(ctx.read().await?, MAX_EXPORTS).await?;
        ctx.require(!full, Reason::LimitReached)?;
        let id: AnyId = ctx.next_id()?;
        let export = write::export::begin_export(&mut ctx.write().await?, (user, id), now).await?;
        let body = pack(&(user, id, ExportPlace::FIRST));
        ctx.enqueue_job(EXPORT, &body).await?;
        Ok(export)
    }
}
