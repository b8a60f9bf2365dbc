//! Rules: make them, and ask them about what is said.

use shared::{
    domain::{
        audit::Action,
        limits::{MAX_OPEN_RULE_REPORTS, MAX_RULE_REPORTS_OF_AUTHOR, MAX_RULE_WORDS, MAX_RULES},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, MessageId, RuleId, UserId},
    protocol::{
        Handler,
        moderation::{
            CreateRule, DeleteRule, ReportCategory, Rule, RuleAction, RuleSettings, UpdateRule,
        },
    },
};

use super::super::member::time_out_by_rule;
use crate::{
    access::AccessFacts as _,
    automod::{Finding, Said, Saying, check_settings},
    error::Error,
    state::server::Rank,
    store::write::{self, audit::Record, moderation::NewReport},
    transaction::Context,
};

impl Handler<Context<'_>> for CreateRule {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<Rule, Error> {
        let settings = check(ctx, self.settings, None).await?;
        let mut rules = ctx.moderation().await?.rules().to_vec();
        ctx.require(rules.len() < MAX_RULES, Reason::LimitReached)?;
        let rule = Rule {
            rule_id: ctx.next_id()?,
            settings,
            maker_id: Some(ctx.caller()?.user),
        };
        let server = ctx.server().await?.structure.server;
        write::moderation::insert_rule(&mut ctx.write().await?, server, &rule).await?;
        rules.push(rule.clone());
        ctx.set_rules(rules).await?;
        let record = Record::new(Action::RuleCreate).target(rule.rule_id);
        let record = record.change(None, Some(&rule.settings))?;
        ctx.record_action(record).await?;
        Ok(rule)
    }
}

impl Handler<Context<'_>> for UpdateRule {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (mut rules, place) = find(ctx, self.rule_id).await?;
        let settings = check(ctx, self.settings, Some(self.rule_id)).await?;
        let (server, maker) = (ctx.server().await?.structure.server, ctx.caller()?.user);
        let rule = rules.get_mut(place).ok_or(Reason::UnknownItem)?;
        if rule.settings == settings {
            return Ok(());
        }
        let before = std::mem::replace(&mut rule.settings, settings);
        rule.maker_id = Some(maker);
        write::moderation::update_rule(&mut ctx.write().await?, server, rule).await?;
        let record = Record::new(Action::RuleUpdate).target(rule.rule_id);
        let record = record.change(Some(&before), Some(&rule.settings))?;
        ctx.set_rules(rules).await?;
        ctx.record_action(record).await
    }
}

impl Handler<Context<'_>> for DeleteRule {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (mut rules, place) = find(ctx, self.rule_id).await?;
        let server = ctx.server().await?.structure.server;
        let gone = rules.remove(place);
        write::moderation::delete_rule(&mut ctx.write().await?, server, gone.rule_id).await?;
        ctx.set_rules(rules).await?;
        let record = Record::new(Action::RuleDelete).target(gone.rule_id);
        let record = record.change(Some(&gone.settings), None)?;
        ctx.record_action(record).await
    }
}

/// The rules of the scope's server, and where one of them stands.
async fn find(ctx: &mut Context<'_>, rule: RuleId) -> Result<(Vec<Rule>, usize), Error> {
    let rules = ctx.moderation().await?.rules().to_vec();
    let place = rules.iter().position(|known| known.rule_id == rule);
    Ok((rules, place.ok_or(Refusal::from(Reason::UnknownItem))?))
}

/// Refuses settings that no rule may have, that silence where the caller may not, that name what the
/// server has not, or with more words than all other rules leave.
async fn check(
    ctx: &mut Context<'_>,
    settings: RuleSettings,
    replaced: Option<RuleId>,
) -> Result<RuleSettings, Error> {
    let settings = check_settings(settings)?;
    if settings.action == RuleAction::Timeout {
        let held = ctx.in_server().await?;
        if !held.contains(Permissions::TIMEOUT_MEMBERS) {
            return Err(Refusal::field(Reason::Forbidden, "action").into());
        }
    }
    let state = ctx.server().await?;
    let known = |known: bool, field| {
        known
            .then_some(())
            .ok_or(Refusal::field(Reason::Invalid, field))
    };
    // What it named before may be gone since, and counts for nothing.
    let before = state.moderation.rules().iter();
    let before = before.filter(|rule| Some(rule.rule_id) == replaced);
    let before: Vec<&RuleSettings> = before.map(|rule| &rule.settings).collect();
    let named = |role| before.iter().any(|was| was.exempt_roles.contains(role));
    let mut roles = settings.exempt_roles.iter();
    let all_roles = roles.all(|role| state.is_given(*role) || named(role));
    known(all_roles, "exempt_roles")?;
    let named = |id| before.iter().any(|was| was.exempt_channels.contains(id));
    let mut channels = settings.exempt_channels.iter();
    let all_channels = channels.all(|id| state.channels.contains_key(id) || named(id));
    known(all_channels, "exempt_channels")?;
    let others = state.moderation.rules().iter();
    let others = others.filter(|rule| Some(rule.rule_id) != replaced);
    let words: usize = others.map(|rule| rule.settings.words.len()).sum();
    if words + settings.words.len() > MAX_RULE_WORDS {
        return Err(Refusal::field(Reason::LimitReached, "words").into());
    }
    Ok(settings)
}

