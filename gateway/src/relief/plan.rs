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
/// An excess goes over this time at the least.
pub const WINDOW: Duration = Duration::from_secs(20);
/// A gateway that told nothing new for so long may be gone, whatever its lease says.
const SILENT: Duration = Duration::from_secs(6);
/// For so long those who were asked may not yet be in what the others tell.
const ARRIVING: Duration = Duration::from_secs(6);
/// After this time it shows whether those who were asked helped.
const SETTLED: Duration = Duration::from_secs(12);
/// For how long it is waited for those who were asked and are still here, before others are asked for them.
const LEAVING: Duration = Duration::from_secs(30);
/// What was begun is begun again after this time at the earliest, whoever comes and goes meanwhile.
const AGAIN: Duration = Duration::from_mins(5);
/// For how long it is left as it is, where asking did not help.
const REST: Duration = Duration::from_hours(1);
/// Each further rest is twice as long, this many times.
const DOUBLINGS: u32 = 4;

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
    /// How many were asked of late, and when.
    asked: VecDeque<(Instant, u32)>,
    /// Until when it is left as it is.
    rest: Option<Instant>,
    /// How many rounds in a row did not help.
    vain: u32,
}

/// From uneven to even.
#[derive(Debug, Default)]
struct Round {
    /// What all had above the mean when it was last judged.
    before: Option<u64>,
    /// How many are asked with each look.
    pace: u32,
    /// How many may be asked until it is judged.
    budget: u32,
    /// When it is judged first, at the earliest: those who have more above the mean need longer.
    due: Option<Instant>,
    /// Who had been asked before, and stayed.
    stayed: u32,
}

/// How it stands when looked at.
struct Balance {
    /// What this one has above the mean.
    excess: u32,
    /// What all have above it.
    excesses: u64,
    /// Whether somebody is so far from the mean that it is worth it.
    is_uneven: bool,
    /// How many gateways there are.
    count: u64,
    /// How many of them have less than the mean, and take more.
    below: u64,
    /// How many more those take.
    free: u32,
}

impl ReliefConfig {
    /// How long a large excess asks, at its pace, until its budget is used.
    fn time_of(&self, balance: &Balance) -> Duration {
        let windows = (3 * balance.count).div_ceil(4 * balance.below.max(1));
        self.window * u32::try_from(windows).unwrap_or(u32::MAX)
    }
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
        if !balance.is_uneven && balance.excess == 0 {
            (self.round, self.vain) = (None, 0);
        }
        if balance.free == 0 || balance.excess == 0 {
            return 0;
        }
        let resting = self.rest.is_some_and(|until| now < until);
        if self.round.is_none() && balance.is_uneven && !resting {
            tracing::info!(
                excess = balance.excess,
                "asks connections to go to gateways that have fewer"
            );
            self.began = Some(now);
            self.round = Some(Round {
                budget: budget(&balance),
                due: Some(now + self.config.time_of(&balance)),
                stayed: own.asked,
                ..Round::default()
            });
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
            self.vain = 0;
            let again = self.began.map(|at| at + AGAIN);
            self.rest = self.rest.min(again);
            if let Some(round) = &mut self.round {
                round.before = None;
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
        let below: Vec<(u32, u32)> = others
            .iter()
            .map(|other| (other.load, places(other)))
            .filter(|(load, places)| *load < mean && *places > 0)
            .collect();
        let lowest = below.iter().map(|(load, _)| *load).min().unwrap_or(mean);
        let highest = loads().max().unwrap_or(mean);
        let is_far = |load: u32| {
            let apart = (u64::from(load) * count).abs_diff(sum) * 100;
            load.abs_diff(mean) >= self.config.least.max(1)
                && apart > sum.saturating_mul(u64::from(self.config.percent))
        };
        Balance {
            excess: load.saturating_sub(mean),
            excesses: loads().map(above).sum(),
            is_uneven: is_far(highest) || is_far(lowest),
            count,
            below: below.len() as u64,
            free: below
                .iter()
                .map(|(_, places)| *places)
                .fold(0, u32::saturating_add),
        }
    }

    fn ask_some(&mut self, balance: &Balance, asked: u32, now: Instant) -> u32 {
        let ago = |at: Instant| now.saturating_duration_since(at);
        while self
            .asked
            .front()
            .is_some_and(|(at, _)| ago(*at) >= LEAVING)
        {
            self.asked.pop_front();
        }
        let settled = self.asked.back().is_none_or(|(at, _)| ago(*at) >= SETTLED);
        let Some(mut round) = self.round.take() else {
            return 0;
        };
        let before = *round.before.get_or_insert(balance.excesses);
        if round.budget == 0 && settled && round.due.is_none_or(|due| now >= due) {
            if balance.excesses * 10 > before * 9 {
                self.give_up(balance, now);
                return 0;
            }
            round.budget = budget(balance);
            round.before = Some(balance.excesses);
        }
        let count = self.count_to_ask(&mut round, balance, (asked, now));
        if count > 0 {
            round.budget -= count;
            self.asked.push_back((now, count));
        }
        self.round = Some(round);
        count
    }

    /// They come back, stay whatever they are told, or the balancer does not know whoever has few: it would go
    /// on for ever.
    fn give_up(&mut self, balance: &Balance, now: Instant) {
        tracing::warn!(
            excess = balance.excess,
            "asking connections to go does not help: they stay, or the balancer does not send them to who has fewer"
        );
        self.rest = Some(now + REST * (1 << self.vain.min(DOUBLINGS)));
        self.vain += 1;
    }

    fn count_to_ask(
        &self,
        round: &mut Round,
        balance: &Balance,
        (asked, now): (u32, Instant),
    ) -> u32 {
        let looks = self.config.window.as_millis() / PERIOD.as_millis();
        let looks = u32::try_from(looks.max(1)).unwrap_or(u32::MAX);
        // It may grow, as others send some here, too.
        round.pace = round.pace.max(balance.excess.div_ceil(looks));
        let of_late = self.asked.iter().map(|(_, count)| count).sum();
        let is_arriving = |at: Instant| now.saturating_duration_since(at) < ARRIVING;
        let arriving = self.asked.iter().filter(|(at, _)| is_arriving(*at));
        let arriving: u32 = arriving.map(|(_, count)| count).sum();
        let leaving = asked.saturating_sub(round.stayed).min(of_late);
        // Others give to the same ones.
        let share = u64::from(balance.free) * u64::from(balance.excess) / balance.excesses.max(1);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let left = balance
            .excess
            .min(share)
            .saturating_sub(arriving.max(leaving));
        left.min(round.pace).min(round.budget)
    }
}

/// How many may be asked until it is judged whether it helped. A balancer that sends to each gateway alike sends only
/// some of them to those below the mean; three quarters of what that takes should show.
fn budget(balance: &Balance) -> u32 {
    let needed = u64::from(balance.excess) * balance.count;
    let budget = (needed * 3).div_ceil(4 * balance.below.max(1));
    u32::try_from(budget).unwrap_or(u32::MAX)
}

/// How many more it takes, but for a tenth of all its places: that is for who comes by himself.
fn places(other: &Other) -> u32 {
    let free = other.free.unwrap_or(0);
    free.saturating_sub(other.load.saturating_add(free) / 10)
}

#[cfg(test)]
mod tests;
