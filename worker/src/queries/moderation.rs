//! The audit log: its pages, and how much was done. Reports, and what rules would do.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    iter,
};

use shared::{
    domain::{
        audit::Action,
        content::MAX_MESSAGE_CHARS,
        limits::{
            MAX_ENTRIES_LOOKED_AT, MAX_MODLOG_PAGE, MAX_PAGE, MAX_REPORT_PAGE, MAX_SUMMARY_DAYS,
        },
        permissions::{Override, Permissions, TargetKind, may_handle_reports},
    },
    error::{Reason, Refusal},
    ids::{ChannelId, MessageId, RuleId, ServerId, UserId},
    protocol::{
        Handler,
        channel::Channel,
        message::Message,
        moderation::{
            ActionCount, ActorCount, AuditEntry, GetModlog, ListReports, ListRules, Modlog,
            ModlogSummary, Reports, Rule, RuleFinding, RuleTest, Rules, SummarizeModlog, TestRules,
        },
    },
    wire::decode_json,
};
use tokio::task;

use super::context::QueryContext;
use crate::{
    access::AccessFacts as _,
    automod::{RuleSet, Said, TrialBudget, check_settings},
    day::MS_PER_DAY,
    error::Error,
    store::read::{
        self, Membership, Overrides, Page, Snapshot,
        message::PAGE_BYTES,
        moderation::{Filters, ReportFilter},
        structure,
    },
};

/// Entries of a page whose size the client does not name.
const DEFAULT_PAGE: u32 = 50;
/// What a rule is called by that is not made yet: nobody is told.
const NOT_MADE: RuleId = match RuleId::new(1) {
    Some(rule) => rule,
    // One is within the range of ids.
    None => unreachable!(),
};
/// Days of a summary that names none.
const DEFAULT_DAYS: u32 = 30;
/// What a finding weighs in an answer besides its texts.
const FINDING_BYTES: usize = 150;
/// Actors of a summary, at most.
const MAX_ACTORS: usize = 100;

impl Handler<QueryContext> for GetModlog {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Modlog, Error> {
        let limit = check_limit(self.limit, MAX_MODLOG_PAGE)?;
        let filters = Filters {
            before: self.before,
            actor: self.actor_id,
            target: self.target_id,
            action: self.action,
        };
        let membership = ctx.membership()?;
        let server = membership.0.server_id;
        let snapshot = ctx.snapshot().await?;
        let (mut entries, next) =
            read::moderation::list_entries(snapshot, server, &filters, limit).await?;
        hide_unseen(snapshot, membership, &mut entries).await?;
        Ok(Modlog { entries, next })
    }
}

/// Takes out of entries what they say of channels that the reader does not see. Of one that is gone
/// decides what was recorded of it, and where nothing was, only who may everything sees it.
async fn hide_unseen(
    snapshot: &mut Snapshot,
    membership: Membership,
    entries: &mut [AuditEntry],
) -> Result<(), Error> {
    let channels: Vec<ChannelId> = entries.iter().filter_map(described_channel).collect();
    if channels.is_empty() {
        return Ok(());
    }
    let id = membership.0.server_id;
    let roles = read::server::list_roles(snapshot, &[id]).await?;
    let overrides = read::server::list_own_overrides(snapshot, &channels, [&membership]).await?;
    let (server, standing) = membership;
    let there = structure(&server, &roles, &overrides);
    let mut gone = structure(&server, &roles, &Overrides::default());
    for entry in entries {
        let Some(channel) = described_channel(entry) else {
            continue;
        };
        let held = if there.channels.contains_key(&channel) {
            there.in_channel(&standing, channel)
        } else {
            gone.channels.insert(channel, recorded_overrides(id, entry));
            gone.in_channel(&standing, channel)
        };
        if !held.contains(Permissions::VIEW_CHANNEL) {
            (entry.before, entry.after) = (None, None);
        }
    }
    Ok(())
}

/// The channel that an entry describes.
fn described_channel(entry: &AuditEntry) -> Option<ChannelId> {
    match entry.action {
        Action::ChannelCreate
        | Action::ChannelUpdate
        | Action::ChannelDelete
        | Action::ChannelMove
        | Action::OverrideSet
        | Action::OverrideClear => ChannelId::new(entry.target_id?.get()),
        _ => None,
    }
}

