//! Refusals: every reason a client can be given, numbered for ever.

use serde::{Deserialize, Serialize};

macro_rules! refusals {
    ($( $(#[doc = $doc:literal])+ $code:literal $name:ident $text:literal; )+) => {
        /// Why a request was refused. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $( $(#[doc = $doc])+ $name, )+ }

        impl Reason {
            /// Every reason with its meaning, in order of their numbers.
            pub const ALL: &[(Self, &'static str)] = &[ $( (Self::$name, concat!($($doc),+)) ),+ ];

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                match self { $( Self::$name => $code, )+ }
            }
            /// The reason with this number.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $( $code => Some(Self::$name), )+ _ => None }
            }
            /// The name in JSON, logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }
        }
    };
}

refusals! {
    /// The frame or the body does not have the form that the protocol says.
    1 Malformed "malformed";
    /// There is no command with this opcode or name.
    2 UnknownCommand "unknown_command";
    /// The frame or a field is larger than the limit; the detail names the field.
    3 TooLarge "too_large";
    /// A field has the right type but not a permitted value; the detail names the field.
    4 Invalid "invalid";
    /// The command needs a signed-in session.
    10 Unauthenticated "unauthenticated";
    /// The name or the password is wrong.
    11 WrongCredentials "wrong_credentials";
    /// The session may not do this here.
    12 Forbidden "forbidden";
    /// Somebody has this name already.
    13 NameTaken "name_taken";
    /// Signing up here needs an invite.
    14 InviteRequired "invite_required";
    /// The invite does not exist, has expired, was revoked or is used up.
    15 UnknownInvite "unknown_invite";
    /// There is no such server, or the session is not its member.
    20 UnknownServer "unknown_server";
    /// There is no such channel in the server that the member can see.
    21 UnknownChannel "unknown_channel";
    /// There is no such message in the channel.
    22 UnknownMessage "unknown_message";
    /// There is no such session.
    23 UnknownSession "unknown_session";
    /// There is no such role or member to set an override for.
    24 UnknownTarget "unknown_target";
    /// The owner has to hand a server over, or delete it, before leaving.
    30 OwnerCannotLeave "owner_cannot_leave";
    /// The account is a member already.
    31 AlreadyMember "already_member";
    /// The server, channel or account holds as many of these as it may.
    32 LimitReached "limit_reached";
    /// The value is no longer the one that the request names: somebody changed it since.
    33 Moved "moved";
    /// The nonce was used for another body; signing in: on another device, or too long ago.
    40 NonceReused "nonce_reused";
    /// Too many requests; `retry_after` says when to try again.
    41 RateLimited "rate_limited";
    /// The cluster has more to do than it can now, and did not look whether an earlier attempt took effect; `retry_after` says when to repeat it, with the same nonce.
    50 Busy "busy";
    /// Nobody can say whether the command took effect: repeat it with the same nonce.
    51 Unknown "unknown";
    /// A part of the cluster is out of reach; nothing took effect, and `retry_after` says when to try again.
    52 Unavailable "unavailable";
    /// The entry was older than the deadline and was not executed: repeat it with the same nonce.
    53 Expired "expired";
    /// Something broke on our side, and the log has the cause; nothing took effect.
    54 Internal "internal";
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
