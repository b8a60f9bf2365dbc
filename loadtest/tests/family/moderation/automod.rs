//! Rules of moderation, and what they do about messages.

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        create_role, create_rule, delete_role, edit_message, get_modlog, list_reports, move_role,
        rule_settings, send_message, set_roles, test_rules, time_out, update_channel, update_role,
    },
    transport::Transport,
};
use shared::{
    domain::{audit::Action, permissions::Permissions},
    error::Reason,
    ids::{AnyId, RuleId},
    protocol::{
        member::MemberTimedOut,
        moderation::{
            DeleteRule, GetModlog, ListRules, ReportCategory, RuleAction, RuleKind, RuleSettings,
            TestRules, UpdateRule,
        },
    },
    wire::Wire as _,
};

scenarios! {
    a_rule_is_made_changed_tried_and_deleted_over_every_door,
    a_message_that_a_rule_blocks_is_refused_over_every_door,
    a_changed_message_is_looked_at_too,
    what_a_rule_reports_is_said_all_the_same,
    who_says_what_a_rule_forbids_is_silenced_over_every_door,
    nobody_silences_by_a_rule_whom_he_may_not_silence,
    the_same_text_too_often_is_blocked,
    what_slow_mode_refuses_was_not_said,
    one_author_does_not_fill_the_list_of_reports,
    a_role_that_everyone_may_take_exempts_nobody,
    links_and_mentions_are_blocked_where_nobody_is_exempt,
    a_channel_is_tried_before_a_rule_is_made,
    a_trial_has_one_budget,
    rules_have_bounds,
}

fn no_spam() -> RuleSettings {
    rule_settings("no spam", RuleKind::Words, &["spam*"])
}

async fn a_rule_is_made_changed_tried_and_deleted_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for mut way in alice.ways().await? {
        let scope = alice.scope();
        let before = alice.remembers().await?;
        let rule = way.call(scope, &create_rule(no_spam())).await?;
        same(&rule.settings, &no_spam())?;
        let listed = way.call(scope, &ListRules {}).await?.rules;
        same(&listed, &vec![rule.clone()])?;
        let tried = way.call(scope, &test_rules("no SPAMMERS here")).await?;
        let found: Vec<_> = tried
            .findings
            .iter()
            .map(|found| (found.rule_id, found.found.as_str()))
            .collect();
        same(&found, &vec![(Some(rule.rule_id), "spam")])?;

        let mut update = UpdateRule {
            nonce: nonce(),
            rule_id: rule.rule_id,
            settings: rule_settings("no eggs", RuleKind::Words, &["eggs"]),
        };
        way.call(scope, &update).await?;
        let tried = way.call(scope, &test_rules("spam")).await?;
        same(&tried.findings.len(), &0)?;
        update.nonce = nonce();
        update.rule_id = RuleId::sample();
        refused(way.call(scope, &update).await, Reason::UnknownItem)?;

        let delete = DeleteRule {
            nonce: nonce(),
            rule_id: rule.rule_id,
        };
        way.call(scope, &delete).await?;
        same(&way.call(scope, &ListRules {}).await?.rules, &Vec::new())?;
        alice.agrees(before).await?;
    }
    for action in [Action::RuleCreate, Action::RuleUpdate, Action::RuleDelete] {
        let log = GetModlog {
            action: Some(action),
            ..get_modlog()
        };
        same(&alice.call(&log).await?.entries.len(), &3)?;
    }
    bob.is_refused(bob.scope(), &create_rule(no_spam()), Reason::Forbidden)
        .await
}

/// Fails unless each text is refused by a rule of this name.
async fn blocked(person: &Person, rule: &str, texts: &[&str]) -> Result<()> {
    let general = person.channel("#general").await?;
    for text in texts {
        let sent = person.call(&send_message(general, *text)).await;
        let told = format!("{sent:?}");
        refused(sent, Reason::Blocked).with_context(|| format!("{text:?}"))?;
        holds(told.contains(rule), &told)?;
    }
    Ok(())
}

async fn a_message_that_a_rule_blocks_is_refused_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
    alice.call(&create_rule(no_spam())).await?;
    let hidden = ["s**p**am", "s||p||am", "s\u{336}p\u{336}am"];
    for text in ["spam", "Buy SPAM now", "spammers!"]
        .into_iter()
        .chain(hidden)
    {
        let message = send_message(general, text);
        bob.is_refused(bob.scope(), &message, Reason::Blocked)
            .await?;
    }
    blocked(&bob, "no spam", &["spam"]).await?;
    bob.send("#general", "antispam is fine").await?;
    // She manages messages.
    alice.send("#general", "spam is what I may say").await?;
    alice.sees("antispam is fine").await?;
    alice.agrees(hers).await?;
    bob.agrees(his).await?;
    let log = GetModlog {
        action: Some(Action::RuleApply),
        ..get_modlog()
    };
    let entries = alice.call(&log).await?.entries;
    let [entry] = entries.as_slice() else {
        anyhow::bail!("one a minute, not {entries:?}");
    };
    same(&entry.actor_id, &None)?;
    same(&entry.reason, &"no spam".to_owned())?;
    same(
        &entry.target_id.map(AnyId::get),
        &Some(bob.user.user_id.get()),
    )
}

