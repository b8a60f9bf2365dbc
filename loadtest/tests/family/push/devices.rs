//! Whose device a browser is: subscribed, unsubscribed, taken over, and gone with its session.

use anyhow::{Context as _, Result};
use loadtest::{
    cluster::Settings,
    harness::{holds, refused, same, scenario_on},
    push_service::{PushService, generate_sender},
    random::nonce,
    requests::{revoke_session, set_push_device, subscribe_push, test_push, unsubscribe_push},
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::push::{
        GetVapid, ListPushDevices, PushDevice, SubscribePush, TestPush, UnsubscribePush,
    },
};

use super::{devices_of, pushed};

/// As many devices as an account may have.
const MAX_DEVICES: usize = 20;

#[tokio::test]
async fn a_browser_subscribes_and_unsubscribes_over_every_door() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        for transport in Transport::ALL {
            let mut way = alice.through(transport).await?;
            let shown = way.call(0, &GetVapid {}).await?;
            same(&shown.key, &stage.key)?;
            let (first, second) = (
                stage.service.subscribe(&shown.key)?,
                stage.service.subscribe(&shown.key)?,
            );
            let first_device = way.call(0, &subscribe_push(&first)).await?;
            same(&first_device.name, &"a browser".to_owned())?;
            same(
                &(first_device.failing_since, first_device.gone),
                &(None, false),
            )?;
            let second_device = way.call(0, &subscribe_push(&second)).await?;
            let listed = way.call(0, &ListPushDevices {}).await?.devices;
            same(&listed, &vec![first_device.clone(), second_device.clone()])?;
            // Again: it is the same address, and a new device.
            let again = way.call(0, &subscribe_push(&first)).await?;
            holds(again.device_id > second_device.device_id, "it is newer")?;
            let listed = way.call(0, &ListPushDevices {}).await?.devices;
            same(&listed, &vec![second_device.clone(), again])?;
            way.call(0, &unsubscribe_push(&first)).await?;
            let by_id = UnsubscribePush {
                nonce: nonce(),
                device_id: Some(second_device.device_id),
                endpoint: None,
            };
            way.call(0, &by_id).await?;
            same(
                &way.call(0, &ListPushDevices {}).await?.devices,
                &Vec::new(),
            )?;
            for gone in [
                unsubscribe_push(&first),
                UnsubscribePush {
                    nonce: nonce(),
                    ..by_id
                },
            ] {
                refused(way.call(0, &gone).await, Reason::UnknownItem)?;
            }
        }
        stage.tests(&alice, 0).await
    })
    .await
}

#[tokio::test]
async fn a_device_is_switched_off_and_on_over_every_door() -> Result<()> {
    pushed(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        for transport in Transport::ALL {
            let (browser, device) = stage.subscribes(&alice).await?;
            let mut way = alice.through(transport).await?;
            let off = way
                .call(0, &set_push_device(device.device_id, true))
                .await?;
            let expected = PushDevice {
                off: true,
                ..device.clone()
            };
            same(&off, &expected)?;
            same(&devices_of(&alice).await?, &vec![expected])?;
            stage.tests(&alice, 0).await?;
            // Its browser subscribes again by itself, and that says nothing.
            let again = way.call(0, &subscribe_push(&browser)).await?;
            holds(again.off, "it is as it was")?;
            let on = way
                .call(0, &set_push_device(again.device_id, false))
                .await?;
            holds(!on.off, "it is on")?;
            stage.tests(&alice, 1).await?;
            stage.service.wait_for(&browser, 1).await?;
            for unknown in [device.device_id, 7.try_into()?] {
                let unknown = set_push_device(unknown, true);
                refused(way.call(0, &unknown).await, Reason::UnknownItem)?;
            }
            let hers = set_push_device(again.device_id, true);
            bob.is_refused(0, &hers, Reason::UnknownItem).await?;
            way.call(0, &unsubscribe_push(&browser)).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_test_of_one_device_reaches_no_other() -> Result<()> {
    pushed(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let (first, device) = stage.subscribes(&alice).await?;
        let (second, _) = stage.subscribes(&alice).await?;
        let one = || TestPush {
            device_id: Some(device.device_id),
            ..test_push()
        };
        same(&alice.client.call(0, &one()).await?.devices, &1)?;
        stage.service.wait_for(&first, 1).await?;
        same(&stage.service.pushes_of(&second), &(Vec::new(), 0))?;
        bob.is_refused(0, &one(), Reason::UnknownItem).await?;
        let hers = UnsubscribePush {
            device_id: Some(device.device_id),
            endpoint: None,
            ..unsubscribe_push(&first)
        };
        bob.is_refused(0, &hers, Reason::UnknownItem).await?;
        let nowhere = UnsubscribePush {
            endpoint: Some("nowhere".to_owned()),
            ..unsubscribe_push(&first)
        };
        alice.is_refused(0, &nowhere, Reason::Invalid).await?;
        same(&devices_of(&alice).await?.len(), &2)
    })
    .await
}

#[tokio::test]
async fn what_is_no_subscription_is_refused() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let browser = stage.service.subscribe(&stage.key)?;
        let good = || subscribe_push(&browser);
        for endpoint in [
            "",
            "nowhere",
            "http://fcm.googleapis.com/push/1",
            "ftp://fcm.googleapis.com/push/1",
            "https://fcm.googleapis.com:8443/push/1",
            "https://alice@fcm.googleapis.com/push/1",
            "https://:secret@fcm.googleapis.com/push/1",
            "https://10.0.0.1/push/1",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/push/1",
            "https://[::ffff:10.0.0.1]/push/1",
            "https://[64:ff9b::a00:1]/push/1",
            "https://127.0.0.2/push/1",
        ] {
            let bad = SubscribePush {
                endpoint: endpoint.to_owned(),
                ..good()
            };
            let result = alice.client.call(0, &bad).await.map(drop);
            refused(result, Reason::Invalid).with_context(|| endpoint.to_owned())?;
        }
        for stranger in [
            "https://push.example.com/1",
            "https://example.com/127.0.0.1",
            "https://8.8.8.8/1",
        ] {
            let bad = SubscribePush {
                endpoint: stranger.to_owned(),
                ..good()
            };
            alice.is_refused(0, &bad, Reason::Forbidden).await?;
        }
        let long = format!("{}{}", browser.endpoint, "a".repeat(2_048));
        let bad_keys = [
            SubscribePush {
                endpoint: long,
                ..good()
            },
            SubscribePush {
                p256dh: String::new(),
                ..good()
            },
            SubscribePush {
                p256dh: "no base64!".to_owned(),
                ..good()
            },
            // As long as a key, and no point of the curve.
            SubscribePush {
                p256dh: format!("BA{}", "A".repeat(85)),
                ..good()
            },
            SubscribePush {
                auth: String::new(),
                ..good()
            },
            SubscribePush {
                auth: "A".repeat(24),
                ..good()
            },
            SubscribePush {
                key: Some(browser.p256dh.clone()),
                ..good()
            },
            SubscribePush {
                name: String::new(),
                ..good()
            },
            SubscribePush {
                name: "a".repeat(101),
                ..good()
            },
            SubscribePush {
                name: "two\nlines".to_owned(),
                ..good()
            },
        ];
        for bad in bad_keys {
            alice.is_refused(0, &bad, Reason::Invalid).await?;
        }
        let (both, neither) = (
            UnsubscribePush {
                device_id: Some(7.try_into()?),
                ..unsubscribe_push(&browser)
            },
            UnsubscribePush {
                endpoint: None,
                ..unsubscribe_push(&browser)
            },
        );
        for bad in [both, neither] {
            alice.is_refused(0, &bad, Reason::Invalid).await?;
        }
        let unknown = TestPush {
            device_id: Some(7.try_into()?),
            ..test_push()
        };
        alice.is_refused(0, &unknown, Reason::UnknownItem).await?;
        same(&devices_of(&alice).await?, &Vec::new())
    })
    .await
}