/// The overrides of a channel as an entry recorded it; else one that hides it.
fn recorded_overrides(server: ServerId, entry: &AuditEntry) -> Vec<Override> {
    let recorded = entry.after.as_ref().or(entry.before.as_ref());
    let channel: Option<Channel> = recorded.and_then(|text| decode_json(text));
    channel.map_or_else(
        || {
            vec![Override {
                kind: TargetKind::Role,
                target: server.get(),
                allow: Permissions::empty(),
                deny: Permissions::VIEW_CHANNEL,
            }]
        },
        |channel| channel.overrides,
    )
}

impl Handler<QueryContext> for SummarizeModlog {
    async fn handle(self, ctx: &mut QueryContext) -> Result<ModlogSummary, Error> {
        let days = match self.days {
            None => DEFAULT_DAYS,
            Some(days @ 1..=MAX_SUMMARY_DAYS) => days,
            Some(_) => return Err(Refusal::field(Reason::Invalid, "days").into()),
        };
        let now = ctx.deps().clock.now_ms();
        let asked = now.saturating_sub(u64::from(days) * MS_PER_DAY);
        let (server, _) = ctx.membership()?;
        let snapshot = ctx.snapshot().await?;
        let counts = read::moderation::count_entries(snapshot, server.server_id, asked).await?;
        let (mut actions, mut actors) = (HashMap::<Action, u64>::new(), BTreeMap::new());
        let (mut total, mut oldest) = (0, now);
        for count in counts {
            total += count.count;
            oldest = oldest.min(count.oldest.created_ms());
            // A newer program knows what it was; it counts for who did it all the same.
            let action = u8::try_from(count.action)
                .ok()
                .and_then(Action::from_number);
            if let Some(action) = action {
                *actions.entry(action).or_default() += count.count;
            }
            *actors.entry(count.actor).or_default() += count.count;
        }
        let complete = total < u64::from(MAX_ENTRIES_LOOKED_AT);
        Ok(ModlogSummary {
            total,
            since: if complete { asked } else { oldest },
            actions: most_frequent(actions),
            actors: busiest(actors),
        })
    }
}

fn most_frequent(counts: HashMap<Action, u64>) -> Vec<ActionCount> {
    let counts = counts.into_iter();
    let mut counts: Vec<_> = counts
        .map(|(action, count)| ActionCount { action, count })
        .collect();
    counts.sort_by_key(|count| (Reverse(count.count), count.action));
    counts
}

fn busiest(counts: BTreeMap<Option<UserId>, u64>) -> Vec<ActorCount> {
    let counts = counts.into_iter();
    let mut counts: Vec<_> = counts
        .map(|(actor_id, count)| ActorCount { actor_id, count })
        .collect();
    counts.sort_by_key(|count| Reverse(count.count));
    counts.truncate(MAX_ACTORS);
    counts
}

impl Handler<QueryContext> for ListReports {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Reports, Error> {
        let limit = check_limit(self.limit, MAX_REPORT_PAGE)?;
        let held = ctx.in_server().await?;
        if !may_handle_reports(held) {
            return Err(Reason::Forbidden.into());
        }
        let membership = ctx.membership()?;
        let id = membership.0.server_id;
        let snapshot = ctx.snapshot().await?;
        // Who is reported is not to learn by whom; nobody is above the owner to look at it.
        let (asker, owner) = (membership.1.user, membership.0.owner_id);
        let own = (asker != owner).then_some(asker);
        let which = ReportFilter {
            resolved: self.resolved,
            before: self.before,
            not_about: own,
        };
        let mut reports = read::moderation::list_reports(snapshot, id, which, limit).await?;
        let channels: Vec<_> = reports.iter().map(|report| report.channel_id).collect();
        let roles = read::server::list_roles(snapshot, &[id]).await?;
        let overrides =
            read::server::list_own_overrides(snapshot, &channels, [&membership]).await?;
        let (server, standing) = membership;
        let structure = structure(&server, &roles, &overrides);
        for report in &mut reports {
            // Who may not read a channel does not read it here, either.
            let read = Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY;
            let held = structure.in_channel(&standing, report.channel_id);
            report.content = report.content.take().filter(|_| held.contains(read));
        }
        Ok(Reports { reports })
    }
}

