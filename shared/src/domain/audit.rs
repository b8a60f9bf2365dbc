//! What is recorded of those who moderate and build a server.

#![expect(
    clippy::disallowed_types,
    reason = "states of all kinds are compared, field by field"
)]

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use shared_derive::Choice;

use crate::{
    error::{Reason, Refusal},
    wire::Wire,
};

/// Entries that the audit log keeps of each list of what was changed: who changes a long one is
/// known, and the log does not grow by the list.
const MAX_RECORDED: usize = 50;

/// What was done. Numbers are in the database and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Choice)]
pub enum Action {
    /// The server was changed.
    ServerUpdate = 1,
    /// The server has another owner.
    ServerTransfer = 2,
    /// An invite was made.
    InviteCreate = 3,
    /// An invite was revoked.
    InviteRevoke = 4,
    /// A channel was made.
    ChannelCreate = 10,
    /// A channel was changed.
    ChannelUpdate = 11,
    /// A channel was deleted.
    ChannelDelete = 12,
    /// A channel stands elsewhere.
    ChannelMove = 13,
    /// An override was set.
    OverrideSet = 14,
    /// An override was cleared.
    OverrideClear = 15,
    /// A role was made.
    RoleCreate = 20,
    /// A role was changed.
    RoleUpdate = 21,
    /// A role was deleted.
    RoleDelete = 22,
    /// Roles stand in another order.
    RoleReorder = 23,
    /// A member was removed.
    MemberKick = 30,
    /// An account was banned.
    MemberBan = 31,
    /// An account may come back.
    MemberUnban = 32,
    /// A member was silenced for some time, or may speak again.
    MemberTimeout = 33,
    /// A member was silenced in a channel.
    ChannelMute = 34,
    /// A member may speak in a channel again.
    ChannelUnmute = 35,
    /// The nickname of somebody else was changed.
    NicknameUpdate = 36,
    /// A member holds other roles.
    MemberRoles = 37,
    /// A message of somebody else was deleted.
    MessageDelete = 40,
    /// Several messages were deleted at once.
    MessagesDelete = 41,
    /// A message was pinned.
    MessagePin = 42,
    /// A message was unpinned.
    MessageUnpin = 43,
    /// A reaction of somebody else was taken away.
    ReactionRemove = 44,
    /// A report was resolved.
    ReportResolve = 50,
    /// A rule of moderation was made.
    RuleCreate = 51,
    /// A rule of moderation was changed.
    RuleUpdate = 52,
    /// A rule of moderation was deleted.
    RuleDelete = 53,
    /// A rule of moderation acted.
    RuleApply = 54,
    /// The server was locked down, or opened again.
    LockdownSet = 55,
}

/// What an action is about: it decides how long its entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// The server, its invites, channels and roles.
    Structure,
    /// Members, and what they may do.
    Members,
    /// Messages.
    Messages,
    /// Reports, rules and what they did.
    Rules,
}

impl Action {
    /// Every action there is.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).filter_map(Self::from_number)
    }

    /// What it is about.
    pub const fn category(self) -> Category {
        match self {
            Self::ServerUpdate
            | Self::ServerTransfer
            | Self::InviteCreate
            | Self::InviteRevoke
            | Self::ChannelCreate
            | Self::ChannelUpdate
            | Self::ChannelDelete
            | Self::ChannelMove
            | Self::OverrideSet
            | Self::OverrideClear
            | Self::RoleCreate
            | Self::RoleUpdate
            | Self::RoleDelete
            | Self::RoleReorder => Category::Structure,
            Self::MemberKick
            | Self::MemberBan
            | Self::MemberUnban
            | Self::MemberTimeout
            | Self::ChannelMute
            | Self::ChannelUnmute
            | Self::NicknameUpdate
            | Self::MemberRoles => Category::Members,
            Self::MessageDelete
            | Self::MessagesDelete
            | Self::MessagePin
            | Self::MessageUnpin
            | Self::ReactionRemove => Category::Messages,
            Self::ReportResolve
            | Self::RuleCreate
            | Self::RuleUpdate
            | Self::RuleDelete
            | Self::RuleApply
            | Self::LockdownSet => Category::Rules,
        }
    }
}

