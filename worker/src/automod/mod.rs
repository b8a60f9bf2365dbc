//! The rules of moderation of a server, as they are evaluated: made once when the server is loaded
//! or its rules change, and then asked for each message. Pure, and in time that has a bound, whatever
//! the rules say.

mod links;
mod recent;
mod settings;
mod words;

use shared::{
    domain::{content::fold_text, mentions::find_mentions},
    ids::{ChannelId, RoleId, RuleId, UserId},
    protocol::moderation::{Rule, RuleAction, RuleKind, RuleSettings},
};

use self::{
    links::{join_broken, list_hosts},
    recent::Recent,
    words::{Comparisons, Words, strip_markup},
};
pub(crate) use self::{recent::Saying, settings::check_settings};

/// A message as rules see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// None where a text is only tried, as the roles are.
    pub(crate) channel: Option<ChannelId>,
    /// The roles of its author.
    pub(crate) roles: &'a [RoleId],
    pub(crate) text: &'a str,
}

/// A text in the forms in which rules look at it.
struct Looked<'a> {
    text: &'a str,
    folded: String,
    /// What readers see of it, where that is another text.
    shown: Option<String>,
}

impl<'a> Looked<'a> {
    fn new(text: &'a str) -> Self {
        let folded = fold_text(text);
        let shown = strip_markup(&folded);
        Self {
            text,
            folded,
            shown,
        }
    }
}

/// What is left of the comparisons that a trial of rules may make.
#[derive(Debug)]
pub(crate) struct TrialBudget(Comparisons);

impl TrialBudget {
    /// As many as some of the worst texts take: more than all that people write in a channel.
    const TEXTS: u32 = 20;

    pub(crate) const fn new() -> Self {
        Self(Comparisons::of_texts(Self::TEXTS))
    }

    /// Whether the last text was not looked at to its end.
    pub(crate) const fn is_used_up(&self) -> bool {
        self.0.are_used_up()
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: RuleId,
    pub(crate) name: String,
    pub(crate) action: RuleAction,
    /// Who made the rule as it is, where that is known.
    pub(crate) maker: Option<UserId>,
    /// For how long it silences the author, in milliseconds; 0 where it does not.
    pub(crate) silence_ms: u64,
    /// The word, the host, or how many there were.
    pub(crate) found: String,
}

/// A flood of joins that somebody is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raid {
    pub(crate) rule: RuleId,
    pub(crate) name: String,
    /// For how long, in milliseconds.
    pub(crate) lock_ms: u64,
}

/// The rules of one server: those that silence before those that block, and those that report last.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    rules: Vec<Rule>,
    compiled: Vec<CompiledRule>,
    recent: Recent,
}

#[derive(Debug)]
struct CompiledRule {
    /// Its place among the rules.
    place: usize,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Words(Words),
    Links {
        allowed: Vec<String>,
    },
    Mentions {
        most: u32,
    },
    Repeats {
        most: u32,
        window_ms: u64,
    },
    Raid {
        most: u32,
        window_ms: u64,
        lock_ms: u64,
    },
}

