//! How many connections to send away, and when: a state machine without I/O.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// How often it is looked.
pub const PERIOD: Duration = Duration::from_secs(2);
/// It is calm after this time at the earliest: for the lease of a gateway that was killed, and two looks.
pub const CALM: Duration = Duration::from_secs(16);
/// A gateway that told nothing new for so long may be gone, whatever its lease says.
const SILENT: Duration = Duration::from_secs(6);
/// After this time the others have told of those who went to them.
const ARRIVING: Duration = Duration::from_secs(6);
/// For how long it is waited for those who were asked and are still here, before others are asked for them.
const LEAVING: Duration = Duration::from_secs(30);
/// What was begun is begun again after this time at the earliest, whoever comes and goes meanwhile.
const AGAIN: Duration = Duration::from_mins(5);
/// For how long it is left as it is, where sending away did not help; twice as long each time.
const REST: Duration = Duration::from_hours(1);
/// So often at most.
const DOUBLED: u32 = 4;

/// What it keeps to.
#[derive(Debug, Clone, Copy)]
pub struct ReliefConfig {
    /// How far from the mean, in percent, is too far; 0 is never.
    pub percent: u32,
    /// How many connections are far, at least.
    pub least: u32,
    /// How long nothing may have come or gone before: as long as a gateway takes to go.
    pub calm: Duration,
    /// Over how long an excess is sent away.
    pub window: Duration,
}

/// This gateway, now.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// Its connections.
    pub load: u32,
    /// Those of them that were asked to go.
    pub asked: u32,
}

/// Another gateway, as it was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Which process.
    pub process: String,
    /// Its connections.
    pub load: u32,
    /// How many more it takes; none where it is not ready, or does not tell.
    pub free: Option<u32>,
    /// When it told this, by its own clock.
    pub told_ms: u64,
}

/// What one gateway does about its excess.
#[derive(Debug)]
pub struct Plan {
    config: ReliefConfig,
    /// What each of the others last told at which time of its clock, and since when.
    heard: BTreeMap<String, (u64, Instant)>,
    /// Since when these and nobody else lived, and all were ready.
    since: Option<Instant>,
    round: Option<Round>,
    /// When the last one began.
    began: Option<Instant>,
    /// Who was asked of late, and when.
    asked: VecDeque<(Instant, u32)>,
    /// Until when it is left as it is.
    rest: Option<Instant>,
    /// How many rounds in a row did not help.
    vain: u32,
}

/// From too many down to the mean.
#[derive(Debug, Default)]
struct Round {
    /// The most that was above the mean since it began.
    excess: u32,
    /// How many are asked with each look.
    pace: u32,
    /// How many may still be asked.
    budget: u32,
}

/// How it stands when looked at.
struct Balance {
    /// What this one has above the mean.
    excess: u32,
    /// What all have that have more than the mean.
    excesses: u64,
    /// Whether somebody is so far from the mean that it is worth it.
    is_far: bool,
    /// How many gateways there are, and how many of them have less than the mean and take more.
    count: u64,
    below: u64,
    /// What those take.
    free: u32,
}

impl Plan {
    /// Nothing was seen yet.
    pub const fn new(config: ReliefConfig) -> Self {
        Self {
            config,
            heard: BTreeMap::new(),
            since: None,
            round: None,
            began: None,
            asked: VecDeque::new(),
            rest: None,
            vain: 0,
        }
    }

    /// Nobody knows who lives, or this gateway is not ready.
    pub const fn lose_sight(&mut self) {
        self.since = None;
    }

    /// How many are to be asked to go now.
    pub fn look(&mut self, own: Own, others: &[Other], now: Instant) -> u32 {
        if !self.is_calm(others, now) {
            return 0;
        }
        let balance = self.weigh(own.load, others);
        if balance.excess == 0 {
            if self.round.take().is_some() {
                self.vain = 0;
            }
            return 0;
        }
        let resting = self.rest.is_some_and(|until| now < until);
        if self.round.is_none() && balance.is_far && balance.free > 0 && !resting {
            tracing::info!(
                excess = balance.excess,
                "asks connections to go to gateways that have fewer"
            );
            self.round = Some(Round::default());
            self.began = Some(now);
        }
        self.ask_some(&balance, own.asked, now)
    }

