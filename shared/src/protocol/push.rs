//! Push: the devices of an account that are told of something while no page of theirs is open.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::ids::PushDeviceId;

family! {
    commands: SubscribePush, UnsubscribePush, TestPush, SetPushDevice;
    queries: GetVapid, ListPushDevices;
}

/// Shows the key by which a browser subscribes; refused as `switched_off` where the deployment has none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2816, push_get_vapid, reply = Vapid, access = Account, limit = Read)]
pub struct GetVapid {}

/// Who sends pushes, to browsers and push services.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Vapid {
    /// The public key: an uncompressed point of P-256 in base64url without padding, the `applicationServerKey` of a
    /// browser.
    pub key: String,
}

/// Has this device told by web push, as long as its session lasts. One address belongs to one account: who subscribes it
/// takes it from the account that had it. The same address once more is a new device, with another id. Refused as `switched_off`
/// without keys, as `forbidden` at a push service that is not permitted, as `limit_reached` beyond 20 devices.
///
/// A push is JSON: `{"kind":"test"}`, or `{"kind":"message"}` with `reason`, a `NotificationReason`, and `server_id`, `channel_id` and
/// `message_id` as text; unless the account is private also with `server`, `channel`, `author` and `text`, which has names for mentions and
/// is cut to fit. It may have no body, come twice, or behind a newer one of its channel: then the larger `message_id` counts. Of a kind that
/// a client does not know it shows that there is something.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(784, push_subscribe, reply = PushDevice, access = Account, limit = Write)]
pub struct SubscribePush {
    /// The idempotency key.
    pub nonce: String,
    /// Where the browser's push service takes pushes for it: an address of https, at most 2,048 characters.
    pub endpoint: String,
    /// The browser's public key: an uncompressed point of P-256 in base64url.
    pub p256dh: String,
    /// What the browser shares with who sends: 16 bytes in base64url.
    pub auth: String,
    /// What the list calls the device: one line of at most 100 characters.
    pub name: String,
    /// The key that `push_get_vapid` showed when the browser subscribed; that of now when absent.
    #[serde(default)]
    pub key: Option<String>,
}

/// A device that is told by web push.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PushDevice {
    /// The device; its id tells when it subscribed.
    pub device_id: PushDeviceId,
    /// What it is called.
    pub name: String,
    /// Since when pushes to it fail, in milliseconds since 1970; none where they do not.
    pub failing_since: Option<u64>,
    /// Whether it is told no more: its push service does not know it, or pushes to it failed for a week. It has to
    /// subscribe again.
    pub gone: bool,
    /// Whether it is switched off: nothing is sent to it until it is switched on again.
    #[serde(default)]
    pub off: bool,
}

/// Has a device told no more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(785, push_unsubscribe, access = Account, limit = Write)]
pub struct UnsubscribePush {
    /// The idempotency key.
    pub nonce: String,
    /// The device, as the list shows it.
    #[serde(default)]
    pub device_id: Option<PushDeviceId>,
    /// In place of it: the address that this device subscribed.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Switches a device of the account off, from any session, or on again. It stays subscribed, and off where its browser subscribes the
/// same address again; another address is another device, and that is on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(787, push_device_set, reply = PushDevice, access = Account, limit = Write)]
pub struct SetPushDevice {
    /// The idempotency key.
    pub nonce: String,
    /// The device, as the list shows it.
    pub device_id: PushDeviceId,
    /// Whether nothing is sent to it from now on.
    pub off: bool,
}

/// Lists the devices of the account that are told by web push.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2817, push_devices_list, reply = PushDevices, access = Account, limit = Read)]
pub struct ListPushDevices {}

/// The devices, oldest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PushDevices {
    /// The devices.
    pub devices: Vec<PushDevice>,
}

/// Sends a push to each device of the account, or to one, at once: so that somebody sees whether it comes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(786, push_test, reply = PushTested, access = Account, limit = Write)]
pub struct TestPush {
    /// The idempotency key.
    pub nonce: String,
    /// Only this device; `unknown_item` where it is off or gone.
    #[serde(default)]
    pub device_id: Option<PushDeviceId>,
}

/// What was sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PushTested {
    /// To how many devices.
    pub devices: u32,
}
