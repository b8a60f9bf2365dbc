//! Push: subscribe, unsubscribe, switch, test.

use sha2::{Digest as _, Sha256};
use shared::{
    domain::{content::check_title, limits::MAX_PUSH_DEVICES},
    error::{Reason, Refusal},
    ids::PushDeviceId,
    protocol::{
        Handler,
        push::{PushDevice, PushTested, SetPushDevice, SubscribePush, TestPush, UnsubscribePush},
    },
    telemetry::trace_parent,
};

use crate::{
    error::Error,
    outbound::OutboundUrl,
    store::{
        push::{NewPush, ToldDevice},
        write::{self, push::NewPushDevice},
    },
    transaction::Context,
};

/// What a test tells; the page has the words.
const TEST: &[u8] = br#"{"kind":"test"}"#;
/// For how many seconds that is worth something: somebody waits for it.
const TEST_TTL_S: u32 = 3_600;

fn test_of(device: ToldDevice) -> NewPush {
    NewPush {
        device,
        body: TEST.to_vec(),
        topic: "test".to_owned(),
        urgency: 3,
        ttl_s: TEST_TTL_S,
        message: None,
        trace: trace_parent(),
    }
}

/// What stands for an address, however it is written.
fn hash_address(url: &OutboundUrl) -> [u8; 32] {
    Sha256::digest(url.url().as_str()).into()
}

impl Handler<Context<'_>> for SubscribePush {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<PushDevice, Error> {
        let caller = ctx.caller()?;
        let name = check_title(&self.name, "name")?;
        let policy = ctx.push()?.clone();
        let (url, service) = policy.judge_endpoint(&self.endpoint)?;
        let keys = (self.p256dh.as_str(), self.auth.as_str());
        let subscription = policy.judge_keys(keys, self.key.as_deref())?;
        let address = hash_address(&url);
        let others = write::push::count_others(ctx.read().await?, caller.user, &address).await?;
        ctx.require(others < MAX_PUSH_DEVICES as u64, Reason::LimitReached)?;
        let device_id: PushDeviceId = ctx.next_id()?;
        let device = NewPushDevice {
            account: caller.user,
            id: device_id,
            session: caller.session,
            endpoint: url.url().as_str(),
            address: &address,
            p256dh: &subscription.p256dh,
            auth: &subscription.auth,
            vapid: &subscription.vapid,
            service,
            name,
        };
        let mut writes = ctx.write().await?;
        write::push::delete_gone(&mut writes, caller.user).await?;
        let off = write::push::insert_device(&mut writes, &device).await?;
        Ok(PushDevice {
            device_id,
            name: name.to_owned(),
            failing_since: None,
            gone: false,
            off,
        })
    }
}

impl Handler<Context<'_>> for SetPushDevice {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<PushDevice, Error> {
        let user = ctx.caller()?.user;
        let found = write::push::find_device(ctx.read().await?, user, self.device_id).await?;
        let device = found.ok_or(Reason::UnknownItem)?;
        let place = (user, self.device_id);
        write::push::switch_device(&mut ctx.write().await?, place, self.off).await?;
        Ok(PushDevice {
            off: self.off,
            ..device
        })
    }
}

impl Handler<Context<'_>> for UnsubscribePush {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let user = ctx.caller()?.user;
        ctx.require(
            self.device_id.is_some() != self.endpoint.is_some(),
            Reason::Invalid,
        )?;
        let refused = |_refusal| Refusal::field(Reason::Invalid, "endpoint");
        let url = self.endpoint.as_deref().map(OutboundUrl::parse).transpose();
        let address = url.map_err(refused)?.as_ref().map(hash_address);
        let place = (self.device_id, address.as_ref().map(<[u8; 32]>::as_slice));
        let known = write::push::has_device(ctx.read().await?, user, place).await?;
        ctx.require(known, Reason::UnknownItem)?;
        let mut writes = ctx.write().await?;
        write::push::delete_gone(&mut writes, user).await?;
        write::push::delete_device(&mut writes, user, place).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for TestPush {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<PushTested, Error> {
        let user = ctx.caller()?.user;
        ctx.push()?;
        let mut devices = write::push::list_devices(ctx.read().await?, user).await?;
        if let Some(only) = self.device_id {
            devices.retain(|told| told.device == only);
            ctx.require(!devices.is_empty(), Reason::UnknownItem)?;
        }
        let tests: Vec<NewPush> = devices.into_iter().map(test_of).collect();
        if !tests.is_empty() {
            write::push::insert_pushes(&mut ctx.write().await?, &tests).await?;
        }
        Ok(PushTested {
            devices: tests.len().try_into().unwrap_or(u32::MAX),
        })
    }
}