async fn a_changed_message_is_looked_at_too(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    alice.call(&create_rule(no_spam())).await?;
    let general = alice.channel("#general").await?;
    let sent = bob.send("#general", "harmless").await?;
    let edit = edit_message(general, sent.message_id, "spam");
    bob.is_refused(bob.scope(), &edit, Reason::Blocked).await?;
    let said: Vec<_> = bob
        .history(general)
        .await?
        .into_iter()
        .map(|message| message.content)
        .collect();
    same(&said, &vec!["harmless".to_owned()])
}

async fn what_a_rule_reports_is_said_all_the_same(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let reports = RuleSettings {
        action: RuleAction::Report,
        ..no_spam()
    };
    alice.call(&create_rule(reports)).await?;
    let sent = bob.send("#general", "spam").await?;
    alice.sees("spam").await?;
    let general = alice.channel("#general").await?;
    bob.edits(general, sent.message_id, "spam again").await?;
    let open = alice.call(&list_reports()).await?.reports;
    let [report] = open.as_slice() else {
        anyhow::bail!("one report was due, not {open:?}");
    };
    same(&report.reporter_id, &None)?;
    same(&report.category, &ReportCategory::Rule)?;
    same(&report.text, &"no spam".to_owned())?;
    same(
        &(report.message_id, report.author_id),
        &(sent.message_id, bob.user.user_id),
    )?;
    same(&report.content.as_deref(), &Some("spam"))
}

async fn who_says_what_a_rule_forbids_is_silenced_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob, carol] = harness.members().await?;
        let general = alice.channel("#general").await?;
        let silences = RuleSettings {
            action: RuleAction::Timeout,
            timeout_seconds: 600,
            ..rule_settings("no slurs", RuleKind::Words, &["s*r"])
        };
        // What only blocks is not asked where one silences.
        alice.call(&create_rule(no_spam())).await?;
        alice.call(&create_rule(silences)).await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let said = send_message(general, "spam, you slur!");
        let mut way = bob.through(transport).await?;
        refused(way.call(bob.scope(), &said).await, Reason::Blocked)?;
        let his_end = |event: &MemberTimedOut| event.user_id == bob.user.user_id;
        let told = bob.sees_event(his_end).await?;
        same(&alice.sees_event(his_end).await?, &told)?;
        holds(told.until.is_some(), "it ends")?;
        let fine = send_message(general, "but I");
        bob.is_refused(bob.scope(), &fine, Reason::Forbidden)
            .await?;
        carol.send("#general", "others may speak").await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        let log = GetModlog {
            action: Some(Action::MemberTimeout),
            ..get_modlog()
        };
        let entries = alice.call(&log).await?.entries;
        let [entry] = entries.as_slice() else {
            anyhow::bail!("one entry was due, not {entries:?}");
        };
        // A rule did it, and its name is why.
        same(&entry.actor_id, &None)?;
        same(&entry.reason, &"no slurs".to_owned())?;
        let bobs = bob.user.user_id.get();
        same(&entry.target_id.map(AnyId::get), &Some(bobs))?;
        // Somebody may be merciful; and an edit is looked at, too.
        alice.call(&time_out(bob.user.user_id, 0)).await?;
        let sent = bob.send("#general", "sorry").await?;
        let edit = edit_message(general, sent.message_id, "slur");
        refused(way.call(bob.scope(), &edit).await, Reason::Blocked)?;
        bob.is_refused(bob.scope(), &fine, Reason::Forbidden)
            .await?;
    }
    Ok(())
}

