//! Probes the bus: what this gateway publishes, it must hear, and so must the
//! lanes be heard. A gateway on another Redis than they hears only itself: one
//! that was a master before a failover, or the wrong one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
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
/// Lanes beat once a second; when none was heard for this long the gateway is not
/// ready, and its links are built anew, as often as this passes.
const LANES_SILENT: Duration = Duration::from_secs(8);
/// The name of the check.
pub const CHECK: &str = "bus";

/// What was heard of the probes. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ProbeState(Arc<Mutex<Heard>>);

#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    /// The last probe that came back.
    probe: u64,
    probe_at: Option<Instant>,
    beat_at: Option<Instant>,
}

impl ProbeState {
    /// A probe came back.
    pub fn note_probe(&self, bytes: &[u8], now: Instant) {
        if let Ok(number) = bytes.try_into().map(u64::from_be_bytes) {
            let mut heard = self.0.lock();
            heard.probe = heard.probe.max(number);
            heard.probe_at = Some(now);
        }
    }

    /// A lane was heard.
    pub fn note_beat(&self, now: Instant) {
        self.0.lock().beat_at = Some(now);
    }

    /// For how long no lane was heard.
    fn lane_silence(&self, now: Instant) -> Option<Duration> {
        let at = self.0.lock().beat_at?;
        Some(now.saturating_duration_since(at))
    }
}

/// Probes the bus.
pub struct BusProbe {
    /// The bus.
    pub bus: Bus,
    /// This gateway.
    pub node: String,
    /// What was heard.
    pub probe_state: ProbeState,
    /// Builds the link anew.
    pub control: SubscriberControl,
    /// Where the result is shown.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
}

impl BusProbe {
    /// Probes without end.
    pub async fn run(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sent, mut missed, mut sent_at) = (0_u64, 0_u64, Instant::now());
        let mut anew_at = None;
        // A gateway that begins on the wrong Redis never hears a lane.
        self.probe_state.note_beat(sent_at);
        loop {
            let now = ticks.tick().await;
            // Nothing was sent before the first tick, so nothing was heard.
            if sent > 0 {
                missed = self.count_missed(sent, sent_at, missed);
                let silence = self.probe_state.lane_silence(now);
                let silence = silence.filter(|silence| *silence >= LANES_SILENT);
                self.report_health(missed, silence);
                let unheard = missed > 0 && missed.is_multiple_of(RESET);
                let alone = silence.is_some() && anew_at.is_none_or(|at| now >= at);
                if unheard || alone {
                    anew_at = Some(now + LANES_SILENT);
                    tracing::warn!(missed, "the bus is silent: its links are built anew");
                    // All of them: hearing one Redis and speaking to another is no better.
                    self.bus.reset();
                    self.control.reset().await;
                }
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

    fn count_missed(&self, sent: u64, sent_at: Instant, missed: u64) -> u64 {
        let heard = *self.probe_state.0.lock();
        if heard.probe < sent {
            self.metrics.probes_missed_total.inc();
            return missed + 1;
        }
        if let Some(at) = heard.probe_at {
            let took = at.saturating_duration_since(sent_at);
            self.metrics.probe_seconds.set(took.as_secs_f64());
        }
        0
    }

    fn report_health(&self, missed: u64, silence: Option<Duration>) {
        let found = match silence {
            _ if missed >= UNREADY => Err(format!("{missed} probes did not come back")),
            Some(silence) => Err(format!("no lane was heard for {} s", silence.as_secs())),
            None => Ok(()),
        };
        self.health.set_check(CHECK, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_beat() {
        let (probe_state, now) = (ProbeState::default(), Instant::now());
        assert_eq!(probe_state.lane_silence(now), None, "nobody was heard yet");
        probe_state.note_beat(now);
        probe_state.note_probe(&7_u64.to_be_bytes(), now + LANES_SILENT);
        assert_eq!(
            probe_state.lane_silence(now + LANES_SILENT),
            Some(LANES_SILENT)
        );
        probe_state.note_beat(now + LANES_SILENT);
        assert_eq!(
            probe_state.lane_silence(now + LANES_SILENT),
            Some(Duration::ZERO)
        );
    }
}
