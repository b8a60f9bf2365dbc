//! What is shown: one line for each message and each thing that happened, in the order in
//! which it came. The terminal keeps and scrolls them.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, tz::TimeZone};
use rustyline::ExternalPrinter;
use shared::{
    ids::{ChannelId, UserId},
    protocol::{
        message::{Message, MessageCreated, MessageDeleted, MessageEdited},
        server::{MemberJoined, MemberLeft},
        typing::TypingStarted,
    },
};

use loadtest::client::log::Seen;

/// Names by account.
pub(crate) type Names = BTreeMap<UserId, String>;
/// Messages by their number in the channel.
pub(crate) type Shown = BTreeMap<u64, Message>;

/// Where lines are printed.
pub(crate) struct Screen {
    /// Prints above the line that is typed; without one, to standard output.
    printer: Option<Box<dyn ExternalPrinter + Send>>,
    zone: TimeZone,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    /// Of a terminal whose last line is being typed.
    pub(crate) fn above(printer: impl ExternalPrinter + Send + 'static) -> Self {
        Self {
            printer: Some(Box::new(printer)),
            zone: TimeZone::system(),
        }
    }

    /// Of a pipe.
    pub(crate) fn plain() -> Self {
        Self {
            printer: None,
            zone: TimeZone::system(),
        }
    }

    /// Whether what is typed stays on the screen.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.printer.is_some()
    }

    /// Prints a text of our own.
    #[expect(clippy::print_stdout, reason = "what it prints is the product")]
    pub(crate) fn print_line(&mut self, text: &str) {
        let printed = match &mut self.printer {
            Some(printer) => printer.print(format!("{text}\n")).is_ok(),
            None => false,
        };
        if !printed {
            println!("{text}");
        }
    }

    /// Prints a message, with the number that `/edit` and `/delete` take.
    pub(crate) fn print_message(&mut self, message: &Message, names: &Names) {
        let edited = if message.edited_at.is_some() {
            " (edited)"
        } else {
            ""
        };
        let author = find_name(message.author_id, names);
        let content = strip_controls(&message.content);
        let head = self.head(message);
        self.print_line(&format!("{head} <{author}> {content}{edited}"));
    }

    /// Prints the number of a message whose text stands above, as it was typed.
    pub(crate) fn print_sent(&mut self, message: &Message) {
        let head = self.head(message);
        self.print_line(&format!("{head} sent"));
    }

    /// A message's number, and its time where its reader is.
    fn head(&self, message: &Message) -> String {
        let ms = i64::try_from(message.message_id.created_ms()).unwrap_or(i64::MAX);
        let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        let time = time.to_zoned(self.zone.clone());
        format!("{:>4} {:02}:{:02}", message.seq, time.hour(), time.minute())
    }

    /// Prints what became of the connection.
    pub(crate) fn print_state(&mut self, seen: &Seen) {
        match seen {
            Seen::Lost { .. } => self.print_line("*** reconnecting"),
            Seen::Opened {
                gateway,
                resumed: true,
                ..
            } => self.print_line(&format!("*** resumed on {gateway}")),
            Seen::Asked { .. } => self.print_line("*** this gateway is about to stop"),
            Seen::Gap { .. } => self.print_line("*** something was missed: /history shows it"),
            Seen::Opened { .. }
            | Seen::Cursor { .. }
            | Seen::Sight { .. }
            | Seen::Registers { .. }
            | Seen::Event { .. } => {}
        }
    }

    /// Prints a new message of the open channel, once.
    pub(crate) fn show_created(
        &mut self,
        created: MessageCreated,
        typed_here: bool,
        names: &Names,
        shown: &mut Shown,
    ) {
        let message = created.message;
        if shown.contains_key(&message.seq) {
            return;
        }
        if typed_here && self.is_terminal() {
            self.print_sent(&message);
        } else {
            self.print_message(&message, names);
        }
        shown.insert(message.seq, message);
    }

    /// Prints what else happened in the open channel, and who came and went.
    pub(crate) fn show_event(
        &mut self,
        seen: &Seen,
        channel: Option<ChannelId>,
        names: &mut Names,
        shown: &mut Shown,
    ) {
        if let Some(edited) = seen.event::<MessageEdited>() {
            let mut messages = shown.values_mut();
            if let Some(message) = messages.find(|shown| shown.message_id == edited.message_id) {
                message.content = edited.content;
                message.edited_at = Some(edited.edited_at);
                self.print_message(message, names);
            }
        } else if let Some(deleted) = seen.event::<MessageDeleted>() {
            let mut messages = shown.values();
            let found = messages.find(|shown| shown.message_id == deleted.message_id);
            if let Some(seq) = found.map(|message| message.seq) {
                shown.remove(&seq);
                self.print_line(&format!("{seq:>4} was deleted"));
            }
        } else if let Some(joined) = seen.event::<MemberJoined>() {
            let user = joined.member.user;
            self.print_line(&format!("*** {} joined", user.name));
            names.insert(user.user_id, user.name);
        } else if let Some(left) = seen.event::<MemberLeft>() {
            let name = find_name(left.user_id, names);
            self.print_line(&format!("*** {name} left"));
        } else if let Some(typing) = seen.event::<TypingStarted>()
            && Some(typing.channel_id) == channel
        {
            let name = find_name(typing.user_id, names);
            self.print_line(&format!("     {name} is typing"));
        }
    }
}

fn find_name(user: UserId, names: &Names) -> &str {
    names.get(&user).map_or("somebody", String::as_str)
}

/// Text of others without what a terminal would obey.
fn strip_controls(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_others_are_not_obeyed() {
        assert_eq!(strip_controls("\u{1b}[2Jhi\nthere"), " [2Jhi there");
    }
}
