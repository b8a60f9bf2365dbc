//! The decision against a naive one, and what is kept of settings.

use proptest::{array::uniform4, option, prelude::*};

use super::*;

const NOW: u64 = 5_000;

fn level() -> impl Strategy<Value = NotificationLevel> {
    prop_oneof![
        Just(NotificationLevel::Nothing),
        Just(NotificationLevel::Mentions),
        Just(NotificationLevel::All),
    ]
}

fn setting() -> impl Strategy<Value = LevelSetting> {
    let until = option::weighted(0.2, (0_u64..10).prop_map(|seconds| seconds * 1_000));
    (option::of(level()), until, any::<bool>()).prop_map(|(level, muted_until, no_everyone)| {
        LevelSetting {
            level,
            muted_until,
            no_everyone,
        }
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let seldom = || proptest::bool::weighted(0.15);
    let flags = (seldom(), seldom(), seldom(), seldom(), seldom());
    let calls = (seldom(), seldom(), seldom(), seldom(), any::<bool>());
    (flags, calls, uniform4(setting())).prop_map(|(flags, calls, levels)| Facts {
        is_own: flags.0,
        may_read: !flags.1,
        calls: Calls {
            mention: calls.0,
            reply: calls.1,
            role: calls.2,
            keyword: calls.3,
            everyone: calls.4,
        },
        levels,
        is_quiet: flags.2,
        is_dnd: flags.3,
        has_device: !flags.4,
        now_ms: NOW,
    })
}

/// Each reason on its own: would he be told for it?
fn is_told_for(facts: &Facts, reason: NotificationReason) -> bool {
    let [deployment, server, category, channel] = facts.levels;
    let level = channel
        .level
        .or(category.level)
        .or(server.level)
        .or(deployment.level);
    let level = level.unwrap_or(NotificationLevel::Mentions);
    let silenced = facts.levels.iter().any(|it| it.muted_until > Some(NOW))
        || facts.is_own
        || !facts.may_read
        || facts.is_quiet
        || facts.is_dnd
        || !facts.has_device
        || level == NotificationLevel::Nothing;
    let applies = match reason {
        NotificationReason::Mention => facts.calls.mention,
        NotificationReason::Reply => facts.calls.reply,
        NotificationReason::Role => facts.calls.role,
        NotificationReason::Keyword => facts.calls.keyword,
        NotificationReason::Everyone => facts.calls.everyone && !server.no_everyone,
        NotificationReason::All => level == NotificationLevel::All,
    };
    applies && !silenced
}

const REASONS: [NotificationReason; 6] = [
    NotificationReason::Mention,
    NotificationReason::Reply,
    NotificationReason::Role,
    NotificationReason::Keyword,
    NotificationReason::Everyone,
    NotificationReason::All,
];

proptest! {
    #[test]
    fn the_first_reason_that_holds_on_its_own_counts(facts in facts()) {
        let naive = REASONS.into_iter().find(|reason| is_told_for(&facts, *reason));
        prop_assert_eq!(decide(&facts, |_| {}).ok(), naive);
    }

    #[test]
    fn the_trace_ends_with_the_rule_that_decided(facts in facts()) {
        let mut steps = Vec::new();
        let decided = decide(&facts, |step| steps.push(step));
        let last = steps.pop().unwrap();
        prop_assert!(steps.iter().all(|step| step.holds));
        prop_assert!(steps.iter().map(|step| step.rule).is_sorted());
        prop_assert_eq!(last.holds, decided.is_ok());
        if let Err(rule) = decided {
            prop_assert_eq!(last.rule, rule);
        }
    }

    #[test]
    fn a_setting_is_kept_as_it_was_set(setting in setting()) {
        let kept = LevelSetting::unpack(setting.pack());
        let set = LevelSetting { muted_until: setting.muted_until.filter(|until| *until > 0), ..setting };
        prop_assert_eq!(kept, set);
        prop_assert_eq!(setting.pack() == 0, set.is_default());
    }

    #[test]
    fn no_number_makes_a_setting_that_is_none(value in any::<u64>()) {
        let setting = LevelSetting::unpack(value);
        prop_assert_eq!(LevelSetting::unpack(setting.pack()), setting);
    }

    #[test]
    fn hours_and_the_other_hours_are_the_day(minute in 0..DAY, from in 0..DAY, to in 0..DAY) {
        prop_assume!(from != to);
        prop_assert_ne!(is_within(minute, (from, to)), is_within(minute, (to, from)));
        prop_assert!(is_within(from, (from, to)) && !is_within(to, (from, to)));
    }
}

#[test]
fn a_time_is_kept_to_the_second_and_ends_no_sooner() {
    let muted = |muted_until| LevelSetting {
        muted_until,
        ..LevelSetting::default()
    };
    assert_eq!(
        LevelSetting::unpack(muted(Some(1_001)).pack()),
        muted(Some(2_000))
    );
    assert!(i64::try_from(muted(Some(u64::MAX)).pack()).is_ok());
}

#[test]
fn hours_are_refused_that_are_none() {
    assert!(check_hours((22 * 60, 7 * 60)).is_ok());
    for wrong in [(0, 0), (DAY, 0), (0, DAY)] {
        assert!(check_hours(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn keywords_are_whole_words_however_they_are_written() {
    let says = |text: &str, keyword: &str| {
        says_keyword(
            &join_words(&split_words(text)),
            &join_words(&parse_keyword(keyword).unwrap()),
        )
    };
    for (text, keyword) in [
        ("The RELEASE is out!", "release"),
        ("see the release-notes", "release notes"),
        ("Ｒelease", "release"),
        ("いい天気ですね", "天気"),
    ] {
        assert!(says(text, keyword), "{text}: {keyword}");
    }
    for (text, keyword) in [
        ("released", "release"),
        ("notes of the release", "release notes"),
        ("", "release"),
    ] {
        assert!(!says(text, keyword), "{text}: {keyword}");
    }
    for wrong in [
        "",
        "  ",
        "!?",
        "a\0",
        "a\nb",
        &"a".repeat(MAX_KEYWORD + 1),
        &"天".repeat(MAX_KEYWORD_WORDS + 1),
    ] {
        assert!(parse_keyword(wrong).is_err(), "{wrong}");
    }
}