impl Handler<QueryContext> for ListRules {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Rules, Error> {
        let (server, _) = ctx.membership()?;
        let snapshot = ctx.snapshot().await?;
        let rules = read::moderation::list_rules(snapshot, server.server_id).await?;
        Ok(Rules { rules })
    }
}

impl Handler<QueryContext> for TestRules {
    async fn handle(self, ctx: &mut QueryContext) -> Result<RuleTest, Error> {
        let content = self.text.unwrap_or_default();
        if content.chars().count() > MAX_MESSAGE_CHARS {
            return Err(Refusal::field(Reason::TooLarge, "text").into());
        }
        let messages = match self.channel_id {
            Some(channel) => list_readable(ctx, channel).await?,
            None => Vec::new(),
        };
        let (server, _) = ctx.membership()?;
        let made = self.settings.is_none();
        let rules = if let Some(settings) = self.settings {
            vec![Rule {
                rule_id: NOT_MADE,
                maker_id: None,
                settings: check_settings(settings)?,
            }]
        } else {
            let snapshot = ctx.snapshot().await?;
            read::moderation::list_rules(snapshot, server.server_id).await?
        };
        let of_messages = messages.into_iter().rev();
        let of_messages = of_messages.map(|message| (Some(message.message_id), message.content));
        let texts = iter::once((None, content)).chain(of_messages).collect();
        // It takes some ten milliseconds at most, but those are no lane's and no other query's. There
        // are never more at once than a worker answers queries.
        ctx.release().await;
        let channel = self.channel_id;
        let tried = task::spawn_blocking(move || try_rules(rules, made, channel, texts));
        tried
            .await
            .map_err(|panic| Error::Internal(panic.to_string()))
    }
}

/// What rules find in texts, one after the other, until an answer is full or the budget used up.
fn try_rules(
    rules: Vec<Rule>,
    made: bool,
    channel: Option<ChannelId>,
    texts: Vec<(Option<MessageId>, String)>,
) -> RuleTest {
    let rules = RuleSet::new(rules);
    let mut budget = TrialBudget::new();
    let (mut findings, mut messages, mut bytes) = (Vec::new(), 0, 0);
    for (message_id, text) in texts {
        let said = Said {
            channel,
            roles: &[],
            text: &text,
        };
        let found = rules.find_all(said, &mut budget);
        bytes += found
            .iter()
            .map(|finding| FINDING_BYTES + finding.name.len() + finding.found.len())
            .sum::<usize>();
        if message_id.is_some() && (budget.is_used_up() || bytes > PAGE_BYTES) {
            break;
        }
        messages += u32::from(message_id.is_some());
        findings.extend(found.into_iter().map(|finding| RuleFinding {
            message_id,
            rule_id: made.then_some(finding.rule),
            name: finding.name,
            action: finding.action,
            found: finding.found,
        }));
    }
    RuleTest { findings, messages }
}

/// The last messages of a channel, for who may read what was said there.
async fn list_readable(ctx: &mut QueryContext, channel: ChannelId) -> Result<Vec<Message>, Error> {
    let held = ctx.in_channel(channel).await?;
    if !held.contains(Permissions::VIEW_CHANNEL) {
        return Err(Reason::UnknownChannel.into());
    }
    if !held.contains(Permissions::READ_HISTORY) {
        return Err(Reason::Forbidden.into());
    }
    let page = Page {
        before: None,
        after: None,
        limit: MAX_PAGE,
    };
    let (messages, _) = read::message::list_messages(ctx.snapshot().await?, channel, page).await?;
    Ok(messages)
}

/// The size of a page: what the client names, or the default.
fn check_limit(limit: Option<u32>, most: u32) -> Result<u32, Refusal> {
    match limit {
        None => Ok(DEFAULT_PAGE),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Refusal::field(Reason::Invalid, "limit")),
    }
}
