//! What one person saw of a conversation, as it can be printed and compared.

use std::{collections::BTreeMap, fmt};

use shared::{
    ids::{ChannelId, UserId},
    protocol::message::{Message, MessageCreated, MessageDeleted, MessageEdited},
};

use crate::client::log::Seen;

/// What a person saw of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    channel: ChannelId,
    lines: Vec<Line>,
    /// The messages as they stand after all that was seen.
    messages: BTreeMap<u64, Message>,
    /// The last message that came, deleted since or not.
    last: Option<u64>,
    faults: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// The place in the topic; 0 for what the connection itself tells.
    seq: u64,
    text: String,
}

impl Transcript {
    /// The transcript of a log that began before the first message. `name`
    /// says what to call an account.
    pub fn from_log(log: &[Seen], channel: ChannelId, name: impl Fn(UserId) -> String) -> Self {
        let mut transcript = Self {
            channel,
            lines: Vec::new(),
            messages: BTreeMap::new(),
            last: None,
            faults: Vec::new(),
        };
        for seen in log {
            transcript.see(seen, &name);
        }
        transcript
    }

    fn see(&mut self, seen: &Seen, name: &impl Fn(UserId) -> String) {
        match seen {
            Seen::Opened {
                gateway, resumed, ..
            } => {
                let how = if *resumed { "resumed" } else { "opened" };
                self.note(format!("-- session {how} on {gateway}"));
            }
            Seen::Lost { .. } => self.note("-- connection lost".to_owned()),
            Seen::Asked { delay_ms } => {
                self.note(format!("-- asked to connect elsewhere in {delay_ms} ms"));
            }
            Seen::Gap { .. } => self.note("-- told of a gap".to_owned()),
            Seen::Cursor { .. } | Seen::Sight { .. } | Seen::Registers { .. } => {}
            Seen::Event { seq, .. } => self.event(*seq, seen, name),
        }
    }

    fn note(&mut self, text: String) {
        self.lines.push(Line { seq: 0, text });
    }

    fn event(&mut self, seq: u64, seen: &Seen, name: &impl Fn(UserId) -> String) {
        let text = if let Some(created) = seen.event::<MessageCreated>() {
            self.created(created, name)
        } else if let Some(edited) = seen.event::<MessageEdited>() {
            self.edited(&edited)
        } else if let Some(deleted) = seen.event::<MessageDeleted>() {
            self.deleted(&deleted)
        } else {
            None
        };
        if let Some(text) = text {
            self.lines.push(Line { seq, text });
        }
    }

    fn created(
        &mut self,
        created: MessageCreated,
        name: &impl Fn(UserId) -> String,
    ) -> Option<String> {
        if created.channel_id != self.channel {
            return None;
        }
        let message = created.message;
        let expected = self.last.map_or(message.seq, |seq| seq + 1);
        self.last = Some(message.seq);
        if message.seq != expected {
            let fault = format!("message {} came where {expected} was due", message.seq);
            self.faults.push(fault);
        }
        let author = name(message.author_id);
        let text = format!("#{:<3} {author}: {}", message.seq, message.content);
        self.messages.insert(message.seq, message);
        Some(text)
    }

    fn edited(&mut self, edited: &MessageEdited) -> Option<String> {
        if edited.channel_id != self.channel {
            return None;
        }
        let known = self
            .messages
            .values_mut()
            .find(|message| message.message_id == edited.message_id);
        let Some(message) = known else {
            self.faults
                .push(format!("an edit of {}, never seen", edited.message_id));
            return None;
        };
        message.content.clone_from(&edited.content);
        message.edited_at = Some(edited.edited_at);
        Some(format!("#{:<3} now says: {}", message.seq, edited.content))
    }

    fn deleted(&mut self, deleted: &MessageDeleted) -> Option<String> {
        if deleted.channel_id != self.channel {
            return None;
        }
        let seq = self
            .messages
            .values()
            .find(|message| message.message_id == deleted.message_id)?
            .seq;
        self.messages.remove(&seq);
        Some(format!("#{seq:<3} was deleted"))
    }

    /// The messages as this person knows them.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    /// What differs from the history; nothing when nothing is missing, double,
    /// changed or out of order.
    pub fn compare(&self, history: &[Message]) -> Vec<String> {
        let mut faults = self.faults.clone();
        for message in history {
            match self.messages.get(&message.seq) {
                None => faults.push(format!("#{} is missing", message.seq)),
                Some(seen) if seen != message => {
                    faults.push(format!("#{} differs: {seen:?}", message.seq));
                }
                Some(_) => {}
            }
        }
        let stored: Vec<u64> = history.iter().map(|message| message.seq).collect();
        if !stored.is_sorted_by(|one, next| one < next) {
            faults.push("the history itself is out of order".to_owned());
        }
        for seq in self.messages.keys() {
            if !stored.contains(seq) {
                faults.push(format!("#{seq} is not in the history"));
            }
        }
        faults
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            if line.seq == 0 {
                writeln!(f, "           {}", line.text)?;
            } else {
                writeln!(f, "  [{:>5}]  {}", line.seq, line.text)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        ids::{Id, MessageId},
        protocol::{Event, encode},
    };

    use super::*;

    fn id<T>(value: u64) -> Id<T> {
        Id::new(value).unwrap()
    }

    fn message(seq: u64, content: &str) -> Message {
        Message {
            message_id: MessageId::new(seq + 100).unwrap(),
            seq,
            author_id: id(1),
            content: content.to_owned(),
            reply_to: None,
            edited_at: None,
        }
    }

    fn event<E: Event>(seq: u64, event: &E) -> Seen {
        Seen::Event {
            topic: 9,
            seq,
            opcode: E::OPCODE,
            body: encode(event).into(),
        }
    }

    fn created(seq: u64, content: &str) -> Seen {
        let body = MessageCreated {
            channel_id: id(5),
            message: message(seq, content),
        };
        event(seq + 10, &body)
    }

    fn transcript(log: &[Seen]) -> Transcript {
        Transcript::from_log(log, id(5), |_| "alice".to_owned())
    }

    #[test]
    fn a_whole_conversation_agrees_with_its_history() {
        let edit = MessageEdited {
            channel_id: id(5),
            message_id: id(101),
            content: "hello".to_owned(),
            edited_at: 7,
        };
        let delete = MessageDeleted {
            channel_id: id(5),
            message_id: id(102),
        };
        let log = [
            created(1, "hi"),
            created(2, "oops"),
            event(13, &edit),
            event(14, &delete),
            created(3, "that will do"),
        ];
        let mut first = message(1, "hello");
        first.edited_at = Some(7);
        let transcript = transcript(&log);
        assert_eq!(
            transcript.compare(&[first, message(3, "that will do")]),
            [] as [&str; 0]
        );
        assert!(
            transcript
                .to_string()
                .contains("[   13]  #1   now says: hello")
        );
    }

    #[test]
    fn what_is_missing_double_or_changed_is_named() {
        let history = [message(1, "a"), message(2, "b"), message(3, "c")];
        let hole = transcript(&[created(1, "a"), created(3, "c")]).compare(&history);
        assert_eq!(hole.len(), 2, "{hole:?}");
        let double = transcript(&[created(1, "a"), created(1, "a")]).compare(&history[..1]);
        assert_eq!(double.len(), 1, "{double:?}");
        let changed = transcript(&[created(1, "x")]).compare(&history[..1]);
        assert!(changed[0].contains("differs"), "{changed:?}");
        let extra = transcript(&[created(1, "a"), created(2, "b")]).compare(&history[..1]);
        assert!(extra[0].contains("not in the history"), "{extra:?}");
    }
}
