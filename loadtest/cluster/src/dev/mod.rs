//! What the program is made of: the folder of the cluster, its start and its end.

pub(crate) mod home;
pub(crate) mod stop;
pub(crate) mod up;

/// The gateways.
const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];
/// The workers.
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];
