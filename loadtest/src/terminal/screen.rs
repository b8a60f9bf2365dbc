//! What is shown of what a session sees.

use std::collections::BTreeMap;

use shared::{
    ids::{ChannelId, UserId},
    protocol::{
        message::{Message, MessageCreated, MessageDeleted, MessageEdited},
        server::{MemberJoined, MemberLeft},
        typing::TypingStarted,
    },
};

use crate::client::log::Seen;

/// Where lines go.
pub(super) struct Screen<P>(P);

impl<P: FnMut(&str)> Screen<P> {
    pub(super) const fn new(print: P) -> Self {
        Self(print)
    }

    /// Prints a text of our own.
    pub(super) fn line(&mut self, text: &str) {
        (self.0)(text);
    }

    /// Prints a message, with the number that `/edit` and `/delete` take.
    pub(super) fn message(&mut self, message: &Message, names: &BTreeMap<UserId, String>) {
        let edited = if message.edited_at.is_some() {
            " (edited)"
        } else {
            ""
        };
        let author = name(message.author_id, names);
        let content = plain(&message.content);
        self.line(&format!("{:>4} <{author}> {content}{edited}", message.seq));
    }

    /// Prints what happened, if it concerns the open channel.
    pub(super) fn show(
        &mut self,
        seen: &Seen,
        channel: Option<ChannelId>,
        names: &mut BTreeMap<UserId, String>,
        shown: &mut BTreeMap<u64, Message>,
    ) {
        match seen {
            Seen::Lost { .. } => self.line("*** reconnecting"),
            Seen::Opened {
                gateway,
                resumed: true,
                ..
            } => self.line(&format!("*** resumed on {gateway}")),
            Seen::Asked { .. } => self.line("*** this gateway is about to stop"),
            Seen::Gap { .. } => self.line("*** something was missed: /history shows it"),
            Seen::Opened { .. }
            | Seen::Cursor { .. }
            | Seen::Sight { .. }
            | Seen::Registers { .. } => {}
            Seen::Event { .. } => self.event(seen, channel, names, shown),
        }
    }

    fn event(
        &mut self,
        seen: &Seen,
        channel: Option<ChannelId>,
        names: &mut BTreeMap<UserId, String>,
        shown: &mut BTreeMap<u64, Message>,
    ) {
        if let Some(created) = seen.event::<MessageCreated>() {
            let message = created.message;
            let news = !shown.contains_key(&message.seq);
            if Some(created.channel_id) == channel && news {
                self.message(&message, names);
                shown.insert(message.seq, message);
            }
        } else if let Some(edited) = seen.event::<MessageEdited>() {
            if let Some(message) = find(shown, |message| message.message_id == edited.message_id) {
                message.content = edited.content;
                message.edited_at = Some(edited.edited_at);
                self.message(message, names);
            }
        } else if let Some(deleted) = seen.event::<MessageDeleted>() {
            let seq =
                find(shown, |message| message.message_id == deleted.message_id).map(|m| m.seq);
            if let Some(seq) = seq {
                shown.remove(&seq);
                self.line(&format!("{seq:>4} was deleted"));
            }
        } else if let Some(joined) = seen.event::<MemberJoined>() {
            let user = joined.member.user;
            self.line(&format!("*** {} joined", user.name));
            names.insert(user.user_id, user.name);
        } else if let Some(left) = seen.event::<MemberLeft>() {
            let name = name(left.user_id, names).to_owned();
            self.line(&format!("*** {name} left"));
        } else if let Some(typing) = seen.event::<TypingStarted>()
            && Some(typing.channel_id) == channel
        {
            let name = name(typing.user_id, names).to_owned();
            self.line(&format!("     {name} is typing"));
        }
    }
}

fn find(
    shown: &mut BTreeMap<u64, Message>,
    wanted: impl Fn(&Message) -> bool,
) -> Option<&mut Message> {
    shown.values_mut().find(|message| wanted(message))
}

fn name(user: UserId, names: &BTreeMap<UserId, String>) -> &str {
    names.get(&user).map_or("somebody", String::as_str)
}

/// Text of others without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_others_are_not_obeyed() {
        assert_eq!(plain("\u{1b}[2Jhi\nthere"), " [2Jhi there");
    }
}
