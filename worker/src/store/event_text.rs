//! Which events hold text, whose it is, and what is left of such an event when the text has to
//! go: the event stays, so that the seqs of its topic stay dense.

use std::mem::take;

use shared::{
    ids::UserId,
    protocol::{
        self, Event,
        account::{AccountUpdated, SessionOpened},
        channel::{ChannelCreated, ChannelUpdated},
        member::NicknameChanged,
        message::{MessageCreated, MessageEdited, ReactionAdded, ReactionRemoved},
        role::{RoleCreated, RoleUpdated},
        server::{MemberJoined, ServerJoined, ServerUpdated},
        user::{Profile, User, UserUpdated},
    },
};

/// The body without its text; none when it has none (any more), or cannot be read.
type Redact = fn(&[u8]) -> Option<Vec<u8>>;

/// Whose the text of an event is, and so when it has to go.
#[derive(Debug, Clone, Copy)]
enum Text {
    /// Nobody's: what a server, a channel or a role is called, or an emoji. It stays as long as
    /// the log.
    Kept,
    /// What somebody wrote. It goes when the message is deleted.
    Written(Redact),
    /// What an account is called, told to others. It goes when the account is deleted, a nickname
    /// also when it is changed.
    Named(fn(&[u8]) -> Option<UserId>, Redact),
    /// What an account is told of itself, on its own topic. It goes when the account is deleted.
    Own(Redact),
}

/// Every event that holds text, those of messages first: each event that is stored is looked up.
const TEXTS: &[(u16, Text)] = &[
    (
        MessageCreated::OPCODE,
        Text::Written(|body| {
            rewrite(body, |told: &mut MessageCreated| {
                told.message.mentions.clear();
                !take(&mut told.message.content).is_empty()
            })
        }),
    ),
    (
        MessageEdited::OPCODE,
        Text::Written(|body| {
            rewrite(body, |told: &mut MessageEdited| {
                told.mentions.clear();
                !take(&mut told.content).is_empty()
            })
        }),
    ),
    (
        MemberJoined::OPCODE,
        Text::Named(
            |body| Some(read::<MemberJoined>(body)?.member.user.user_id),
            |body| rewrite(body, |told: &mut MemberJoined| bury(&mut told.member.user)),
        ),
    ),
    (
        UserUpdated::OPCODE,
        Text::Named(
            |body| Some(read::<UserUpdated>(body)?.user.user_id),
            |body| rewrite(body, |told: &mut UserUpdated| bury(&mut told.user)),
        ),
    ),
    (
        SessionOpened::OPCODE,
        Text::Own(|body| {
            rewrite(body, |told: &mut SessionOpened| {
                !take(&mut told.session.device).is_empty()
            })
        }),
    ),
    (
        AccountUpdated::OPCODE,
        Text::Own(|body| {
            rewrite(body, |told: &mut AccountUpdated| {
                let Profile { user, bio, locale } = &mut told.profile;
                let said = !take(bio).is_empty() | !take(locale).is_empty();
                bury(user) | said
            })
        }),
    ),
    (
        NicknameChanged::OPCODE,
        Text::Named(
            |body| Some(read::<NicknameChanged>(body)?.user_id),
            |body| {
                rewrite(body, |told: &mut NicknameChanged| {
                    told.nickname.take().is_some()
                })
            },
        ),
    ),
    (ServerJoined::OPCODE, Text::Kept),
    (ServerUpdated::OPCODE, Text::Kept),
    (ChannelCreated::OPCODE, Text::Kept),
    (ChannelUpdated::OPCODE, Text::Kept),
    (RoleCreated::OPCODE, Text::Kept),
    (RoleUpdated::OPCODE, Text::Kept),
    (ReactionAdded::OPCODE, Text::Kept),
    (ReactionRemoved::OPCODE, Text::Kept),
];

/// The account whose name others are told by an event.
pub(crate) fn find_named(opcode: u16, body: &[u8]) -> Option<UserId> {
    match text_of(opcode)? {
        Text::Named(named, _) => named(body),
        Text::Kept | Text::Written(_) | Text::Own(_) => None,
    }
}

/// The body without its text; none when it has no text (any more), or none that ever goes.
pub(super) fn without_text(opcode: i32, body: &[u8]) -> Option<Vec<u8>> {
    match text_of(u16::try_from(opcode).ok()?)? {
        Text::Kept => None,
        Text::Written(redact) | Text::Named(_, redact) | Text::Own(redact) => redact(body),
    }
}

fn text_of(opcode: u16) -> Option<Text> {
    let found = TEXTS.iter().find(|(of, _)| *of == opcode);
    found.map(|(_, text)| *text)
}

fn read<E: Event>(body: &[u8]) -> Option<E> {
    protocol::decode_told(body).ok()
}

/// The body after a change; none when that changed nothing.
fn rewrite<E: Event>(body: &[u8], change: impl FnOnce(&mut E) -> bool) -> Option<Vec<u8>> {
    let mut told: E = read(body)?;
    change(&mut told).then(|| protocol::encode(&told))
}

/// Leaves of somebody what is left of a deleted account; whether that is less.
fn bury(user: &mut User) -> bool {
    let tombstone = User::tombstone(user.user_id);
    let more = *user != tombstone;
    *user = tombstone;
    more
}

#[cfg(test)]
mod tests {
    use shared::{protocol::events, wire::Shape};

    use super::*;

    fn holds_text(shape: &Shape) -> bool {
        match shape {
            Shape::Text => true,
            Shape::Optional(inner) | Shape::List(inner) => holds_text(inner),
            Shape::Struct(shape) => shape
                .fields
                .iter()
                .any(|field| holds_text(&(field.shape)())),
            Shape::Unit
            | Shape::Bool
            | Shape::Int(_)
            | Shape::Flags(_)
            | Shape::Id(_)
            | Shape::Enum(_) => false,
        }
    }

    #[test]
    fn of_every_event_with_text_it_is_said_whose_it_is() {
        for row in events() {
            assert_eq!(
                holds_text(&(row.body.shape)()),
                text_of(row.opcode).is_some(),
                "whose is the text of {}, and when does it have to go?",
                row.name
            );
        }
    }

    #[test]
    fn what_has_to_go_goes_once() {
        for row in events() {
            let sample = (row.body.sample)();
            let redacted = without_text(row.opcode.into(), &sample);
            let stays = matches!(text_of(row.opcode), None | Some(Text::Kept));
            assert_eq!(redacted.is_none(), stays, "{}", row.name);
            if let Some(body) = redacted {
                let told = (row.body.to_json)(&body);
                assert!(told.is_ok(), "{}", row.name);
                assert_eq!(without_text(row.opcode.into(), &body), None, "{}", row.name);
            }
        }
    }

    #[test]
    fn nothing_is_left_of_somebody() {
        let user = User {
            name: "alice".to_owned(),
            avatar: "https://a.example/alice".to_owned(),
            ..User::tombstone(UserId::new(7).unwrap())
        };
        let body = protocol::encode(&UserUpdated { user });
        assert_eq!(find_named(UserUpdated::OPCODE, &body), UserId::new(7));
        let body = without_text(UserUpdated::OPCODE.into(), &body).unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("alice"));
    }
}
