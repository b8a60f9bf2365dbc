//! Refusals: every reason a client can be given, numbered for ever.

use serde::{Deserialize, Serialize};
use shared_derive::ClosedSet;

/// Why a request was refused. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ClosedSet)]
pub enum Reason {
    /// The frame or the body does not have the form that the protocol says.
    Malformed = 1,
    /// There is no command with this opcode or name.
    UnknownCommand = 2,
    /// The frame or a field is larger than the limit; the detail names the field.
    TooLarge = 3,
    /// A field has the right type but not a permitted value; the detail names the field.
    Invalid = 4,
    /// The command needs a signed-in session.
    Unauthenticated = 10,
    /// The name or the password is wrong.
    WrongCredentials = 11,
    /// The session may not do this here.
    Forbidden = 12,
    /// Somebody has this name already.
    NameTaken = 13,
    /// Signing up here needs an invite; the detail `administrator` says that the one named opens a
    /// server for those who have an account, as no administrator of the deployment made it for his own.
    InviteRequired = 14,
    /// The invite does not exist, has expired, was revoked or is used up.
    UnknownInvite = 15,
    /// The account is banned from the server.
    Banned = 16,
    /// A rule of the server refuses this text; the detail is the name of the rule.
    Blocked = 17,
    /// The server is locked down: nobody joins it now, or only some may send.
    LockedDown = 18,
    /// There is no such server, or the session is not its member.
    UnknownServer = 20,
    /// There is no such channel in the server that the member can see.
    UnknownChannel = 21,
    /// There is no such message in the channel.
    UnknownMessage = 22,
    /// There is no such session.
    UnknownSession = 23,
    /// There is no such member or account that the request would act on, or no such role that an
    /// override would be for.
    UnknownTarget = 24,
    /// There is no such account, or it shares no server with the session's.
    UnknownUser = 25,
    /// There is no such role in the server.
    UnknownRole = 26,
    /// There is no such report or rule in the server, or part of an export.
    UnknownItem = 27,
    /// The owner has to hand a server over, or delete it, before leaving.
    OwnerCannotLeave = 30,
    /// The account is a member already.
    AlreadyMember = 31,
    /// The server, channel or account holds as many of these as it may.
    LimitReached = 32,
    /// The value is no longer the one that the request names: somebody changed it since.
    Moved = 33,
    /// The channel is of a kind that this is not for: only text and announcements have messages.
    WrongKind = 34,
    /// Who runs this deployment has switched this off.
    SwitchedOff = 35,
    /// The nonce was used for another body; signing in: on another device, or too long ago.
    NonceReused = 40,
    /// Too many requests; `retry_after` says when to try again.
    RateLimited = 41,
    /// The cluster has more to do than it can now, and did not look whether an earlier attempt took effect; `retry_after` says when to repeat it, with the same nonce.
    Busy = 50,
    /// Nobody can say whether the command took effect: repeat it with the same nonce.
    Unknown = 51,
    /// A part of the cluster is out of reach; nothing took effect, and `retry_after` says when to try again.
    Unavailable = 52,
    /// The entry was older than the deadline and was not executed: repeat it with the same nonce.
    Expired = 53,
    /// Something broke on our side, and the log has the cause; nothing took effect.
    Internal = 54,
}

impl Reason {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason with this number.
    pub fn from_code(code: u16) -> Option<Self> {
        let mut all = Self::ALL.iter().map(|(reason, _)| *reason);
        all.find(|reason| reason.code() == code)
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = u16::deserialize(deserializer)?;
        Self::from_code(code).ok_or_else(|| serde::de::Error::custom("not a reason"))
    }
}

/// A reply that says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}{}", reason.name(), detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
pub struct Refusal {
    /// Why, from the closed list.
    pub reason: Reason,
    /// A field's name, or what else helps the caller to mend the request.
    pub detail: Option<String>,
    /// After how many milliseconds the request may succeed.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal that names the field at fault.
    pub fn field(reason: Reason, field: &str) -> Self {
        Self {
            reason,
            detail: Some(field.to_owned()),
            retry_after: None,
        }
    }

    /// A refusal that says when to try again, in milliseconds.
    pub const fn retry(reason: Reason, retry_after: u64) -> Self {
        Self {
            reason,
            detail: None,
            retry_after: Some(retry_after),
        }
    }
}

/// When to try again where nobody knows better, in milliseconds: after a restart or a
/// takeover most of it is over.
const RETRY_MS: u64 = 1_000;

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        let later = matches!(reason, Reason::Busy | Reason::Unavailable);
        Self {
            reason,
            detail: None,
            retry_after: later.then_some(RETRY_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_to_come_again_is_told_when() {
        for (reason, meaning) in Reason::ALL {
            let says_when = meaning.contains("`retry_after` says when");
            let refusal = Refusal::from(*reason);
            // How long a bucket needs, only the limiter knows: it is never without.
            let limited = *reason == Reason::RateLimited;
            assert_eq!(
                refusal.retry_after.is_some() || limited,
                says_when,
                "{meaning}"
            );
        }
    }
}
