//! Limits: what is left, and giving it back.

use shared::protocol::{
    Handler,
    limit::{GetRateLimits, RateLimitStatus, RateLimits, ResetRateLimits},
};

use super::context::QueryContext;
use crate::error::Error;

impl Handler<QueryContext> for GetRateLimits {
    async fn handle(self, ctx: &mut QueryContext) -> Result<RateLimits, Error> {
        let user = ctx.caller()?.user;
        let left = ctx.deps().limiter.list_left(user).await;
        let buckets = left
            .into_iter()
            .map(|(bucket, quota, left)| RateLimitStatus {
                bucket,
                burst: quota.burst,
                left: left.draws,
                retry_after: left.next_ms,
                whole_after: left.whole_ms,
            })
            .collect();
        Ok(RateLimits { buckets })
    }
}

impl Handler<QueryContext> for ResetRateLimits {
    async fn handle(self, ctx: &mut QueryContext) -> Result<(), Error> {
        let admin = ctx.caller()?.user;
        ctx.release().await;
        ctx.deps().limiter.reset(self.user_id).await?;
        tracing::info!(user.id = %self.user_id, admin.id = %admin, "limits were reset");
        Ok(())
    }
}
