//! Who sends pushes: all that an attempt needs, and what notes it.

use std::sync::Arc;

use shared::clock::Clock;

use super::{PushMetrics, PushPolicy, vapid_tokens::VapidTokens};
use crate::store::{push::Pushes, read::Store};

/// Who sends pushes.
pub(crate) struct Sender {
    pub(crate) pushes: Pushes,
    pub(crate) store: Store,
    pub(crate) policy: Arc<PushPolicy>,
    pub(crate) clock: Clock,
    pub(crate) metrics: PushMetrics,
    /// From 0 to 1.
    pub(crate) random: fn() -> f64,
    pub(super) tokens: VapidTokens,
}

impl Sender {
    /// One that has sent nothing yet.
    pub(crate) fn new(
        (pushes, store): (Pushes, Store),
        policy: Arc<PushPolicy>,
        clock: Clock,
        (metrics, random): (PushMetrics, fn() -> f64),
    ) -> Self {
        Self {
            pushes,
            store,
            policy,
            clock,
            metrics,
            random,
            tokens: VapidTokens::default(),
        }
    }
}