#[tokio::test]
async fn an_account_has_so_many_devices() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.guest("alice", 0).await?;
        let (browser, first) = stage.subscribes(&alice).await?;
        for _ in 1..MAX_DEVICES {
            stage.subscribes(&alice).await?;
        }
        let more = subscribe_push(&stage.service.subscribe(&stage.key)?);
        alice.is_refused(0, &more, Reason::LimitReached).await?;
        // One that it has is no more than it had.
        let again = alice.client.call(0, &subscribe_push(&browser)).await?;
        let devices = devices_of(&alice).await?;
        same(&devices.len(), &MAX_DEVICES)?;
        same(&devices.last(), &Some(&again))?;
        holds(!devices.contains(&first), "it is in place of the first")
    })
    .await
}

#[tokio::test]
async fn who_subscribes_an_address_last_has_it() -> Result<()> {
    pushed(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        let taken = bob.client.call(0, &subscribe_push(&browser)).await?;
        same(&devices_of(&alice).await?, &Vec::new())?;
        same(&devices_of(&bob).await?, &vec![taken])?;
        stage.tests(&alice, 0).await?;
        stage.tests(&bob, 1).await?;
        stage.service.wait_for(&browser, 1).await?;
        // Nor is it hers again once he has gone.
        bob.client.call(0, &unsubscribe_push(&browser)).await?;
        same(&devices_of(&alice).await?, &Vec::new())?;
        stage.tests(&alice, 0).await?;
        let hers = alice.client.call(0, &subscribe_push(&browser)).await?;
        same(&devices_of(&alice).await?, &vec![hers])?;
        stage.tests(&alice, 1).await?;
        same(&stage.service.wait_for(&browser, 2).await?.len(), &2)
    })
    .await
}

#[tokio::test]
async fn who_signs_out_is_told_no_more() -> Result<()> {
    pushed(async |stage| {
        let alice = stage.harness.registered("alice", 0).await?;
        let second = stage.harness.second_session(&alice).await?;
        let (browser, _) = stage.subscribes(&alice).await?;
        let (lost, device) = stage.subscribes(&second).await?;
        same(&devices_of(&alice).await?.last(), &Some(&device))?;
        alice
            .client
            .call(0, &revoke_session(second.session_id))
            .await?;
        same(&devices_of(&alice).await?.len(), &1)?;
        stage.tests(&alice, 1).await?;
        stage.service.wait_for(&browser, 1).await?;
        same(&stage.service.pushes_of(&lost), &(Vec::new(), 0))
    })
    .await
}

#[tokio::test]
async fn after_a_change_of_keys_each_browser_gets_what_is_signed_with_its_own() -> Result<()> {
    let service = PushService::start().await?;
    let ((old_private, old), (private, new)) = (generate_sender()?, generate_sender()?);
    let settings = Settings {
        environment: service.settings(&format!("{private},{old_private}")),
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let alice = harness.guest("alice", 0).await?;
        same(&alice.client.call(0, &GetVapid {}).await?.key, &new)?;
        let (before, now) = (service.subscribe(&old)?, service.subscribe(&new)?);
        let subscribe = SubscribePush {
            key: Some(old.clone()),
            ..subscribe_push(&before)
        };
        alice.client.call(0, &subscribe).await?;
        alice.client.call(0, &subscribe_push(&now)).await?;
        alice.client.call(0, &test_push()).await?;
        for browser in [&before, &now] {
            same(&service.wait_for(browser, 1).await?.len(), &1)?;
        }
        same(&service.count_refused(), &0)
    })
    .await
}
