//! A push arrives once, whatever its service answers at first.

use std::time::Duration;

use anyhow::{Context as _, Result};
use loadtest::{
    harness::{Person, eventually, holds, same},
    push_service::{Answer, Browser, Push},
    requests::{subscribe_push, test_push},
    transport::Transport,
};
use shared::protocol::push::PushDevice;

use super::{IS_SOON, PATIENCE, Stage, devices_of, pushed};

/// What a test tells.
const TEST: &[u8] = br#"{"kind":"test"}"#;

/// Waits until the only device of somebody is shown so.
async fn shown(person: &Person, is_it: impl Fn(&PushDevice) -> bool) -> Result<PushDevice> {
    eventually(PATIENCE, async || {
        let devices = devices_of(person).await?;
        let [device] = devices.as_slice() else {
            anyhow::bail!("one device, not {devices:?}");
        };
        Ok(holds(is_it(device), &format!("{device:?}")).map(|()| device.clone()))
    })
    .await
}

impl Stage<'_> {
    /// Leaves pushes to a device of somebody, as a cause would.
    async fn leaves(
        &self,
        person: &Person,
        device: &PushDevice,
        bodies: Vec<Vec<u8>>,
        topic: Option<&str>,
    ) -> Result<()> {
        let (account, device) = (person.user.user_id.sql(), device.device_id.sql());
        let sql = "INSERT INTO pushes (account, device, service, body, topic, urgency, ttl_s)
                   SELECT d.account, d.id, d.service, b, $4, 1, 600
                   FROM push_devices d, unnest($3::bytea[]) b WHERE d.account = $1 AND d.id = $2";
        let inserted = self.harness.cluster.sql(async |client| {
            client
                .execute(sql, &[&account, &device, &bodies, &topic])
                .await
        });
        same(&inserted.await?, &(bodies.len() as u64))
    }

    /// What a browser got in the end, and how many requests were made for it.
    pub(crate) async fn in_the_end(&self, browser: &Browser) -> Result<(Vec<Push>, u32)> {
        self.is_done().await?;
        Ok(self.service.pushes_of(browser))
    }
}

#[tokio::test]
async fn a_test_arrives_over_every_door_and_only_its_browser_opens_it() -> Result<()> {
    pushed(async |stage| {
        for transport in Transport::ALL {
            let alice = stage.harness.guest("alice", 0).await?;
            let (browser, _) = stage.subscribes(&alice).await?;
            let mut way = alice.through(transport).await?;
            same(&way.call(0, &test_push()).await?.devices, &1)?;
            let pushes = stage.service.wait_for(&browser, 1).await?;
            let [push] = pushes.as_slice() else {
                anyhow::bail!("one push, not {pushes:?}");
            };
            same(&push.body, &TEST.to_vec())?;
            same(&push.topic.as_deref(), &Some("test"))?;
            same(&push.urgency, &"high".to_owned())?;
            holds((3_500..=3_600).contains(&push.ttl_s), &format!("{push:?}"))?;
            shown(&alice, |device| device.failing_since.is_none()).await?;
        }
        same(&stage.service.count_refused(), &0)
    })
    .await
}

#[tokio::test]
async fn a_push_says_what_its_row_says() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, device) = stage.subscribes(&alice).await?;
        let largest = vec![b'a'; 3_052];
        stage
            .leaves(&alice, &device, vec![largest.clone()], Some("a-topic_1"))
            .await?;
        stage.service.wait_for(&browser, 1).await?;
        stage
            .leaves(&alice, &device, vec![Vec::new()], None)
            .await?;
        let pushes = stage.service.wait_for(&browser, 2).await?;
        let told: Vec<_> = pushes
            .iter()
            .map(|push| (&push.body, push.topic.as_deref(), push.urgency.as_str()))
            .collect();
        same(
            &told,
            &vec![
                (&largest, Some("a-topic_1"), "low"),
                (&Vec::new(), None, "low"),
            ],
        )?;
        holds(
            pushes.iter().all(|push| push.ttl_s <= 600),
            "no longer than it is worth something",
        )
    })
    .await
}

#[tokio::test]
async fn of_a_topic_the_newest_is_sent() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, device) = stage.subscribes(&alice).await?;
        let bodies = (0..5)
            .map(|number| format!("number {number}").into_bytes())
            .collect();
        stage.leaves(&alice, &device, bodies, Some("topic")).await?;
        let (pushes, requests) = stage.in_the_end(&browser).await?;
        let told: Vec<_> = pushes
            .iter()
            .map(|push| String::from_utf8_lossy(&push.body).into_owned())
            .collect();
        same(&(told, requests), &(vec!["number 4".to_owned()], 1))
    })
    .await
}

