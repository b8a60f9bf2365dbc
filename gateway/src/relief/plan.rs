//! How many connections to send away, and when: a state machine without I/O.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// How often it is looked.
pub const PERIOD: Duration = Duration::from_secs(2);
/// After this time whoever was told has gone, and the others have told that he came.
const UNDER_WAY: Duration = Duration::from_secs(6);
/// For how long it is left as it is, where sending away did not help.
const REST: Duration = Duration::from_hours(1);

/// What it keeps to.
#[derive(Debug, Clone, Copy)]
pub struct ReliefConfig {
    /// How far above the mean, in percent, is too much; 0 is never.
    pub percent: u32,
    /// How many above the mean are too many, at least.
    pub least: u32,
    /// How long nothing may have come or gone before: as long as a gateway takes to go.
    pub calm: Duration,
    /// Over how long a surplus is sent away.
    pub window: Duration,
}

/// A gateway, as it was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which process.
    pub process: String,
    /// Its connections.
    pub load: u32,
    /// How many more it takes; none where it is not ready.
    pub room: Option<u32>,
}

/// What one gateway does about its surplus.
#[derive(Debug)]
pub struct Plan {
    config: ReliefConfig,
    /// Who was ready when last looked.
    known: Vec<String>,
    /// Since when these and nobody else lived, and all were ready.
    since: Option<Instant>,
    round: Option<Round>,
    /// Who was told of late, and when.
    told: VecDeque<(Instant, u32)>,
    /// Until when it is left as it is.
    rest: Option<Instant>,
}

/// From too many down to the mean.
#[derive(Debug)]
struct Round {
    /// How many are told with each look.
    pace: u32,
    /// How many may still be told.
    budget: u32,
}

/// How it stands when looked at.
struct Balance {
    load: u32,
    mean: u32,
    /// Whether this is far above the mean.
    is_far: bool,
    /// What those below the mean take.
    room: u32,
}

impl Plan {
    /// Nothing was seen yet.
    pub const fn new(config: ReliefConfig) -> Self {
        Self {
            config,
            known: Vec::new(),
            since: None,
            round: None,
            told: VecDeque::new(),
            rest: None,
        }
    }

    /// Nobody knows who lives, or this gateway is not ready.
    pub fn lose_sight(&mut self) {
        self.known.clear();
        self.since = None;
        self.round = None;
    }

    /// How many are to be sent away now: of these gateways, the first of which is this one.
    pub fn look(&mut self, own: &Seen, others: &[Seen], now: Instant) -> u32 {
        if !self.is_calm(own, others, now) {
            return 0;
        }
        let balance = self.weigh(own.load, others);
        if balance.load <= balance.mean {
            self.round = None;
            return 0;
        }
        while let Some((at, _)) = self.told.front()
            && now.saturating_duration_since(*at) >= UNDER_WAY
        {
            self.told.pop_front();
        }
        let resting = self.rest.is_some_and(|until| now < until);
        if self.round.is_none() && balance.is_far && !resting {
            self.round = Some(self.begin_round(balance.load - balance.mean));
        }
        self.send_some(&balance, now)
    }

    /// Whether for some time the same gateways lived and were ready. While some come or go the drains
    /// send enough, and what is uneven may even out by itself.
    fn is_calm(&mut self, own: &Seen, others: &[Seen], now: Instant) -> bool {
        let all = || std::iter::once(own).chain(others);
        if all().any(|gateway| gateway.room.is_none()) {
            self.lose_sight();
            return false;
        }
        let known: Vec<String> = all().map(|gateway| gateway.process.clone()).collect();
        if known != self.known {
            self.lose_sight();
            self.known = known;
            self.rest = None;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.config.calm
    }

    fn weigh(&self, load: u32, others: &[Seen]) -> Balance {
        let count = 1 + others.len() as u64;
        let loads = others.iter().map(|other| u64::from(other.load));
        let sum = u64::from(load) + loads.sum::<u64>();
        let mean = u32::try_from(sum.div_ceil(count)).unwrap_or(u32::MAX);
        let far = u64::from(load) * count * 100 > sum * u64::from(100 + self.config.percent);
        let lower = others.iter().filter(|other| other.load < mean);
        let room = lower.filter_map(|other| other.room);
        Balance {
            load,
            mean,
            is_far: far && load.saturating_sub(mean) >= self.config.least.max(1),
            room: room.fold(0, u32::saturating_add),
        }
    }

    /// Over the window, all of it. A balancer that sends to each gateway alike gives some back to those
    /// that send away: at most 100 of 100 + `percent` gateways do, so to end at the mean takes so many
    /// times the surplus at most.
    fn begin_round(&self, surplus: u32) -> Round {
        let looks = self.config.window.as_millis() / PERIOD.as_millis();
        let looks = u32::try_from(looks.max(1)).unwrap_or(u32::MAX);
        let percent = u64::from(self.config.percent.max(1));
        let budget = u64::from(surplus) * (100 + percent) / percent;
        tracing::info!(surplus, "sending connections to the other gateways");
        Round {
            pace: surplus.div_ceil(looks),
            budget: u32::try_from(budget).unwrap_or(u32::MAX),
        }
    }

    fn send_some(&mut self, balance: &Balance, now: Instant) -> u32 {
        let Some(round) = &mut self.round else {
            return 0;
        };
        if round.budget == 0 {
            // They come back, or stay whatever they are told: it would go on for ever.
            tracing::warn!("sending connections away does not help: the balancer sends them back");
            self.round = None;
            self.rest = Some(now + REST);
            return 0;
        }
        let under_way = self.told.iter().map(|(_, count)| count).sum();
        let left = (balance.load - balance.mean).saturating_sub(under_way);
        let count = left.min(round.pace).min(round.budget).min(balance.room);
        if count > 0 {
            round.budget -= count;
            self.told.push_back((now, count));
        }
        count
    }
}

#[cfg(test)]
mod tests;