impl RuleSet {
    /// Prepares rules; what is disabled is kept and never asked.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self::replacing(rules, None)
    }

    /// The same in place of others, whose memory of what happened lately stays: who changes a rule
    /// in a flood does not begin at zero.
    pub(crate) fn replacing(rules: Vec<Rule>, before: Option<Self>) -> Self {
        let mut compiled: Vec<CompiledRule> = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.settings.enabled)
            .map(|(place, rule)| CompiledRule {
                place,
                test: compile(&rule.settings),
            })
            .collect();
        compiled.sort_by_key(|rule| {
            let rule = rules.get(rule.place);
            rule.map(|rule| match rule.settings.action {
                RuleAction::Timeout => 0,
                RuleAction::Block => 1,
                RuleAction::Report => 2,
            })
        });
        Self {
            rules,
            compiled,
            recent: before.map(|before| before.recent).unwrap_or_default(),
        }
    }

    /// The rules as they were set.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The bytes of all words: what the rules weigh in memory.
    pub(crate) fn weight(&self) -> usize {
        let words = self.rules.iter().flat_map(|rule| &rule.settings.words);
        words.map(String::len).sum()
    }

    /// The first rule that acts on a message; the hardest come first. `saying` is who says it
    /// now: nobody where a text was said before, is changed or only tried.
    pub(crate) fn check(&mut self, said: Said<'_>, saying: Option<Saying>) -> Option<Finding> {
        let looked = Looked::new(said.text);
        let folded = looked.folded.as_str();
        let repeated = saying.map_or(0, |saying| {
            let windows = self.compiled.iter().filter_map(|rule| match rule.test {
                Test::Repeats { window_ms, .. } => Some(window_ms),
                _ => None,
            });
            windows.max().map_or(0, |longest| {
                self.recent.note_saying(saying, folded, longest)
            })
        });
        let mut left = Comparisons::new();
        self.compiled.iter().find_map(|rule| {
            let found = match &rule.test {
                Test::Repeats { most, window_ms } if repeated > *most => {
                    let saying = saying?;
                    let times = self.recent.count_sayings(saying, folded, *window_ms);
                    (times > *most).then(|| times.to_string())
                }
                test => apply(test, &looked, &mut left),
            }?;
            let rule = self.rules.get(rule.place)?;
            concerns(&rule.settings, said).then(|| finding(rule, found))
        })
    }

    /// All rules that would act on a text, as far as the budget of all texts goes.
    pub(crate) fn find_all(&self, said: Said<'_>, budget: &mut TrialBudget) -> Vec<Finding> {
        let looked = Looked::new(said.text);
        let found = self.compiled.iter().filter_map(|rule| {
            let found = apply(&rule.test, &looked, &mut budget.0)?;
            let rule = self.rules.get(rule.place)?;
            concerns(&rule.settings, said).then(|| finding(rule, found))
        });
        found.collect()
    }

    /// Somebody joins; a raid where too many different accounts do.
    pub(crate) fn note_join(&mut self, user: UserId, now_ms: u64) -> Option<Raid> {
        let raids = self.compiled.iter().filter_map(|rule| match rule.test {
            Test::Raid {
                most,
                window_ms,
                lock_ms,
            } => Some((rule.place, most, window_ms, lock_ms)),
            _ => None,
        });
        let raids: Vec<_> = raids.collect();
        if raids.is_empty() {
            return None;
        }
        self.recent.note_join(user, now_ms);
        let (place, .., lock_ms) = raids.into_iter().find(|(_, most, window_ms, _)| {
            self.recent.count_joins(now_ms, *window_ms) > *most as usize
        })?;
        let rule = self.rules.get(place)?;
        Some(Raid {
            rule: rule.rule_id,
            name: rule.settings.name.clone(),
            lock_ms,
        })
    }

    /// Whether what a rule does to an author is to be recorded now: once a minute each.
    pub(crate) fn is_worth_recording(&mut self, rule: RuleId, author: UserId, now_ms: u64) -> bool {
        self.recent.note_finding(rule, author, now_ms)
    }
}

fn finding(rule: &Rule, found: String) -> Finding {
    Finding {
        rule: rule.rule_id,
        name: rule.settings.name.clone(),
        action: rule.settings.action,
        maker: rule.maker_id,
        silence_ms: match rule.settings.action {
            RuleAction::Timeout => u64::from(rule.settings.timeout_seconds) * 1_000,
            RuleAction::Block | RuleAction::Report => 0,
        },
        found,
    }
}

/// Whether a rule is for this channel and this author.
fn concerns(settings: &RuleSettings, said: Said<'_>) -> bool {
    !said
        .channel
        .is_some_and(|channel| settings.exempt_channels.contains(&channel))
        && !said
            .roles
            .iter()
            .any(|role| settings.exempt_roles.contains(role))
}

fn compile(settings: &RuleSettings) -> Test {
    let window_ms = u64::from(settings.seconds) * 1_000;
    match settings.kind {
        RuleKind::Words => Test::Words(Words::new(&settings.words)),
        RuleKind::Links => Test::Links {
            allowed: settings.words.iter().map(|host| fold_text(host)).collect(),
        },
        RuleKind::Mentions => Test::Mentions {
            most: settings.limit,
        },
        RuleKind::Repeats => Test::Repeats {
            most: settings.limit,
            window_ms,
        },
        RuleKind::Raid => Test::Raid {
            most: settings.limit,
            window_ms,
            lock_ms: u64::from(settings.lock_seconds) * 1_000,
        },
    }
}

/// What a test that looks at the text alone finds.
fn apply(test: &Test, looked: &Looked<'_>, left: &mut Comparisons) -> Option<String> {
    match test {
        Test::Words(words) => {
            let shown = looked.shown.as_deref();
            let found = words.find(&looked.folded, left);
            let found = found.or_else(|| words.find(shown?, left));
            found.map(str::to_owned)
        }
        Test::Links { allowed } => {
            let broken = join_broken(&looked.folded);
            let mut hosts = list_hosts(&looked.folded).chain(list_hosts(&broken));
            let found = hosts.find(|host| !links::is_allowed(host, allowed));
            found.map(str::to_owned)
        }
        Test::Mentions { most } => {
            let count = find_mentions(looked.text).count();
            (count > *most as usize).then(|| count.to_string())
        }
        Test::Repeats { .. } | Test::Raid { .. } => None,
    }
}

#[cfg(test)]
mod tests;
