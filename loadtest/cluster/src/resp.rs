//! Where one answer of Redis ends and the next begins, in RESP 2 and 3.

use redis_protocol::{resp2, resp3};

/// Splits a stream of bytes into whole answers.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// Not RESP after all: everything passes as it comes.
    transparent: bool,
}

impl Splitter {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole answer, if it is here.
    #[expect(
        clippy::should_implement_trait,
        reason = "none means not yet, and more may follow"
    )]
    pub fn next(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_empty() {
            return None;
        }
        if self.transparent {
            return Some(std::mem::take(&mut self.buffer));
        }
        match length_of_first(&self.buffer) {
            Ok(Some(end)) => {
                let rest = self.buffer.split_off(end);
                Some(std::mem::replace(&mut self.buffer, rest))
            }
            Ok(None) => None,
            Err(NotResp) => {
                self.transparent = true;
                self.next()
            }
        }
    }
}

struct NotResp;

/// How long the first answer is; `None` while it is not all here. The one form that RESP 3
/// does not have is the empty answer of RESP 2.
fn length_of_first(bytes: &[u8]) -> Result<Option<usize>, NotResp> {
    if let Ok(found) = resp3::decode::complete::decode_range(bytes) {
        return Ok(found.map(|(_, length)| length));
    }
    let found = resp2::decode::decode_range(bytes).map_err(|_error| NotResp)?;
    Ok(found.map(|(_, length)| length))
}

/// Whether an answer is a published event: a `message` or `smessage` on a
/// channel of events. Beats, probes and answers are left alone.
pub fn is_event(element: &[u8]) -> bool {
    if !matches!(element.first(), Some(b'*' | b'>')) {
        return false;
    }
    let head = element.get(..64).unwrap_or(element);
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let (kind, channel) = (lines.nth(2), lines.nth(1));
    matches!(kind, Some("message" | "smessage"))
        && channel.is_some_and(|channel| channel.starts_with("events:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] = b">3\r\n$7\r\nmessage\r\n$10\r\nevents:{1}\r\n$4\r\na\r\nb\r\n";
    const BEAT: &[u8] = b"*3\r\n$7\r\nmessage\r\n$5\r\nbeats\r\n$1\r\nx\r\n";

    #[test]
    fn splits_at_any_boundary() {
        let answers: &[&[u8]] = &[
            b"+OK\r\n",
            EVENT,
            b"$-1\r\n",
            b"*-1\r\n",
            b"%1\r\n+a\r\n*2\r\n:1\r\n#t\r\n",
            BEAT,
        ];
        let stream = answers.concat();
        for size in 1..stream.len() {
            let mut splitter = Splitter::default();
            let mut got = Vec::new();
            for piece in stream.chunks(size) {
                splitter.feed(piece);
                while let Some(answer) = splitter.next() {
                    got.push(answer);
                }
            }
            assert_eq!(got, answers, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_resp_passes() {
        let mut splitter = Splitter::default();
        splitter.feed(b"hello\r\n");
        assert_eq!(splitter.next().as_deref(), Some(&b"hello\r\n"[..]));
        splitter.feed(b"+OK");
        assert_eq!(splitter.next().as_deref(), Some(&b"+OK"[..]));
        assert_eq!(splitter.next(), None);
    }

    #[test]
    fn only_events_are_events() {
        assert!(is_event(EVENT));
        assert!(!is_event(BEAT));
        assert!(!is_event(b"+OK\r\n"));
        assert!(!is_event(b""));
    }
}
