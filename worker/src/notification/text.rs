//! What a push says of a message: as its readers see it, as far as it fits.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    domain::{
        mentions::{Mention, find_mentions},
        notification::NotificationReason,
    },
    ids::{ChannelId, RoleId, ServerId, UserId},
};

use super::SaidMessage;

/// Bytes of a body, at most: what the table of pushes takes, which is what `web-push` encrypts.
const MAX_BODY: usize = 3_052;
/// What stands for a text that is not to be seen at once.
const HIDDEN: &str = "▒▒▒";
/// The mark around such a text.
const SPOILER: &str = "||";
/// What stands where a text was cut.
const CUT: &str = "…";

/// What is called how.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) titles: BTreeMap<ChannelId, (String, String)>,
    pub(super) accounts: BTreeMap<(ServerId, UserId), String>,
    pub(super) roles: BTreeMap<RoleId, String>,
}

/// What devices are told, in JSON: the page has the words around it.
#[derive(Serialize)]
struct Body<'a> {
    kind: &'static str,
    reason: &'static str,
    server_id: String,
    channel_id: String,
    message_id: String,
    #[serde(flatten)]
    shown: Option<Shown<'a>>,
}

/// What is not told to the devices of who wants to be private.
#[derive(Serialize)]
struct Shown<'a> {
    server: &'a str,
    channel: &'a str,
    author: &'a str,
    text: &'a str,
}

/// Which message somebody is told of, and why.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) said: &'a SaidMessage,
    pub(super) reason: NotificationReason,
}

/// What devices are told; without names, that there is something, and not what.
pub(super) fn body_of(told: Told<'_>, names: Option<&Names>) -> Vec<u8> {
    let Some(names) = names else {
        return encode(told, None);
    };
    let said = told.said;
    let text = show_text(said, names);
    let (channel, server) = names
        .titles
        .get(&said.channel)
        .map_or(("", ""), |(channel, server)| (channel, server));
    let author = names.accounts.get(&(said.server, said.message.author_id));
    let author = author.map_or("", String::as_str);
    let with = |text: &str| {
        let shown = Shown {
            server,
            channel,
            author,
            text,
        };
        encode(told, Some(shown))
    };
    let body = with(&text);
    if body.len() <= MAX_BODY {
        return body;
    }
    // How long a character is in JSON differs: what fits is searched for.
    let cut = |end: &usize| with(&(text.get(..*end).unwrap_or_default().to_owned() + CUT));
    let ends: Vec<usize> = text.char_indices().map(|(end, _)| end).collect();
    let fitting = ends.partition_point(|end| cut(end).len() <= MAX_BODY);
    let end = fitting.checked_sub(1).and_then(|place| ends.get(place));
    end.map_or_else(|| encode(told, None), cut)
}