    /// Whether for some time the same gateways lived and were ready. While some come or go the drains
    /// send enough, and what is uneven may even out by itself.
    fn is_calm(&mut self, others: &[Other], now: Instant) -> bool {
        let known = self.heard.len();
        let is_known = |other: &Other| self.heard.contains_key(&other.process);
        if others.len() != known || !others.iter().all(is_known) {
            self.since = None;
            self.heard
                .retain(|process, _| others.iter().any(|other| other.process == *process));
            // What was vain among others may help among these.
            if self
                .began
                .is_none_or(|at| now.saturating_duration_since(at) >= AGAIN)
            {
                (self.round, self.rest) = (None, None);
            }
        }
        let mut all_ready = true;
        for other in others {
            let heard = self
                .heard
                .entry(other.process.clone())
                .or_insert((other.told_ms, now));
            if heard.0 != other.told_ms {
                *heard = (other.told_ms, now);
            }
            all_ready &= other.free.is_some() && now.saturating_duration_since(heard.1) < SILENT;
        }
        if !all_ready {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.config.calm
    }

    fn weigh(&self, load: u32, others: &[Other]) -> Balance {
        let loads = || std::iter::once(load).chain(others.iter().map(|other| other.load));
        let (count, sum) = (1 + others.len() as u64, loads().map(u64::from).sum::<u64>());
        let mean = u32::try_from(sum.div_ceil(count)).unwrap_or(u32::MAX);
        let above = |load: u32| u64::from(load.saturating_sub(mean));
        let below: Vec<&Other> = others
            .iter()
            .filter(|other| other.load < mean && other.free > Some(0))
            .collect();
        let lowest = below.iter().map(|other| other.load).min().unwrap_or(mean);
        let is_far = |load: u32| {
            let apart = (u64::from(load) * count).abs_diff(sum) * 100;
            load.abs_diff(mean) >= self.config.least.max(1)
                && apart > sum.saturating_mul(u64::from(self.config.percent))
        };
        Balance {
            excess: load.saturating_sub(mean),
            excesses: loads().map(above).sum(),
            is_far: load > mean && (is_far(load) || is_far(lowest)),
            count,
            below: below.len() as u64,
            free: below
                .iter()
                .filter_map(|other| other.free)
                .fold(0, u32::saturating_add),
        }
    }

    /// Over the window, all of it. A balancer that sends to each gateway alike sends only some of them to
    /// those below the mean, so it takes more to end at the mean; half as much again is for its dice.
    /// Until then others send some here, too.
    fn set_pace(&self, round: &mut Round, balance: &Balance) {
        let grown = balance.excess.saturating_sub(round.excess);
        if grown > 0 {
            let needed = u64::from(grown) * balance.count;
            let budget = (needed * 3).div_ceil(2 * balance.below.max(1));
            let budget = u32::try_from(budget).unwrap_or(u32::MAX);
            round.budget = round.budget.saturating_add(budget);
            round.excess = balance.excess;
            let looks = self.config.window.as_millis() / PERIOD.as_millis();
            let looks = u32::try_from(looks.max(1)).unwrap_or(u32::MAX);
            round.pace = round.excess.div_ceil(looks);
        }
    }

    fn ask_some(&mut self, balance: &Balance, asked: u32, now: Instant) -> u32 {
        let Some(mut round) = self.round.take() else {
            return 0;
        };
        self.set_pace(&mut round, balance);
        if round.budget == 0 && u64::from(balance.excess) * 10 <= u64::from(round.excess) * 9 {
            // It gets on: some of those below had their share before others.
            return 0;
        }
        if round.budget == 0 {
            // They come back, or stay whatever they are told: it would go on for ever.
            tracing::warn!(
                excess = balance.excess,
                "asking connections to go does not help: they stay, or the balancer sends them back"
            );
            self.rest = Some(now + REST * (1 << self.vain.min(DOUBLED)));
            self.vain += 1;
            return 0;
        }
        let ago = |at: &Instant| now.saturating_duration_since(*at);
        while self.asked.front().is_some_and(|(at, _)| ago(at) >= LEAVING) {
            self.asked.pop_front();
        }
        let of_late: u32 = self.asked.iter().map(|(_, count)| count).sum();
        let arriving: u32 = self
            .asked
            .iter()
            .filter(|(at, _)| ago(at) < ARRIVING)
            .map(|(_, count)| count)
            .sum();
        let under_way = arriving.max(asked.min(of_late));
        // Others give to the same ones; and a tenth is for who comes by himself.
        let share =
            u64::from(balance.free) * 9 / 10 * u64::from(balance.excess) / balance.excesses.max(1);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let left = balance.excess.min(share).saturating_sub(under_way);
        let count = left.min(round.pace).min(round.budget);
        if count > 0 {
            round.budget -= count;
            self.asked.push_back((now, count));
        }
        self.round = Some(round);
        count
    }
}

#[cfg(test)]
mod tests;
