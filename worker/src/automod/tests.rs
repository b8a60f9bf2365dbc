//! What rules find, and what they leave alone.

use proptest::prelude::*;
use shared::ids::UserId;

use super::{
    links::is_allowed,
    words::{Parsed, parse},
    *,
};

fn settings(kind: RuleKind, words: &[&str]) -> RuleSettings {
    RuleSettings {
        name: "rule".to_owned(),
        kind,
        action: RuleAction::Block,
        enabled: true,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        limit: 2,
        seconds: 10,
        lock_seconds: 60,
        exempt_roles: Vec::new(),
        exempt_channels: Vec::new(),
        timeout_seconds: 0,
    }
}

fn rules(all: Vec<RuleSettings>) -> RuleSet {
    let numbered = (1..).zip(all);
    let rules = numbered.map(|(number, settings)| Rule {
        maker_id: None,
        rule_id: RuleId::new(number).unwrap(),
        settings,
    });
    RuleSet::new(rules.collect())
}

const fn said<'a>(text: &'a str, roles: &'a [RoleId]) -> Said<'a> {
    Said {
        channel: ChannelId::new(7),
        roles,
        text,
    }
}

fn found(settings: RuleSettings, text: &str) -> Option<String> {
    let finding = rules(vec![settings]).check(said(text, &[]), None)?;
    Some(finding.found)
}

fn saying(author: u64, now_ms: u64) -> Saying {
    let author = UserId::new(author).unwrap();
    Saying { author, now_ms }
}

