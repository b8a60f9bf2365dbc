//! Push: its key, and the devices of an account.

use shared::{
    error::Reason,
    protocol::{
        Handler,
        push::{GetVapid, ListPushDevices, PushDevices, Vapid},
    },
};

use super::context::QueryContext;
use crate::{error::Error, push::message::encode_base64, store::read};

impl Handler<QueryContext> for GetVapid {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Vapid, Error> {
        let policy = ctx.deps().push.as_ref();
        let signer = policy.and_then(|policy| policy.keys.current());
        let signer = signer.ok_or(Reason::SwitchedOff)?;
        Ok(Vapid {
            key: encode_base64(signer.public()),
        })
    }
}

impl Handler<QueryContext> for ListPushDevices {
    async fn handle(self, ctx: &mut QueryContext) -> Result<PushDevices, Error> {
        let user = ctx.caller()?.user;
        let devices = read::push::list_devices(ctx.snapshot().await?, user).await?;
        Ok(PushDevices { devices })
    }
}