#[tokio::test]
async fn a_device_that_its_service_does_not_know_is_gone() -> Result<()> {
    pushed(async |stage| {
        for status in [404, 410] {
            let alice = stage.harness.guest("alice", 0).await?;
            let (browser, _) = stage.subscribes(&alice).await?;
            stage
                .service
                .will_answer(&browser, [Answer::status(status)]);
            stage.tests(&alice, 1).await?;
            let device = shown(&alice, |device| device.gone).await?;
            holds(device.failing_since.is_some(), "since when")?;
            stage.tests(&alice, 0).await?;
            same(&stage.in_the_end(&browser).await?, &(Vec::new(), 1))?;
            // It is told again once it subscribed again, and stands in the list once.
            let again = alice.client.call(0, &subscribe_push(&browser)).await?;
            same(&devices_of(&alice).await?, &vec![again])?;
            stage.tests(&alice, 1).await?;
            stage.service.wait_for(&browser, 1).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_a_service_cannot_take_now_arrives_later_and_once() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        let wait = Answer {
            retry_after: Some(4),
            ..Answer::status(429)
        };
        stage
            .service
            .will_answer(&browser, [wait, Answer::status(500)]);
        stage.tests(&alice, 1).await?;
        stage.service.wait_for_requests(&browser, 1).await?;
        let failing = shown(&alice, |device| device.failing_since.is_some()).await?;
        holds(!failing.gone, "it is only late")?;
        stage.service.wait_for(&browser, 1).await?;
        shown(&alice, |device| device.failing_since.is_none()).await?;
        let (pushes, requests) = stage.in_the_end(&browser).await?;
        same(&(pushes.len(), requests), &(1, 3))
    })
    .await
}

#[tokio::test]
async fn what_is_too_large_for_a_service_arrives_without_content() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        stage.service.will_answer(&browser, [Answer::status(413)]);
        stage.tests(&alice, 1).await?;
        let (pushes, requests) = stage.in_the_end(&browser).await?;
        let told: Vec<_> = pushes
            .iter()
            .map(|push| (push.body.len(), push.topic.as_deref()))
            .collect();
        same(&(told, requests), &(vec![(0, Some("test"))], 2))?;
        // And what is too large then, too, is given up.
        stage
            .service
            .will_answer(&browser, [Answer::status(413), Answer::status(413)]);
        stage.tests(&alice, 1).await?;
        shown(&alice, |device| device.failing_since.is_some()).await?;
        same(&stage.in_the_end(&browser).await?.1, &4)
    })
    .await
}

#[tokio::test]
async fn a_refusal_of_a_service_counts_and_is_no_end() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        for status in [401, 403, 400, 307] {
            stage
                .service
                .will_answer(&browser, [Answer::status(status)]);
            stage.tests(&alice, 1).await?;
            let device = shown(&alice, |device| device.failing_since.is_some()).await?;
            holds(!device.gone, "it may yet be told")?;
            stage.is_done().await?;
        }
        // A week later, and with some more of them, that is enough.
        let week_ago = "UPDATE push_failures SET since = since - 604800001, count = 9";
        stage
            .harness
            .cluster
            .sql(async |client| client.execute(week_ago, &[]).await)
            .await?;
        stage.service.will_answer(&browser, [Answer::status(403)]);
        stage.tests(&alice, 1).await?;
        shown(&alice, |device| device.gone).await?;
        stage.tests(&alice, 0).await?;
        same(&stage.in_the_end(&browser).await?.0, &Vec::new())
    })
    .await
}

#[tokio::test]
async fn a_device_that_asks_for_patience_has_it_also_with_what_comes_next() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        let wait = Answer {
            retry_after: Some(600),
            ..Answer::status(429)
        };
        stage.service.will_answer(&browser, [wait]);
        stage.tests(&alice, 1).await?;
        shown(&alice, |device| device.failing_since.is_some()).await?;
        stage.tests(&alice, 1).await?;
        stage.has_pushes(0, IS_SOON).await?;
        same(&stage.service.pushes_of(&browser), &(Vec::new(), 1))
    })
    .await
}

#[tokio::test]
async fn a_slow_service_delays_no_other() -> Result<()> {
    pushed(async |stage| {
        let bob = stage.harness.guest("bob", 0).await?;
        // More than both workers send at once: a device has one at a time, and an account twenty devices.
        for _ in 0..7 {
            let guest = stage.harness.guest("guest", 0).await?;
            for _ in 0..20 {
                let browser = stage.service.subscribe_at("localhost", &stage.key)?;
                guest.client.call(0, &subscribe_push(&browser)).await?;
                let after = Answer {
                    after: Duration::from_secs(9),
                    ..Answer::status(201)
                };
                stage.service.will_answer(&browser, [after]);
            }
            stage.tests(&guest, 20).await?;
        }
        let (quick, _) = stage.subscribes(&bob).await?;
        let began = tokio::time::Instant::now();
        stage.tests(&bob, 1).await?;
        stage.service.wait_for(&quick, 1).await?;
        let took = began.elapsed();
        holds(took < Duration::from_secs(3), &format!("it took {took:?}"))
    })
    .await
}

#[tokio::test]
async fn a_push_arrives_although_its_worker_is_killed() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        // The service has it, and nobody hears of that.
        let held = Answer {
            after: Duration::from_secs(9),
            ..Answer::status(201)
        };
        stage.service.will_answer(&browser, [held]);
        stage.tests(&alice, 1).await?;
        stage.service.wait_for_requests(&browser, 1).await?;
        for worker in &stage.harness.cluster.workers {
            worker.restart()?;
        }
        let lapsed = "UPDATE pushes SET lease = now()";
        let lapsed = stage
            .harness
            .cluster
            .sql(async |client| client.execute(lapsed, &[]).await);
        same(&lapsed.await?, &1)?;
        let pushes = stage.service.wait_for(&browser, 2).await?;
        let [first, second] = pushes.as_slice() else {
            anyhow::bail!("two, not {pushes:?}");
        };
        // The browser shows one: the second replaces the first.
        same(&(&first.body, &first.topic), &(&second.body, &second.topic))?;
        same(&stage.in_the_end(&browser).await?.1, &2).context("and no third time")
    })
    .await
}