#[test]
fn words_are_whole_whatever_their_case_and_width() {
    let words = || {
        settings(
            RuleKind::Words,
            &["spam", "free money", "cheat*", "*coin", "*bet*"],
        )
    };
    for (text, expected) in [
        ("this is SPAM!", Some("spam")),
        ("\u{ff33}\u{ff50}am", Some("spam")),
        ("s\u{200b}p\u{200d}am", Some("spam")),
        ("spammer, antispam, spam7", None),
        ("get FREE MONEY now", Some("free money")),
        ("cheaters", Some("cheat")),
        ("escheat", None),
        ("bitcoin", Some("coin")),
        ("coins", None),
        ("alphabets", Some("bet")),
        ("", None),
    ] {
        assert_eq!(found(words(), text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_star_within_a_word_stands_for_any_letters() {
    let words = || {
        settings(
            RuleKind::Words,
            &["f*k", "b*d*w*d", "*ca*o*", "x*y*", "*p*q"],
        )
    };
    for (text, expected) in [
        ("FUCK", Some("fuck")),
        ("fk", Some("fk")),
        ("what the f0lk?", Some("f0lk")),
        ("fork-lift", Some("fork")),
        ("forks", None),
        ("off k", None),
        ("f k", None),
        ("bad word", None),
        ("badword", Some("badword")),
        ("bddwwd, said he", Some("bddwwd")),
        ("bdwdx", None),
        ("my casinos are", Some("casino")),
        ("ca-o", None),
        ("xylophone", Some("xy")),
        ("taxy", None),
        ("zzpaqqq", Some("paqqq")),
        ("pqp", None),
    ] {
        assert_eq!(found(words(), text).as_deref(), expected, "{text}");
    }
}

/// Whether a word of the text is what one with `*` says, one character after the other.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some(('*', rest)), _) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
        (Some((one, rest)), Some((other, behind))) => one == other && matches(rest, behind),
        (Some(_), None) => false,
    }
}

proptest! {
    #[test]
    fn words_with_stars_are_found_where_a_naive_search_finds_them(
        patterns in proptest::collection::vec("\\*?[ab]{1,2}(\\*[abc]{1,2}){0,3}\\*?", 1..4),
        text in "[abc -]{0,24}",
    ) {
        let letters: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let naive = text.split(|c: char| !c.is_alphanumeric()).any(|word| {
            let word: Vec<char> = word.chars().collect();
            patterns.iter().any(|pattern| {
                let pattern: Vec<char> = pattern.chars().collect();
                matches(&pattern, &word)
            })
        });
        let settings = settings(RuleKind::Words, &letters);
        prop_assert_eq!(found(settings, &text).is_some(), naive);
    }
}

#[test]
fn links_lead_to_allowed_hosts_only() {
    let links = || settings(RuleKind::Links, &["Example.org"]);
    for good in [
        "no link at all: 1.2 www",
        "https://example.org/x?y#z",
        "HTTPS://www.EXAMPLE.org:443/",
        "see (http://a.b.example.org).",
        "https://user@example.org/",
        "**https://example.org**, <https://example.org>!",
        "[https://example.org](https://example.org/x)",
        "use http: or https://, as you like",
    ] {
        assert_eq!(found(links(), good), None, "{good}");
    }
    for (bad, host) in [
        ("https://evil.org", "evil.org"),
        ("https://example.org.evil.org/", "example.org.evil.org"),
        ("https://notexample.org", "notexample.org"),
        ("https://example.org@evil.org/", "evil.org"),
        ("https://evil.org\\@example.org", "evil.org"),
        ("https://evil.org?@example.org", "evil.org"),
        ("www.evil.org", "www.evil.org"),
        ("ftp://1.2.3.4/x https://example.org", "1.2.3.4"),
        ("https://ex\u{200b}ample.net", "example.net"),
        // For a browser, all that comes before the last `@` is the user.
        ("https://example.org,@evil.org/", "evil.org"),
        ("https://example.org;x@evil.org", "evil.org"),
        ("https://example.org](https://a@evil.org)", "evil.org"),
        ("https://example.org,.evil.org/", "example.org,.evil.org"),
        // And any number of slashes is two.
        ("[x](http:evil.org)", "evil.org"),
        ("[x](https:/\\evil.org)", "evil.org"),
        ("https:///evil.org", "evil.org"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
    ] {
        assert_eq!(found(links(), bad).as_deref(), Some(host), "{bad}");
    }
}

#[test]
fn a_browser_drops_breaks_within_an_address() {
    let links = || settings(RuleKind::Links, &["ok.org"]);
    for bad in [
        "[x](https:\t//evil.org)",
        "[x](https:\n//evil.org)",
        "[x](ht\ttps://evil.org)",
        "[x](https://ok.org\t.evil.org)",
        "[x](https://ok.org\r\n@evil.org)",
        "<https:\n//evil.org>",
        "see [a](b) and\n[x](https:/\n/evil.org)",
    ] {
        assert!(found(links(), bad).is_some(), "{bad:?}");
    }
    for good in [
        "https://ok.org\nevil.org is what I read there",
        "[x](https:\t//ok.org)\n",
        "a <\n b (c\n) ](\t",
    ] {
        assert_eq!(found(links(), good), None, "{good:?}");
    }
}

#[test]
fn what_readers_see_whole_is_found_whole() {
    let words = || settings(RuleKind::Words, &["spam", "free money", "bad  word"]);
    for bad in [
        "s**p**am",
        "*s*p_am **spam**",
        "s~~p~~am",
        "s||p||am",
        "s`p`am",
        "s\u{336}p\u{336}a\u{336}m",
        "free  money",
        "free\nmoney",
        "**free** \t ||money||",
        "bad word",
        "bad\u{a0}\u{a0}word",
    ] {
        assert!(found(words(), bad).is_some(), "{bad:?}");
    }
    for good in [
        "s|p|am",
        "s~p~am",
        "sp am",
        "freemoney",
        "späm",
        "s\u{94d}pam",
    ] {
        assert_eq!(found(words(), good), None, "{good:?}");
    }
    // A letter with its mark is another letter, and a vowel sign is part of the word.
    let words = || settings(RuleKind::Words, &["schon", "\u{915}\u{932}"]);
    for good in ["scho\u{308}n", "\u{915}\u{941}\u{932}"] {
        assert_eq!(found(words(), good), None, "{good:?}");
    }
}

proptest! {
    #[test]
    fn no_markup_hides_a_word(
        marks in proptest::collection::vec("(\\*{1,2}|~~|\\|\\||`|[\u{300}-\u{36f}]){0,2}", 3),
        around in "[ .,]{0,2}",
    ) {
        let [first, second, third] = &marks[..] else { unreachable!() };
        // A mark that makes a letter of the one before makes another word.
        let text = format!("{around}x{first}q{second}z{third}{around}");
        let plain = fold_text(&text);
        let settings = settings(RuleKind::Words, &["xqz"]);
        let composed = plain.chars().any(|c| c.is_alphabetic() && !"xqz".contains(c));
        prop_assert!(composed || found(settings, &text).is_some(), "{:?}", text);
    }
}

#[test]
fn mentions_are_counted() {
    let mentions = || settings(RuleKind::Mentions, &[]);
    assert_eq!(found(mentions(), "<@1> <@&2> <@> <@x> <@1"), None);
    assert_eq!(
        found(mentions(), "<@1> <@&2> @everyone").as_deref(),
        Some("3")
    );
}

#[test]
fn the_same_text_too_often_by_one_author_in_the_window() {
    let mut rules = rules(vec![settings(RuleKind::Repeats, &[])]);
    let mut check = |text, author, now| {
        rules
            .check(said(text, &[]), Some(saying(author, now)))
            .is_some()
    };
    assert!(!check("buy", 1, 1_000));
    assert!(!check("Buy ", 1, 2_000));
    assert!(!check("buy", 2, 3_000), "another author");
    assert!(!check("sell", 1, 3_000), "another text");
    assert!(check("BUY", 1, 4_000));
    assert!(
        !check("buy", 1, 12_500),
        "only the last two are in the window"
    );
    assert!(!check("buy", 1, 40_000));
}

#[test]
fn a_change_is_no_repeat() {
    let mut rules = rules(vec![settings(RuleKind::Repeats, &[])]);
    for _ in 0..10 {
        assert_eq!(rules.check(said("buy", &[]), None), None);
    }
}

#[test]
fn too_many_joins_in_the_window_are_a_raid() {
    let mut rules = rules(vec![settings(RuleKind::Raid, &[])]);
    let mut join = |user, now_ms| rules.note_join(UserId::new(user).unwrap(), now_ms);
    assert_eq!(join(1, 1_000), None);
    assert_eq!(join(2, 2_000), None);
    assert_eq!(join(3, 11_500), None);
    let raid = join(4, 11_600).unwrap();
    assert_eq!(raid.lock_ms, 60_000);
}

#[test]
fn one_account_that_comes_and_goes_is_no_raid() {
    let mut rules = rules(vec![settings(RuleKind::Raid, &[])]);
    let mut join = |user, now_ms| rules.note_join(UserId::new(user).unwrap(), now_ms);
    for now in 0..100 {
        assert_eq!(join(1, 1_000 + now), None);
    }
    assert_eq!(join(2, 2_000), None);
    assert!(join(3, 2_000).is_some());
}

#[test]
fn other_rules_remember_what_happened_before_them() {
    let mut old = rules(vec![settings(RuleKind::Raid, &[])]);
    for user in [1, 2] {
        assert_eq!(old.note_join(UserId::new(user).unwrap(), 1_000), None);
    }
    let same = old.rules().to_vec();
    let mut new = RuleSet::replacing(same, Some(old));
    assert!(new.note_join(UserId::new(3).unwrap(), 1_000).is_some());
}

#[test]
fn the_largest_limit_is_one_that_a_rule_reaches() {
    for kind in [RuleKind::Raid, RuleKind::Repeats] {
        let largest = RuleSettings {
            limit: 500,
            seconds: 1_000,
            ..settings(kind, &[])
        };
        assert!(check_settings(largest.clone()).is_ok());
        let mut rules = rules(vec![largest]);
        let acts = (1..=501).filter(|n| {
            if kind == RuleKind::Raid {
                let user = UserId::new(*n).unwrap();
                return rules.note_join(user, 1_000).is_some();
            }
            // Others speak, too, if not as much.
            if n % 3 > 0 {
                rules.check(said("hello", &[]), Some(saying(n % 7 + 2, 1_000)));
            }
            let found = rules.check(said("buy", &[]), Some(saying(1, 1_000)));
            found.is_some()
        });
        assert!(acts.last().is_some(), "{kind:?}");
    }
}

#[test]
fn the_same_word_many_times_is_compared_once_and_words_within_words_have_a_bound() {
    let nested: Vec<String> = (1..=64).map(|length| "a".repeat(length)).collect();
    let nested: Vec<&str> = nested.iter().map(String::as_str).collect();
    // Each stands nearly everywhere, but as a word of its own only at the end.
    let text = format!("{} a", "a".repeat(20_000));
    for (words, found) in [(vec!["a"; 1_000], Some("a")), (nested, None)] {
        let words = Words::new(&settings(RuleKind::Words, &words).words);
        assert_eq!(words.find(&text, &mut Comparisons::new()), found);
        assert_eq!(words.find("a b", &mut Comparisons::new()), Some("a"));
    }
}

#[test]
fn who_and_where_a_rule_leaves_alone() {
    let role = RoleId::new(5).unwrap();
    let exempt = RuleSettings {
        exempt_roles: vec![role],
        exempt_channels: vec![ChannelId::new(8).unwrap()],
        ..settings(RuleKind::Words, &["spam"])
    };
    let mut rules = rules(vec![exempt]);
    assert!(rules.check(said("spam", &[]), None).is_some());
    assert!(rules.check(said("spam", &[role]), None).is_none());
    let elsewhere = Said {
        channel: ChannelId::new(8),
        ..said("spam", &[])
    };
    assert!(rules.check(elsewhere, None).is_none());
}

#[test]
fn what_blocks_comes_before_what_reports_and_what_is_off_does_nothing() {
    let report = RuleSettings {
        action: RuleAction::Report,
        ..settings(RuleKind::Words, &["spam"])
    };
    let off = RuleSettings {
        enabled: false,
        ..settings(RuleKind::Words, &["spam"])
    };
    let block = settings(RuleKind::Words, &["spam"]);
    let mut rules = rules(vec![report, off, block]);
    let first = rules.check(said("spam", &[]), None).unwrap();
    assert_eq!((first.rule.get(), first.action), (3, RuleAction::Block));
    let all = rules
        .find_all(said("spam", &[]), &mut TrialBudget::new())
        .into_iter();
    assert_eq!(
        all.map(|finding| finding.rule.get()).collect::<Vec<_>>(),
        [3, 1]
    );
}

#[test]
fn a_rule_is_recorded_for_an_author_once_a_minute() {
    let mut rules = rules(vec![settings(RuleKind::Words, &["spam"])]);
    let (rule, author) = (RuleId::new(1).unwrap(), UserId::new(1).unwrap());
    let other = UserId::new(2).unwrap();
    assert!(rules.is_worth_recording(rule, author, 100_000));
    assert!(!rules.is_worth_recording(rule, author, 150_000));
    assert!(rules.is_worth_recording(rule, other, 150_000));
    assert!(rules.is_worth_recording(rule, author, 160_000));
}

#[test]
fn settings_are_checked_by_kind() {
    let words = |words: &[&str]| settings(RuleKind::Words, words);
    let of = |kind| settings(kind, &[]);
    let long = "x".repeat(65);
    for good in [
        words(&["spam", "*a*"]),
        settings(RuleKind::Links, &["example.org"]),
        of(RuleKind::Links),
        of(RuleKind::Mentions),
        of(RuleKind::Raid),
    ] {
        assert!(check_settings(good).is_ok());
    }
    for (bad, field) in [
        (words(&[]), "words"),
        (words(&["*"]), "words"),
        (words(&["a**b"]), "words"),
        (words(&[" a"]), "words"),
        (words(&["\u{200b}"]), "words"),
        (words(&[&long]), "words"),
        (settings(RuleKind::Links, &["http://x.org"]), "words"),
        (settings(RuleKind::Links, &[".org"]), "words"),
        (settings(RuleKind::Mentions, &["x"]), "words"),
        (
            RuleSettings {
                limit: 0,
                ..of(RuleKind::Mentions)
            },
            "limit",
        ),
        (
            RuleSettings {
                limit: 501,
                ..of(RuleKind::Raid)
            },
            "limit",
        ),
        (
            RuleSettings {
                seconds: 0,
                ..of(RuleKind::Repeats)
            },
            "seconds",
        ),
        (
            RuleSettings {
                lock_seconds: 86_401,
                ..of(RuleKind::Raid)
            },
            "lock_seconds",
        ),
        (
            RuleSettings {
                name: " ".to_owned(),
                ..of(RuleKind::Raid)
            },
            "name",
        ),
        (
            RuleSettings {
                exempt_roles: vec![RoleId::new(1).unwrap(); 51],
                ..of(RuleKind::Raid)
            },
            "exempt_roles",
        ),
    ] {
        let refusal = check_settings(bad).unwrap_err();
        assert_eq!(refusal.detail.as_deref(), Some(field));
    }
}

/// Word by word and place by place.
fn find_naively(words: &[String], text: &str) -> bool {
    let text: Vec<char> = fold_text(text).chars().collect();
    words.iter().any(|word| {
        let Parsed {
            starts,
            ends,
            literal,
        } = parse(word);
        let literal: Vec<char> = fold_text(literal).chars().collect();
        (0..text.len()).any(|at| {
            let after = at + literal.len();
            let in_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
            text.get(at..after) == Some(literal.as_slice())
                && (starts || !in_word(at.checked_sub(1).and_then(|before| text.get(before))))
                && (ends || !in_word(text.get(after)))
        })
    })
}

proptest! {
    #[test]
    fn words_are_found_where_a_naive_search_finds_them(
        words in proptest::collection::vec("\\*?[abAäß]{1,3}( [ab])?\\*?", 1..6),
        text in "[abAäß .]{0,12}",
    ) {
        let expected = find_naively(&words, &text);
        prop_assert_eq!(Words::new(&words).find(&fold_text(&text), &mut Comparisons::new()).is_some(), expected);
    }

    #[test]
    fn no_text_breaks_a_rule(text in "\\PC{0,60}", words in proptest::collection::vec("\\PC{1,8}", 1..4)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let kinds = [RuleKind::Words, RuleKind::Links, RuleKind::Mentions, RuleKind::Repeats];
        let all = kinds.map(|kind| settings(kind, &words)).to_vec();
        let mut rules = rules(all);
        let _finding = rules.check(said(&text, &[]), Some(saying(1, 1)));
        let _findings = rules.find_all(said(&text, &[]), &mut TrialBudget::new());
    }

    #[test]
    fn a_link_is_found_whatever_stands_around_it(
        before in "[a-z :/@]{0,6}", host in "[a-z]{1,5}\\.[a-z]{2}",
        after in "((/|\\?|#| |:80/)[a-z]{0,3}|\\)?)",
    ) {
        let text = format!("{before} https://{host}{after}");
        prop_assert!(list_hosts(&text).any(|found| found == host), "{}", text);
        prop_assert!(is_allowed(&host, std::slice::from_ref(&host)));
    }
}
