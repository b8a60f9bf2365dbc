//! Ping.

use shared::protocol::{
    Handler,
    ping::{Ping, Pong},
};

use super::context::QueryContext;
use crate::error::Error;

impl Handler<QueryContext> for Ping {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Pong, Error> {
        Ok(Pong {
            now: ctx.deps().clock.now_ms(),
        })
    }
}
