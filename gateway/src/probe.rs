//! Probes the bus: what this gateway publishes, it must hear.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use shared::{
    bus::{Bus, SubscriberControl, Topic},
    ops::Health,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::metrics::Metrics;

/// How often the bus is probed.
const PERIOD: Duration = Duration::from_secs(2);
/// After so many misses the gateway is not ready.
const UNREADY: u64 = 2;
/// After so many misses the connection is built anew, and again with each
/// further multiple.
const RESET: u64 = 3;
/// The name of the check.
pub const CHECK: &str = "bus";

/// What was heard of the probes. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Echo(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    heard: AtomicU64,
    at: Mutex<Option<Instant>>,
}

impl Echo {
    /// A probe came back.
    pub fn heard(&self, bytes: &[u8], now: Instant) {
        if let Ok(number) = bytes.try_into().map(u64::from_be_bytes) {
            self.0.heard.fetch_max(number, Ordering::Relaxed);
            *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }

    fn last(&self) -> (u64, Option<Instant>) {
        let at = *self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.heard.load(Ordering::Relaxed), at)
    }
}

/// Probes the bus.
pub struct Probe {
    /// The bus.
    pub bus: Bus,
    /// This gateway.
    pub node: String,
    /// What was heard.
    pub echo: Echo,
    /// Builds the link anew.
    pub control: SubscriberControl,
    /// Where the result is shown.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
}

impl Probe {
    /// Probes without end.
    pub async fn run(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sent, mut missed, mut sent_at) = (0_u64, 0_u64, Instant::now());
        loop {
            let now = ticks.tick().await;
            // Nothing was sent before the first tick, so nothing was heard.
            if sent > 0 {
                missed = self.missed(sent, sent_at, missed);
                self.judge(missed).await;
            }
            sent += 1;
            sent_at = now;
            let probe = Bytes::copy_from_slice(&sent.to_be_bytes());
            let topic = Topic::Probe(self.node.clone());
            if let Err(error) = self.bus.publish(vec![(topic, probe)]).await {
                tracing::debug!(%error, "a probe was not published");
            }
        }
    }

    fn missed(&self, sent: u64, sent_at: Instant, missed: u64) -> u64 {
        let (heard, at) = self.echo.last();
        if heard < sent {
            self.metrics.probes_missed_total.inc();
            return missed + 1;
        }
        if let Some(at) = at {
            let took = at.saturating_duration_since(sent_at);
            self.metrics.probe_seconds.set(took.as_secs_f64());
        }
        0
    }

    async fn judge(&self, missed: u64) {
        if missed < UNREADY {
            self.health.set(CHECK, Ok(()));
            return;
        }
        let found = format!("{missed} probes did not come back");
        self.health.set(CHECK, Err(found));
        if missed.is_multiple_of(RESET) {
            tracing::warn!(missed, "the bus is silent: its link is built anew");
            self.control.reset().await;
        }
    }
}
