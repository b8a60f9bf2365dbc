//! What happened lately in a server with rules: kept in memory by its lane, and lost with it.

use std::{collections::VecDeque, hash::BuildHasher as _};

use foldhash::fast::FixedState;
use shared::ids::{RuleId, UserId};

/// Texts and joins that are remembered, at most: the oldest make room.
const MAX_RECENT: usize = 1_000;
/// A rule is recorded for the same author again after this time, in milliseconds.
const RECORD_MS: u64 = 60_000;

/// Who says something, and when in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saying {
    pub(crate) author: UserId,
    pub(crate) now_ms: u64,
}

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// When, who, and a hash of what.
    sayings: VecDeque<(u64, UserId, u64)>,
    /// When, and who: each account once, as often as it comes and goes.
    joins: VecDeque<(u64, UserId)>,
    findings: VecDeque<(u64, RuleId, UserId)>,
}

impl Recent {
    /// Remembers a text; answers how often its author said it within the longest window of a rule.
    pub(super) fn note_saying(&mut self, saying: Saying, folded: &str, longest_ms: u64) -> u32 {
        let since = saying.now_ms.saturating_sub(longest_ms);
        while self.sayings.front().is_some_and(|(at, ..)| *at < since) {
            self.sayings.pop_front();
        }
        push(
            &mut self.sayings,
            (saying.now_ms, saying.author, hash_text(folded)),
        );
        self.count_sayings(saying, folded, longest_ms)
    }

    /// How often an author said this within a window.
    pub(super) fn count_sayings(&self, saying: Saying, folded: &str, window_ms: u64) -> u32 {
        let (since, hash) = (saying.now_ms.saturating_sub(window_ms), hash_text(folded));
        let same = self
            .sayings
            .iter()
            .filter(|(at, author, said)| *at >= since && *author == saying.author && *said == hash);
        u32::try_from(same.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn note_join(&mut self, user: UserId, now_ms: u64) {
        self.joins.retain(|(_, known)| *known != user);
        push(&mut self.joins, (now_ms, user));
    }

    /// How many accounts joined within a window.
    pub(super) fn count_joins(&self, now_ms: u64, window_ms: u64) -> usize {
        let since = now_ms.saturating_sub(window_ms);
        self.joins.iter().filter(|(at, _)| *at >= since).count()
    }

    /// Whether a rule acted on this author for the first time in a minute.
    pub(super) fn note_finding(&mut self, rule: RuleId, author: UserId, now_ms: u64) -> bool {
        let since = now_ms.saturating_sub(RECORD_MS);
        let mut lately = self.findings.iter();
        if lately.any(|(at, of, who)| *at > since && (*of, *who) == (rule, author)) {
            return false;
        }
        push(&mut self.findings, (now_ms, rule, author));
        true
    }
}

fn push<T>(recent: &mut VecDeque<T>, value: T) {
    if recent.len() >= MAX_RECENT {
        recent.pop_front();
    }
    recent.push_back(value);
}

/// Spaces and case make no other text of it.
fn hash_text(folded: &str) -> u64 {
    let state = FixedState::default();
    folded
        .split_whitespace()
        .fold(0, |sum, word| state.hash_one((sum, word)))
}
