//! Moderation: the audit log, reports, rules, and lock-down.

mod automod;
mod lockdown;
mod rank;

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        allow_member, create_role, create_rule, delete_channel, get_modlog, hide_channel,
        list_reports, move_channel, report_message, resolve_report, rule_settings, set_override,
        set_roles,
    },
};
use shared::{
    domain::{audit::Action, limits::MAX_OPEN_MEMBER_REPORTS, permissions::Permissions},
    error::Reason,
    ids::{AnyId, ChannelId, EntryId, ReportId},
    protocol::moderation::{
        ActorCount, AuditEntry, GetModlog, ListReports, Report, ReportCategory, ReportMessage,
        Resolution, RuleKind, SummarizeModlog, UpdateRule,
    },
    wire::Wire as _,
};

scenarios! {
    what_a_moderator_does_is_in_the_audit_log_over_every_door,
    the_audit_log_is_filtered_and_paged,
    a_page_of_the_audit_log_ends_where_its_entries_are_large,
    a_summary_counts_by_action_and_by_actor,
    pages_and_summaries_have_bounds,
    a_message_is_reported_and_the_report_resolved_over_every_door,
    a_report_keeps_what_was_said_whatever_its_author_does,
    a_report_tells_nobody_what_he_may_not_read,
    who_reports_has_bounds,
    all_members_together_have_so_many_reports_open,
    the_audit_log_says_nothing_of_channels_that_its_reader_does_not_see,
    only_who_may_resolves_reports_that_exist,
}

/// Alice, who owns the server, and bob, who may delete messages in "general".
async fn moderated(harness: &Harness) -> Result<[Person; 3]> {
    let people = harness.members().await?;
    let [alice, bob, _carol] = &people;
    let general = alice.channel("#general").await?;
    let moderator = allow_member(bob.user.user_id.get(), Permissions::MANAGE_MESSAGES);
    alice.overrides(general, vec![moderator]).await?;
    Ok(people)
}

/// Sends a message that somebody else deletes; its id.
async fn deleted(author: &Person, moderator: &Person) -> Result<AnyId> {
    let general = author.channel("#general").await?;
    let sent = author.send("#general", "to be deleted").await?;
    moderator.deletes(general, sent.message_id).await?;
    AnyId::new(sent.message_id.get()).context("an id")
}

fn only_deletions() -> GetModlog {
    GetModlog {
        action: Some(Action::MessageDelete),
        ..get_modlog()
    }
}

async fn what_a_moderator_does_is_in_the_audit_log_over_every_door(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = moderated(harness).await?;
    let message = deleted(&carol, &bob).await?;
    for mut way in alice.ways().await? {
        let log = way.call(alice.scope(), &only_deletions()).await?;
        same(&log.next, &None)?;
        let [entry] = log.entries.as_slice() else {
            anyhow::bail!("one entry was due, not {:?}", log.entries);
        };
        same(&entry.action, &Action::MessageDelete)?;
        same(&entry.actor_id, &Some(bob.user.user_id))?;
        same(&entry.target_id, &Some(message))?;
        holds(entry.entry_id.get() > message.get(), "its id tells when")?;
    }
    // Her own message, deleted by herself, is nobody else's business.
    deleted(&carol, &carol).await?;
    let log = alice.call(&only_deletions()).await?;
    same(&log.entries.len(), &1)?;
    bob.is_refused(bob.scope(), &get_modlog(), Reason::Forbidden)
        .await
}

async fn the_audit_log_is_filtered_and_paged(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = moderated(harness).await?;
    let mut expected = Vec::new();
    for number in 0..5 {
        let moderator = if number % 2 == 0 { &alice } else { &bob };
        expected.push(deleted(&carol, moderator).await?);
    }
    expected.reverse();
    let filters = [
        (only_deletions(), vec![0, 1, 2, 3, 4]),
        (
            GetModlog {
                actor_id: Some(bob.user.user_id),
                ..get_modlog()
            },
            vec![1, 3],
        ),
        (
            GetModlog {
                actor_id: Some(alice.user.user_id),
                ..only_deletions()
            },
            vec![0, 2, 4],
        ),
        (
            GetModlog {
                target_id: expected.get(1).copied(),
                ..get_modlog()
            },
            vec![1],
        ),
        (
            GetModlog {
                target_id: expected.get(1).copied(),
                actor_id: Some(alice.user.user_id),
                ..get_modlog()
            },
            vec![],
        ),
        (
            GetModlog {
                action: Some(Action::LockdownSet),
                ..get_modlog()
            },
            vec![],
        ),
    ];
    for (filter, places) in filters {
        let wanted: Vec<AnyId> = places
            .into_iter()
            .filter_map(|place: usize| expected.get(place).copied())
            .collect();
        for limit in [1, 2, 100] {
            same(&paged(&alice, &filter, limit).await?, &wanted)?;
        }
    }
    Ok(())
}