/// Two states of one thing as JSON, without what they share: fields that are the same, and what both
/// have of a list. Nothing is shared with what is not there. Of a longer list the first 50 entries
/// stay, and `<field>_more` says how many there are besides.
pub fn list_changes<T: Wire>(
    before: Option<&T>,
    after: Option<&T>,
) -> Result<[Option<String>; 2], Refusal> {
    let (mut was, mut is) = (list_fields(before)?, list_fields(after)?);
    if before.is_some() && after.is_some() {
        drop_shared(&mut was, &mut is);
    }
    let written = |given: bool, mut fields| {
        given.then(|| {
            cut_lists(&mut fields);
            Value::Object(fields).to_string()
        })
    };
    Ok([written(before.is_some(), was), written(after.is_some(), is)])
}

fn list_fields<T: Wire>(state: Option<&T>) -> Result<Map<String, Value>, Refusal> {
    let Some(state) = state else {
        return Ok(Map::new());
    };
    match serde_json::to_value(state) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err(Reason::Internal.into()),
    }
}

fn drop_shared(was: &mut Map<String, Value>, is: &mut Map<String, Value>) {
    was.retain(|name, value| {
        let other = is.get_mut(name);
        if other.as_deref() == Some(value) {
            is.remove(name);
            return false;
        }
        if let (Value::Array(mine), Some(Value::Array(theirs))) = (value, other) {
            let text = |list: &[Value]| list.iter().map(Value::to_string).collect();
            let (ours, others): (BTreeSet<_>, BTreeSet<_>) = (text(mine), text(theirs));
            mine.retain(|entry| !others.contains(&entry.to_string()));
            theirs.retain(|entry| !ours.contains(&entry.to_string()));
        }
        true
    });
}

fn cut_lists(fields: &mut Map<String, Value>) {
    let mut more = Vec::new();
    for (name, value) in fields.iter_mut() {
        if let Value::Array(list) = value
            && let Some(left_out @ 1..) = list.len().checked_sub(MAX_RECORDED)
        {
            list.truncate(MAX_RECORDED);
            more.push((format!("{name}_more"), Value::from(left_out)));
        }
    }
    fields.extend(more);
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::protocol::moderation::RuleSettings;

    fn rule(words: &[String]) -> RuleSettings {
        RuleSettings {
            words: words.to_vec(),
            ..RuleSettings::sample()
        }
    }

    #[test]
    fn only_what_differs_is_recorded() {
        let (was, is) = (
            rule(&["a".into(), "b".into()]),
            rule(&["b".into(), "c".into()]),
        );
        let due = [r#"{"words":["a"]}"#, r#"{"words":["c"]}"#].map(|text| Some(text.to_owned()));
        assert_eq!(list_changes(Some(&was), Some(&is)), Ok(due));
        let [none, made] = list_changes(None, Some(&is)).unwrap();
        assert_eq!(none, None);
        assert_eq!(made, Some(serde_json::to_value(&is).unwrap().to_string()));
    }

    proptest! {
        #[test]
        fn a_record_does_not_grow_by_its_lists(
            was in vec("[a-f]{1,3}", 0..300), is in vec("[a-f]{1,3}", 0..300),
        ) {
            let recorded = list_changes(Some(&rule(&was)), Some(&rule(&is))).unwrap();
            let states = [(&recorded[0], &was, &is), (&recorded[1], &is, &was)];
            for (recorded, mine, others) in states {
                let state: Value = serde_json::from_str(recorded.as_deref().unwrap()).unwrap();
                let only: Vec<_> = mine.iter().filter(|word| !others.contains(word)).collect();
                let kept = state["words"].as_array().map_or(0, Vec::len);
                prop_assert_eq!(kept, only.len().min(MAX_RECORDED));
                let more = state["words_more"].as_u64().unwrap_or(0);
                prop_assert_eq!(kept + usize::try_from(more).unwrap(), only.len());
            }
        }
    }
}
