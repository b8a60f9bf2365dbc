//! What events do besides being passed on. The one place that knows the effects: the live
//! fan-out and replays both do what it says, each in its own way.

use shared::{
    bus::envelope::{AccountStatus, Effect},
    close::CloseCode,
    domain::rights::Change,
    ids::{ServerId, SessionId},
};

use super::topic::TopicKind;

/// What follows from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence<'a> {
    /// Nothing but that it is passed on.
    Nothing,
    /// Other channels of the server are seen from this event on.
    Rights {
        /// The change of rights before this one.
        follows: u64,
        /// What changes.
        changes: &'a [Change],
    },
    /// Nobody knows who sees what of the server any more.
    RightsUnknown,
    /// The account's sessions get the topic of this server.
    Join(ServerId),
    /// The account looks otherwise to others.
    Status(AccountStatus),
    /// This session of the account ends.
    End {
        /// Which.
        session: SessionId,
        /// What its connections are told.
        code: CloseCode,
    },
}

/// What follows from an event with this effect in a topic of this kind.
pub fn interpret_effect(kind: TopicKind, effect: Option<&Effect>) -> Consequence<'_> {
    match (kind, effect) {
        (TopicKind::Server, Some(Effect::Rights { follows, changes })) => Consequence::Rights {
            follows: *follows,
            changes,
        },
        (TopicKind::Server, Some(Effect::Unknown)) => Consequence::RightsUnknown,
        (TopicKind::Account, Some(Effect::Joined { server, since: _ })) => {
            Consequence::Join(*server)
        }
        (TopicKind::Account, Some(Effect::Revoked { session })) => Consequence::End {
            session: *session,
            code: CloseCode::Revoked,
        },
        (TopicKind::Account, Some(Effect::Status(status))) => Consequence::Status(*status),
        // What is none of this kind of topic, or is not known here, changes nothing.
        (_, None)
        | (
            TopicKind::Server,
            Some(Effect::Joined { .. } | Effect::Revoked { .. } | Effect::Status(_)),
        )
        | (TopicKind::Account, Some(Effect::Rights { .. } | Effect::Unknown)) => {
            Consequence::Nothing
        }
    }
}
