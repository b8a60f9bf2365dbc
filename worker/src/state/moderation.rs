//! How a server is moderated, as the lane that owns it remembers it.

use shared::protocol::moderation::{Lockdown, Rule};

use crate::automod::RuleSet;

/// Most servers have neither, and pay for neither.
#[derive(Debug, Default)]
pub(crate) struct Moderation {
    lockdown: Option<Lockdown>,
    rules: Option<Box<RuleSet>>,
}

impl Moderation {
    pub(crate) fn new(rules: Vec<Rule>, lockdown: Option<Lockdown>) -> Self {
        let mut moderation = Self::default();
        moderation.set_rules(rules);
        moderation.set_lockdown(lockdown);
        moderation
    }

    /// Whether there is anything that a message could offend against.
    pub(crate) const fn is_none(&self) -> bool {
        self.lockdown.is_none() && self.rules.is_none()
    }

    pub(crate) fn set_rules(&mut self, rules: Vec<Rule>) {
        let before = self.rules.take().map(|rules| *rules);
        self.rules = (!rules.is_empty()).then(|| Box::new(RuleSet::replacing(rules, before)));
    }

    pub(crate) const fn set_lockdown(&mut self, lockdown: Option<Lockdown>) {
        self.lockdown = lockdown;
    }

    /// How the server is locked down now.
    pub(crate) fn lockdown(&self, now_ms: u64) -> Option<&Lockdown> {
        self.lockdown
            .as_ref()
            .filter(|lockdown| lockdown.is_on(now_ms))
    }

    /// The rules, by id.
    pub(crate) fn rules(&self) -> &[Rule] {
        self.rules.as_ref().map_or(&[], |rules| rules.rules())
    }

    /// The rules as they are asked; none where there are none.
    pub(crate) fn rules_mut(&mut self) -> Option<&mut RuleSet> {
        self.rules.as_deref_mut()
    }

    /// What the rules weigh in memory.
    pub(crate) fn weight(&self) -> usize {
        self.rules.as_ref().map_or(0, |rules| rules.weight())
    }
}
