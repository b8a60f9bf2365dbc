//! Requests of web push.

use shared::{
    ids::PushDeviceId,
    protocol::push::{SetPushDevice, SubscribePush, TestPush, UnsubscribePush},
};

use crate::{push_service::Browser, random::nonce};

/// Has a browser told.
pub fn subscribe_push(browser: &Browser) -> SubscribePush {
    SubscribePush {
        nonce: nonce(),
        endpoint: browser.endpoint.clone(),
        p256dh: browser.p256dh.clone(),
        auth: browser.auth.clone(),
        name: "a browser".to_owned(),
        key: None,
    }
}

/// Has a browser told no more.
pub fn unsubscribe_push(browser: &Browser) -> UnsubscribePush {
    UnsubscribePush {
        nonce: nonce(),
        device_id: None,
        endpoint: Some(browser.endpoint.clone()),
    }
}

/// Has all devices told that it works.
pub fn test_push() -> TestPush {
    TestPush {
        nonce: nonce(),
        device_id: None,
    }
}

/// Switches a device off or on.
pub fn set_push_device(device_id: PushDeviceId, off: bool) -> SetPushDevice {
    SetPushDevice {
        nonce: nonce(),
        device_id,
        off,
    }
}