fn encode(told: Told<'_>, shown: Option<Shown<'_>>) -> Vec<u8> {
    let said = told.said;
    let body = Body {
        kind: "message",
        reason: told.reason.name(),
        server_id: said.server.to_string(),
        channel_id: said.channel.to_string(),
        message_id: said.message.message_id.to_string(),
        shown,
    };
    // Nothing in it can fail to be written; a push without a body has a general sentence.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The text with names in place of ids, and without what is to be seen only by who asks for it: from the first mark of a spoiler
/// to the last. More is hidden than has to be where marks mean nothing, and never less.
fn show_text(said: &SaidMessage, names: &Names) -> String {
    let text = said.message.content.as_str();
    let first = text.find(SPOILER);
    let last = text
        .rfind(SPOILER)
        .filter(|last| first.is_some_and(|first| first + SPOILER.len() <= *last));
    let Some((first, last)) = first.zip(last) else {
        return show_names(said, text, names);
    };
    let (before, after) = (text.get(..first), text.get(last + SPOILER.len()..));
    let part = |part: Option<&str>| show_names(said, part.unwrap_or_default(), names);
    part(before) + HIDDEN + &part(after)
}

/// Of those whom the message does mention: what else looks like it is text.
fn show_names(said: &SaidMessage, text: &str, names: &Names) -> String {
    let mentions = &said.message.mentions;
    let (mut shown, mut at) = (String::with_capacity(text.len()), 0);
    for (place, mention) in find_mentions(text) {
        let name = match mention {
            Mention::User(user) if mentions.contains(&user.cast()) => {
                names.accounts.get(&(said.server, user))
            }
            Mention::Role(role) if mentions.contains(&role.cast()) => names.roles.get(&role),
            Mention::User(_) | Mention::Role(_) | Mention::Everyone => None,
        };
        let Some(name) = name else {
            continue;
        };
        shown.push_str(text.get(at..place.start).unwrap_or_default());
        shown.push('@');
        shown.push_str(name);
        at = place.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use shared::{protocol::message::Message, wire::Wire};

    use super::*;

    fn id<T>(number: u64) -> shared::ids::Id<T> {
        shared::ids::Id::new(number).unwrap()
    }

    fn told(text: &str, names: Option<&Names>) -> (String, usize) {
        let message = Message {
            author_id: id(7),
            content: text.to_owned(),
            mentions: vec![id(8), id(9)],
            ..Message::sample()
        };
        let said = SaidMessage::new(id(1), id(2), message);
        let reason = NotificationReason::Mention;
        let body = body_of(
            Told {
                said: &said,
                reason,
            },
            names,
        );
        let size = body.len();
        (String::from_utf8(body).unwrap(), size)
    }

    fn names() -> Names {
        Names {
            titles: [(id(2), ("general".to_owned(), "Home".to_owned()))].into(),
            accounts: [
                ((id(1), id(7)), "Alice".to_owned()),
                ((id(1), id(8)), "Bob".to_owned()),
            ]
            .into(),
            roles: [(id(9), "crew".to_owned())].into(),
        }
    }

    #[test]
    fn a_push_says_who_said_what_and_where() {
        let (body, _) = told(
            "<@8> and <@&9>: ||the butler|| did it, `<@8>` <@99>",
            Some(&names()),
        );
        assert!(
            body.contains(r#""server":"Home","channel":"general","author":"Alice""#),
            "{body}"
        );
        assert!(
            body.contains(r#""text":"@Bob and @crew: ▒▒▒ did it, `<@8>` <@99>""#),
            "{body}"
        );
        assert!(
            body.contains(r#""reason":"mention","server_id":"1","channel_id":"2""#),
            "{body}"
        );
    }

    #[test]
    fn who_wants_to_be_private_is_told_that_there_is_something() {
        let (body, _) = told("the butler", None);
        assert!(
            !body.contains("butler") && !body.contains("author"),
            "{body}"
        );
        assert!(body.contains(r#""channel_id":"2""#), "{body}");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        for text in [
            "a".repeat(4_000),
            "😀".repeat(2_000),
            "\n\"".repeat(2_000),
            "\u{1}".repeat(2_000),
        ] {
            let (body, size) = told(&text, Some(&names()));
            assert!((MAX_BODY - 16..=MAX_BODY).contains(&size), "{size}");
            assert!(body.ends_with("…\"}"), "{body}");
        }
    }

    #[test]
    fn from_the_first_mark_of_a_spoiler_to_the_last_nothing_is_shown() {
        for (text, shown) in [
            ("a || b", "a || b"),
            ("a |||", "a |||"),
            ("||b||", "▒▒▒"),
            ("a ||b|| c ||d|| e", "a ▒▒▒ e"),
            ("if a || b then ||Bob dies|| so", "if a ▒▒▒ so"),
            ("`x||y` ||secret||", "`x▒▒▒"),
            ("\\|| ||secret||!", "\\▒▒▒!"),
        ] {
            let (body, _) = told(text, Some(&names()));
            let shown = serde_json::to_string(shown).unwrap();
            assert!(
                body.ends_with(&format!("\"text\":{shown}}}")),
                "{text}: {body}"
            );
        }
    }

    #[test]
    fn only_who_is_mentioned_is_named() {
        let (body, _) = told("<@8> <@7> <@&9>", Some(&names()));
        assert!(body.contains("@Bob <@7> @crew"), "{body}");
    }
}