async fn nobody_silences_by_a_rule_whom_he_may_not_silence(harness: &Harness) -> Result<()> {
    let [alice, bob, carol, dave] = harness.members().await?;
    let role = async |name: &str, permissions| {
        let made = alice.call(&create_role(name, permissions)).await?;
        anyhow::Ok(made.role.role_id)
    };
    let manager = role("manager", Permissions::MANAGE_SERVER).await?;
    let upper = role("upper", Permissions::KICK_MEMBERS).await?;
    for (person, role) in [(&bob, manager), (&carol, upper)] {
        let given = set_roles(person.user.user_id, vec![role]);
        alice.call(&given).await?;
    }
    alice.call(&move_role(upper, 2)).await?;
    let silences = RuleSettings {
        action: RuleAction::Timeout,
        timeout_seconds: 600,
        ..rule_settings("all", RuleKind::Words, &["hello"])
    };
    let due = Reason::Forbidden;
    bob.is_refused(bob.scope(), &create_rule(silences.clone()), due)
        .await?;
    let made = bob.call(&create_rule(no_spam())).await?;
    let mut update = UpdateRule {
        nonce: nonce(),
        rule_id: made.rule_id,
        settings: silences,
    };
    bob.is_refused(bob.scope(), &update, due).await?;

    let mut may = update_role(manager);
    may.permissions = Some(Permissions::MANAGE_SERVER | Permissions::TIMEOUT_MEMBERS);
    alice.call(&may).await?;
    bob.call(&update).await?;
    let listed = alice.call(&ListRules {}).await?.rules;
    let makers: Vec<_> = listed.iter().map(|rule| rule.maker_id).collect();
    same(&makers, &vec![Some(bob.user.user_id)])?;
    // Those above and beside him only hear no; others are silenced.
    for person in [&carol, &bob] {
        blocked(person, "all", &["hello"]).await?;
        person.send("#general", "never mind").await?;
    }
    blocked(&dave, "all", &["hello"]).await?;
    let general = dave.channel("#general").await?;
    refused(dave.call(&send_message(general, "but")).await, due)?;
    // By a rule of the owner's everyone is.
    update.nonce = nonce();
    update.settings.timeout_seconds = 601;
    alice.call(&update).await?;
    blocked(&carol, "all", &["hello"]).await?;
    refused(carol.call(&send_message(general, "but")).await, due)
}

async fn the_same_text_too_often_is_blocked(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let repeats = RuleSettings {
        limit: 2,
        seconds: 600,
        ..rule_settings("echo", RuleKind::Repeats, &[])
    };
    alice.call(&create_rule(repeats)).await?;
    bob.send("#general", "hello").await?;
    bob.send("#general", "Hello").await?;
    carol.send("#general", "hello").await?;
    blocked(&bob, "echo", &["HELLO", " hello "]).await?;
    bob.send("#general", "something else").await?;
    Ok(())
}

async fn what_slow_mode_refuses_was_not_said(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let repeats = RuleSettings {
        limit: 1,
        seconds: 600,
        ..rule_settings("echo", RuleKind::Repeats, &[])
    };
    alice.call(&create_rule(repeats)).await?;
    let general = alice.channel("#general").await?;
    let mut slow = update_channel(general);
    slow.slow_mode = Some(600);
    alice.call(&slow).await?;
    bob.send("#general", "first").await?;
    for _ in 0..2 {
        let again = bob.call(&send_message(general, "second")).await;
        refused(again, Reason::RateLimited)?;
    }
    slow = update_channel(general);
    slow.slow_mode = Some(0);
    alice.call(&slow).await?;
    bob.send("#general", "second").await?;
    Ok(())
}

async fn one_author_does_not_fill_the_list_of_reports(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let reports = RuleSettings {
        action: RuleAction::Report,
        ..no_spam()
    };
    alice.call(&create_rule(reports)).await?;
    for number in 0..7 {
        bob.send("#general", &format!("spam {number}")).await?;
    }
    carol.send("#general", "spam, too").await?;
    let open = alice.call(&list_reports()).await?.reports;
    let of = |person: &Person| {
        let author = person.user.user_id;
        open.iter()
            .filter(|report| report.author_id == author)
            .count()
    };
    same(&(of(&bob), of(&carol)), &(5, 1))
}

async fn a_role_that_everyone_may_take_exempts_nobody(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let trusted = alice
        .call(&create_role("trusted", Permissions::empty()))
        .await?;
    let trusted = trusted.role.role_id;
    let exempt = RuleSettings {
        exempt_roles: vec![trusted],
        ..no_spam()
    };
    let rule = alice.call(&create_rule(exempt.clone())).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![trusted]))
        .await?;
    bob.send("#general", "spam by who is trusted").await?;
    let mut open = update_role(trusted);
    open.self_assignable = Some(true);
    alice.call(&open).await?;
    blocked(&bob, "no spam", &["spam"]).await?;
    refused(
        alice.call(&create_rule(exempt.clone())).await,
        Reason::Invalid,
    )?;
    // Who held one that is gone is exempt no more; the rule may still name it.
    open.nonce = nonce();
    open.self_assignable = Some(false);
    alice.call(&open).await?;
    bob.send("#general", "spam again").await?;
    alice.call(&delete_role(trusted)).await?;
    blocked(&bob, "no spam", &["spam"]).await?;
    let same_again = UpdateRule {
        nonce: nonce(),
        rule_id: rule.rule_id,
        settings: exempt,
    };
    Ok(alice.call(&same_again).await?)
}

