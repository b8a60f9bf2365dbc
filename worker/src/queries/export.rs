//! Exports: how far the last one is, and its parts.

use shared::{
    error::Reason,
    protocol::{
        Handler,
        account::{ExportPart, GetExport},
    },
};

use super::context::QueryContext;
use crate::{error::Error, store::read};

impl Handler<QueryContext> for GetExport {
    async fn handle(self, ctx: &mut QueryContext) -> Result<ExportPart, Error> {
        let (user, now) = (ctx.caller()?.user, ctx.now_ms());
        let snapshot = ctx.snapshot().await?;
        let found = read::export::find_export(snapshot, user).await?;
        let export = found.filter(|it| it.finished_at.is_none() || it.expires_at > now);
        let export = export.ok_or(Reason::UnknownItem)?;
        // The last part still grows as long as it is written.
        let Some(part) = self.part.filter(|_| export.finished_at.is_some()) else {
            let lines = None;
            return Ok(ExportPart { export, lines });
        };
        let lines = read::export::find_part(snapshot, user, part).await?;
        let lines = Some(lines.ok_or(Reason::UnknownItem)?);
        Ok(ExportPart { export, lines })
    }
}