/// The targets of all pages, newest first.
async fn paged(person: &Person, filter: &GetModlog, limit: u32) -> Result<Vec<AnyId>> {
    let (mut targets, mut before) = (Vec::new(), None::<EntryId>);
    loop {
        let page = GetModlog {
            before,
            limit: Some(limit),
            ..filter.clone()
        };
        let page = person.call(&page).await?;
        holds(page.entries.len() <= limit as usize, "a page has its limit")?;
        targets.extend(page.entries.iter().filter_map(|entry| entry.target_id));
        if page.next.is_none() {
            return Ok(targets);
        }
        before = page.next;
    }
}

async fn a_page_of_the_audit_log_ends_where_its_entries_are_large(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let words = |first: char| {
        let word = |number| format!("{first}{}{number:03}", "w".repeat(60));
        (0..60).map(word).collect::<Vec<_>>()
    };
    let mut rule = rule_settings("long", RuleKind::Words, &[]);
    rule.words = words('a');
    let rule_id = alice.call(&create_rule(rule.clone())).await?.rule_id;
    for first in ['b', 'a'].repeat(25) {
        rule.words = words(first);
        let update = UpdateRule {
            nonce: nonce(),
            rule_id,
            settings: rule.clone(),
        };
        alice.call(&update).await?;
        // The same once more is no change.
        let update = UpdateRule {
            nonce: nonce(),
            ..update
        };
        alice.call(&update).await?;
    }
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let ask = GetModlog {
            limit: Some(100),
            before,
            action: Some(Action::RuleUpdate),
            ..get_modlog()
        };
        let page = alice.call(&ask).await?;
        let states = |entry: &AuditEntry| [entry.before.clone(), entry.after.clone()];
        let states = page.entries.iter().flat_map(states).flatten();
        let bytes: usize = states.map(|state| state.len()).sum();
        holds(bytes <= 256 * 1_024, "a page has a bound in bytes")?;
        found.extend(page.entries);
        before = page.next;
        if before.is_none() {
            break;
        }
        holds(found.len() < 50, "it ended for its bytes")?;
    }
    same(&found.len(), &50)?;
    // However many words there are, an entry says the first of them and how many more.
    for state in found.iter().filter_map(|entry| entry.after.as_deref()) {
        holds(state.len() < 10_000, "an entry has a bound")?;
        holds(state.contains(r#""words_more":10"#), state)?;
    }
    Ok(())
}

async fn a_summary_counts_by_action_and_by_actor(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = moderated(harness).await?;
    for moderator in [&bob, &bob, &alice] {
        deleted(&carol, moderator).await?;
    }
    for mut way in alice.ways().await? {
        let summary = way
            .call(alice.scope(), &SummarizeModlog { days: Some(1) })
            .await?;
        let deletions = summary
            .actions
            .iter()
            .find(|count| count.action == Action::MessageDelete);
        same(&deletions.map(|count| count.count), &Some(3))?;
        let bobs = ActorCount {
            actor_id: Some(bob.user.user_id),
            count: 2,
        };
        holds(summary.actors.contains(&bobs), "bob deleted two")?;
        let sum: u64 = summary.actions.iter().map(|count| count.count).sum();
        same(&summary.total, &sum)?;
    }
    bob.is_refused(
        bob.scope(),
        &SummarizeModlog { days: None },
        Reason::Forbidden,
    )
    .await
}

async fn pages_and_summaries_have_bounds(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    for limit in [0, 101, u32::MAX] {
        let page = GetModlog {
            limit: Some(limit),
            ..get_modlog()
        };
        refused(alice.call(&page).await, Reason::Invalid)?;
    }
    for days in [0, 91, u32::MAX] {
        let summary = SummarizeModlog { days: Some(days) };
        refused(alice.call(&summary).await, Reason::Invalid)?;
    }
    Ok(())
}

async fn reports(person: &Person, resolved: bool) -> Result<Vec<Report>> {
    let list = ListReports {
        resolved,
        ..list_reports()
    };
    Ok(person.call(&list).await?.reports)
}

async fn a_message_is_reported_and_the_report_resolved_over_every_door(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for ((mut way, mut hers), number) in carol
        .ways()
        .await?
        .into_iter()
        .zip(alice.ways().await?)
        .zip(0..)
    {
        let sent = bob.send("#general", "buy now").await?;
        let before = carol.remembers().await?;
        let report = ReportMessage {
            text: "again".to_owned(),
            ..report_message(general, sent.message_id)
        };
        let report_id = way.call(carol.scope(), &report).await?.report_id;
        carol.agrees(before).await?;

        let open = hers.call(alice.scope(), &list_reports()).await?.reports;
        let expected = Report {
            report_id,
            reporter_id: Some(carol.user.user_id),
            channel_id: general,
            message_id: sent.message_id,
            author_id: bob.user.user_id,
            category: ReportCategory::Spam,
            text: "again".to_owned(),
            content: Some("buy now".to_owned()),
            outcome: None,
        };
        same(&open, &vec![expected])?;

        let mut resolve = resolve_report(report_id, Resolution::Acted);
        "warned".clone_into(&mut resolve.note);
        hers.call(alice.scope(), &resolve).await?;
        same(&reports(&alice, false).await?, &Vec::new())?;
        let resolved = reports(&alice, true).await?;
        same(&resolved.len(), &(number + 1))?;
        let outcome = resolved
            .into_iter()
            .next()
            .and_then(|report| report.outcome);
        let outcome = outcome.context("an outcome")?;
        same(&outcome.resolution, &Resolution::Acted)?;
        same(&outcome.resolver_id, &alice.user.user_id)?;
        same(&outcome.note, &"warned".to_owned())?;
        let again = resolve_report(report_id, Resolution::Dismissed);
        refused(alice.call(&again).await, Reason::Moved)?;
    }
    let log = GetModlog {
        action: Some(Action::ReportResolve),
        ..get_modlog()
    };
    let entries = alice.call(&log).await?.entries;
    same(&entries.len(), &3)?;
    holds(
        entries.iter().all(|entry| entry.reason == "warned"),
        "the note is the reason",
    )?;
    bob.is_refused(bob.scope(), &list_reports(), Reason::Forbidden)
        .await?;
    let report_id = reports(&alice, true)
        .await?
        .first()
        .context("one")?
        .report_id;
    let resolve = resolve_report(report_id, Resolution::Dismissed);
    carol
        .is_refused(carol.scope(), &resolve, Reason::Forbidden)
        .await
}

async fn a_report_keeps_what_was_said_whatever_its_author_does(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = bob.send("#general", "an insult").await?;
    carol
        .call(&report_message(general, sent.message_id))
        .await?;
    bob.edits(general, sent.message_id, "a joke").await?;
    bob.deletes(general, sent.message_id).await?;
    let open = reports(&alice, false).await?;
    same(
        &open.first().and_then(|report| report.content.clone()),
        &Some("an insult".to_owned()),
    )?;
    let again = report_message(general, sent.message_id);
    refused(alice.call(&again).await, Reason::UnknownMessage)
}

async fn a_report_tells_nobody_what_he_may_not_read(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let scope = alice.scope();
    let secret = alice.creates_channel("#secret", Vec::new()).await?;
    let sent = alice.send("#secret", "between us").await?;
    bob.call(&report_message(secret, sent.message_id)).await?;
    let shown = allow_member(bob.user.user_id.get(), Permissions::VIEW_CHANNEL);
    alice
        .overrides(secret, vec![hide_channel(scope), shown])
        .await?;
    let report = report_message(secret, sent.message_id);
    carol
        .is_refused(scope, &report, Reason::UnknownChannel)
        .await?;
    // Everyone may list reports now, but only who sees the channel reads what was said there.
    let everyone = Permissions::EVERYONE | Permissions::VIEW_AUDIT_LOG;
    let grant = format!(
        "UPDATE roles SET permissions = {} WHERE server = {scope}",
        everyone.bits()
    );
    let granted = harness
        .cluster
        .sql(async |client| client.batch_execute(&grant).await);
    granted.await?;
    for (person, content) in [(&bob, Some("between us")), (&carol, None)] {
        let open = reports(person, false).await?;
        let [report] = open.as_slice() else {
            anyhow::bail!("one report was due, not {open:?}");
        };
        same(&report.content.as_deref(), &content)?;
    }
    Ok(())
}

async fn who_reports_has_bounds(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = alice.send("#general", "fine").await?;
    let report = report_message(general, sent.message_id);
    bob.call(&report).await?;
    refused(
        bob.call(&report_message(general, sent.message_id)).await,
        Reason::LimitReached,
    )?;
    for category in [ReportCategory::Rule] {
        let report = ReportMessage {
            category,
            ..report_message(general, sent.message_id)
        };
        refused(alice.call(&report).await, Reason::Invalid)?;
    }
    let wordy = ReportMessage {
        text: "x".repeat(1_001),
        ..report_message(general, sent.message_id)
    };
    refused(alice.call(&wordy).await, Reason::TooLarge)?;
    let mut last = sent.message_id;
    for number in 1..20 {
        last = alice
            .send("#general", &format!("fine {number}"))
            .await?
            .message_id;
        bob.call(&report_message(general, last)).await?;
    }
    let one_more = alice.send("#general", "one more").await?;
    let report = report_message(general, one_more.message_id);
    bob.is_refused(bob.scope(), &report, Reason::LimitReached)
        .await?;
    // What is resolved makes room.
    let open = reports(&alice, false).await?;
    same(&open.len(), &20)?;
    let newest = open.first().context("the newest")?;
    same(&newest.message_id, &last)?;
    alice
        .call(&resolve_report(newest.report_id, Resolution::Dismissed))
        .await?;
    bob.call(&report_message(general, one_more.message_id))
        .await?;
    let page = ListReports {
        limit: Some(101),
        ..list_reports()
    };
    refused(alice.call(&page).await, Reason::Invalid)
}

async fn all_members_together_have_so_many_reports_open(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let first = alice.send("#general", "fine").await?;
    let first = bob
        .call(&report_message(general, first.message_id))
        .await?
        .report_id;
    let (scope, id) = (alice.scope(), first.get());
    let filled = format!(
        "INSERT INTO reports (server, id, reporter, channel, message, author, category, text, content)
         SELECT server, id - n, {scope} + n, channel, message, author, category, text, content
         FROM reports, generate_series(1, {}) n WHERE server = {scope} AND id = {id}",
        MAX_OPEN_MEMBER_REPORTS - 1
    );
    harness
        .cluster
        .sql(async |client| client.batch_execute(&filled).await)
        .await?;
    let second = alice.send("#general", "fine, too").await?;
    let report = report_message(general, second.message_id);
    bob.is_refused(scope, &report, Reason::LimitReached).await?;
    alice
        .call(&resolve_report(first, Resolution::Dismissed))
        .await?;
    bob.call(&report_message(general, second.message_id))
        .await
        .map(drop)
        .map_err(Into::into)
}

async fn the_audit_log_says_nothing_of_channels_that_its_reader_does_not_see(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let scope = alice.scope();
    let reader = alice
        .call(&create_role("auditor", Permissions::VIEW_AUDIT_LOG))
        .await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![reader.role.role_id]))
        .await?;
    let open = alice.creates_channel("#open", Vec::new()).await?;
    let hidden = vec![hide_channel(scope)];
    let secret = alice.creates_channel("#secret", hidden.clone()).await?;
    let gone = alice.creates_channel("#gone", hidden).await?;
    let past = alice.creates_channel("#past", Vec::new()).await?;
    let shown = allow_member(carol.user.user_id.get(), Permissions::VIEW_CHANNEL);
    for channel in [secret, gone] {
        alice.call(&move_channel(channel, 0)).await?;
        alice.call(&set_override(channel, &shown)).await?;
    }
    for channel in [gone, past] {
        alice.call(&delete_channel(channel)).await?;
    }
    for (mut his, mut hers) in bob.ways().await?.into_iter().zip(alice.ways().await?) {
        let seen = his.call(scope, &get_modlog()).await?.entries;
        let all = hers.call(scope, &get_modlog()).await?.entries;
        same(&seen.len(), &all.len())?;
        for (entry, whole) in seen.iter().zip(&all) {
            let target = whole.target_id.map_or(0, AnyId::get);
            let unseen = [secret.get(), gone.get()].contains(&target);
            let said = [&entry.before, &entry.after];
            if unseen {
                same(&said, &[&None, &None])?;
                same(
                    &(entry.action, entry.actor_id),
                    &(whole.action, whole.actor_id),
                )?;
            } else {
                same(&said, &[&whole.before, &whole.after])?;
            }
        }
        let told = |channel: ChannelId| {
            let mut about = seen
                .iter()
                .filter(move |entry| entry.target_id.map(AnyId::get) == Some(channel.get()));
            about.any(|entry| entry.before.is_some() || entry.after.is_some())
        };
        holds(told(open) && told(past), "what he saw he is told of")?;
        let deeds = all.iter().filter(|entry| entry.after.is_some());
        holds(deeds.count() > 6, "the owner sees all")?;
    }
    Ok(())
}

async fn only_who_may_resolves_reports_that_exist(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = alice.send("#general", "from the owner").await?;
    let report = bob.call(&report_message(general, sent.message_id)).await?;
    let resolve = resolve_report(report.report_id, Resolution::Dismissed);
    bob.is_refused(bob.scope(), &resolve, Reason::Forbidden)
        .await?;
    let unknown = resolve_report(ReportId::sample(), Resolution::Acted);
    alice
        .is_refused(alice.scope(), &unknown, Reason::UnknownItem)
        .await?;
    alice.call(&resolve).await?;
    Ok(())
}
