//! Web push: devices are told by their push service, and by nobody else's.

mod devices;
mod sending;

use std::time::Duration;

use anyhow::Result;
use loadtest::{
    cluster::Settings,
    harness::{Harness, Person, eventually, refused, same, scenario_on},
    push_service::{Browser, PushService, generate_sender},
    requests::{subscribe_push, test_push, unsubscribe_push},
};
use shared::{
    error::Reason,
    protocol::push::{GetVapid, ListPushDevices, PushDevice},
};

scenarios! {
    without_keys_it_is_switched_off,
}

/// How long it may take until it shows what became of a push.
const PATIENCE: Duration = Duration::from_secs(20);
/// That a push is due, or will be soon.
pub(crate) const IS_SOON: &str = "due <= now() + interval '5 minutes'";

/// A cluster that pushes to a local service.
pub(crate) struct Stage<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) service: &'a PushService,
    /// The public key that browsers subscribe with.
    pub(crate) key: String,
}

/// Plays on a cluster of its own, whose workers push to a local service.
async fn pushed(play: impl AsyncFnOnce(Stage<'_>) -> Result<()>) -> Result<()> {
    pushed_with(Vec::new(), play).await
}

/// The same, with these settings besides.
pub(crate) async fn pushed_with(
    more: Vec<(&'static str, String)>,
    play: impl AsyncFnOnce(Stage<'_>) -> Result<()>,
) -> Result<()> {
    let service = PushService::start().await?;
    let (private, key) = generate_sender()?;
    let mut environment = service.settings(&private);
    environment.extend(more);
    let settings = Settings {
        environment,
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let service = &service;
        play(Stage {
            harness,
            service,
            key,
        })
        .await
    })
    .await
}

impl Stage<'_> {
    /// A new browser of somebody, and the device that it is.
    pub(crate) async fn subscribes(&self, person: &Person) -> Result<(Browser, PushDevice)> {
        let browser = self.service.subscribe(&self.key)?;
        let device = person.client.call(0, &subscribe_push(&browser)).await?;
        Ok((browser, device))
    }

    /// Waits until this many pushes, of those for which a condition of SQL holds, are not sent yet.
    pub(crate) async fn has_pushes(&self, count: i64, condition: &str) -> Result<()> {
        let sql = &format!("SELECT count(*) FROM pushes WHERE {condition}");
        eventually(PATIENCE, async || {
            let found = self
                .harness
                .cluster
                .sql(async |client| Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0)));
            Ok(same(&found.await?, &count))
        })
        .await
    }

    /// Waits until no push is left.
    pub(crate) async fn is_done(&self) -> Result<()> {
        self.has_pushes(0, "true").await
    }

    /// Has all devices of somebody told; fails unless there are so many.
    async fn tests(&self, person: &Person, devices: u32) -> Result<()> {
        let tested = person.client.call(0, &test_push()).await?;
        same(&tested.devices, &devices)
    }
}

/// The devices of somebody, as the list shows them.
async fn devices_of(person: &Person) -> Result<Vec<PushDevice>> {
    Ok(person.client.call(0, &ListPushDevices {}).await?.devices)
}

async fn without_keys_it_is_switched_off(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let service = PushService::start().await?;
    let browser = service.subscribe(&generate_sender()?.1)?;
    let off = Reason::SwitchedOff;
    alice.is_refused(0, &GetVapid {}, off).await?;
    alice.is_refused(0, &subscribe_push(&browser), off).await?;
    alice.is_refused(0, &test_push(), off).await?;
    for mut way in alice.ways().await? {
        same(
            &way.call(0, &ListPushDevices {}).await?.devices,
            &Vec::new(),
        )?;
        let none = way.call(0, &unsubscribe_push(&browser)).await;
        refused(none, Reason::UnknownItem)?;
    }
    Ok(())
}