async fn links_and_mentions_are_blocked_where_nobody_is_exempt(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let free = alice.creates_channel("#free", Vec::new()).await?;
    let links = RuleSettings {
        exempt_channels: vec![free],
        ..rule_settings("links", RuleKind::Links, &["example.org"])
    };
    alice.call(&create_rule(links)).await?;
    let flood = RuleSettings {
        limit: 2,
        ..rule_settings("flood", RuleKind::Mentions, &[])
    };
    alice.call(&create_rule(flood)).await?;
    blocked(
        &bob,
        "links",
        &[
            "https://evil.example",
            "see www.evil.example",
            "[x](https:\t//evil.example)",
            "[x](https://example.org\n.evil.example)",
        ],
    )
    .await?;
    blocked(&bob, "flood", &["<@1> <@2> <@&3>"]).await?;
    bob.send("#general", "https://docs.example.org/x").await?;
    bob.send("#free", "https://evil.example").await?;
    bob.send("#general", "<@4> <@5>").await?;
    Ok(())
}

async fn a_channel_is_tried_before_a_rule_is_made(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for text in ["spam one", "fine", "spam two"] {
        bob.send("#general", text).await?;
    }
    let test = TestRules {
        text: None,
        channel_id: Some(general),
        settings: Some(no_spam()),
    };
    for mut way in alice.ways().await? {
        let tried = way.call(alice.scope(), &test).await?;
        same(&tried.messages, &3)?;
        same(&tried.findings.len(), &2)?;
        let newest = tried.findings.first().context("the newest")?;
        let history = alice.history(general).await?;
        same(
            &newest.message_id,
            &history.last().map(|message| message.message_id),
        )?;
        same(&newest.rule_id, &None)?;
    }
    bob.send("#general", "spam is allowed still").await?;
    bob.is_refused(bob.scope(), &test, Reason::Forbidden)
        .await?;
    let [mallory] = harness.members().await?;
    refused(mallory.call(&test).await, Reason::UnknownChannel)
}

async fn a_trial_has_one_budget(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for _ in 0..30 {
        alice.send("#general", &"a".repeat(2_000)).await?;
    }
    // Each of them stands nearly everywhere, but none as a word of its own.
    let nested: Vec<String> = (1..=64).map(|length| "a".repeat(length)).collect();
    let nested: Vec<&str> = nested.iter().map(String::as_str).collect();
    let mut test = TestRules {
        text: Some("spam".to_owned()),
        channel_id: Some(general),
        settings: Some(rule_settings("nested", RuleKind::Words, &nested)),
    };
    let tried = alice.call(&test).await?;
    holds((1..30).contains(&tried.messages), "as far as it goes")?;
    same(&tried.findings.len(), &0)?;
    test.settings = Some(no_spam());
    let tried = alice.call(&test).await?;
    same(&(tried.messages, tried.findings.len()), &(30, 1))
}

async fn rules_have_bounds(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let words: Vec<String> = (0..600).map(|number| format!("word{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let many = rule_settings("many", RuleKind::Words, &words);
    alice.call(&create_rule(many.clone())).await?;
    let too_many = create_rule(many);
    alice
        .is_refused(alice.scope(), &too_many, Reason::LimitReached)
        .await?;
    for word in ["*", "**", "a**b", "a*-", "free mo*ey", "*a* b*", " a"] {
        let bad = rule_settings("bad", RuleKind::Words, &[word]);
        alice
            .is_refused(alice.scope(), &create_rule(bad), Reason::Invalid)
            .await
            .context(word)?;
    }
    for (kind, timeout_seconds) in [
        (RuleKind::Words, 0),
        (RuleKind::Words, 2_419_201),
        (RuleKind::Raid, 60),
    ] {
        let bad = RuleSettings {
            action: RuleAction::Timeout,
            timeout_seconds,
            limit: 5,
            seconds: 5,
            lock_seconds: 5,
            words: match kind {
                RuleKind::Words => vec!["a*b".to_owned()],
                _ => Vec::new(),
            },
            ..rule_settings("bad", kind, &[])
        };
        alice
            .is_refused(alice.scope(), &create_rule(bad), Reason::Invalid)
            .await?;
    }
    for _ in 1..50 {
        alice.call(&create_rule(no_spam())).await?;
    }
    let one_more = create_rule(no_spam());
    alice
        .is_refused(alice.scope(), &one_more, Reason::LimitReached)
        .await
}