/// Refuses a text that a lock-down or a rule forbids; answers what a rule has to tell of it once it
/// is stored. `new` is a message that was not said before.
pub(in crate::commands) async fn check_text(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    text: &str,
    new: bool,
) -> Result<Option<Finding>, Error> {
    if ctx.moderation().await?.is_none() {
        return Ok(None);
    }
    let held = ctx.permissions_in(channel).await?;
    if held.contains(Permissions::MANAGE_MESSAGES) {
        return Ok(None);
    }
    let (author, now_ms) = (ctx.caller()?.user, ctx.now_ms());
    let standing = ctx.standing(author).await?;
    let mut roles = standing.map(|standing| standing.roles).unwrap_or_default();
    // Who held a role that was deleted holds its id still.
    let state = ctx.server().await?;
    roles.retain(|role| state.is_given(*role));
    let moderation = ctx.moderation().await?;
    let speakers = moderation
        .lockdown(now_ms)
        .and_then(|lockdown| lockdown.speakers);
    if speakers.is_some_and(|role| !roles.contains(&role)) {
        return Err(Reason::LockedDown.into());
    }
    let Some(rules) = moderation.rules_mut() else {
        return Ok(None);
    };
    let said = Said {
        channel: Some(channel),
        roles: &roles,
        text,
    };
    let saying = new.then_some(Saying { author, now_ms });
    let found = rules.check(said, saying);
    let Some(finding) = found else {
        return Ok(None);
    };
    match finding.action {
        RuleAction::Report => return Ok(Some(finding)),
        RuleAction::Block => record_finding(ctx, &finding, author).await?,
        RuleAction::Timeout if !ranks_below(ctx, author, finding.maker).await? => {
            record_finding(ctx, &finding, author).await?;
        }
        RuleAction::Timeout => {
            let until = now_ms + finding.silence_ms;
            time_out_by_rule(ctx, author, until, &finding.name).await?;
        }
    }
    ctx.keep_changes();
    Err(Refusal::field(Reason::Blocked, &finding.name).into())
}

/// Whether an author stands below who made a rule: nobody silences by a rule whom he may not silence
/// himself. Where nobody knows any more who made it, it silences who has no rank.
async fn ranks_below(
    ctx: &mut Context<'_>,
    author: UserId,
    maker: Option<UserId>,
) -> Result<bool, Error> {
    let author = ctx.standing(author).await?;
    let maker = match maker {
        Some(maker) => ctx.standing(maker).await?,
        None => None,
    };
    let state = ctx.server().await?;
    let above = maker.map_or(Rank::Role(1), |maker| state.rank_of(&maker));
    Ok(author.is_some_and(|author| state.rank_of(&author) < above))
}

/// Reports a message that a rule found, once it is stored, unless enough of its author, or of all, is
/// open already; it is recorded in any case.
pub(in crate::commands) async fn report_found(
    ctx: &mut Context<'_>,
    finding: Option<Finding>,
    (channel, message): (ChannelId, MessageId),
    content: &str,
) -> Result<(), Error> {
    let Some(finding) = finding else {
        return Ok(());
    };
    let author = ctx.caller()?.user;
    record_finding(ctx, &finding, author).await?;
    let server = ctx.server().await?.structure.server;
    let reads = ctx.read().await?;
    let open = write::moderation::list_open(reads, server, None, MAX_OPEN_RULE_REPORTS).await?;
    let of_author = open.iter().filter(|(_, by)| *by == author).count();
    if open.len() >= MAX_OPEN_RULE_REPORTS
        || of_author >= MAX_RULE_REPORTS_OF_AUTHOR
        || open.iter().any(|(reported, _)| *reported == message)
    {
        return Ok(());
    }
    let report = NewReport {
        server,
        id: ctx.next_id()?,
        reporter: None,
        channel,
        message,
        author,
        category: ReportCategory::Rule,
        text: &finding.name,
        content,
    };
    write::moderation::insert_report(&mut ctx.write().await?, &report).await?;
    Ok(())
}

/// Records that a rule acted on somebody, once a minute at most.
async fn record_finding(
    ctx: &mut Context<'_>,
    finding: &Finding,
    author: UserId,
) -> Result<(), Error> {
    let now_ms = ctx.now_ms();
    let rules = ctx.moderation().await?.rules_mut();
    let due = rules.is_some_and(|rules| rules.is_worth_recording(finding.rule, author, now_ms));
    if due {
        let record = Record::new(Action::RuleApply).target(author);
        ctx.record_rule(record.reason(&finding.name)).await?;
    }
    Ok(())
}
