//! Who sends pushes: all that an attempt needs, and what notes it.

use std::sync::Arc;

use shared::clock::Clock;

use super::{PushMetrics, PushPolicy, TellLate, vapid_tokens::VapidTokens};
use crate::store::push::Pushes;

/// Who sends pushes.
pub(crate) struct Sender {
    pub(crate) pushes: Pushes,
    pub(crate) late: Arc<dyn TellLate>,
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
        (pushes, late): (Pushes, Arc<dyn TellLate>),
        policy: Arc<PushPolicy>,
        clock: Clock,
        (metrics, random): (PushMetrics, fn() -> f64),
    ) -> Self {
        Self {
            pushes,
            late,
            policy,
            clock,
            metrics,
            random,
            tokens: VapidTokens::default(),
        }
    }
}
