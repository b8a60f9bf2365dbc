//! Registers in a lane: writes that come in quick succession become one.
//!
//! The first write of a register goes at once and opens a window of a second.
//! What comes within it waits for its end, and then all of it is executed in
//! one batch, the largest first: so it is one change, and each sender is
//! answered after its COMMIT. Here and not in a gateway, because here the writes
//! of all devices meet, whatever gateway they are on, and because a gateway does
//! not read bodies.
//!
//! What waits is in no transaction while the offset of its stream goes on. If
//! the lane ends, it is lost like a command that Redis lost: its sender was told
//! nothing, and repeats it.

use std::{cmp::Reverse, collections::VecDeque, time::Duration};

use foldhash::{HashMap, HashMapExt};
use shared::{
    ids::Partition,
    protocol::{self, Command, RowKind, register::Write},
};
use tokio::time::Instant;

use super::{Lane, inbox::PendingEntry, steps::Step};
use crate::{error::Error, state::account::RegisterKey};

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(1);
/// Writes that wait in a lane, at most; beyond them each goes at once. More than a lane is sent in
/// a second: a flood of them is to cost as few changes as a trickle.
const MAX_WAITING: usize = 16_384;
/// Windows of a lane, at most; a register beyond them has none.
const MAX_WINDOWS: usize = 65_536;

/// The windows of a lane.
#[derive(Debug)]
pub(super) struct RegisterWindows {
    /// What came in each, besides the write that opened it.
    open: HashMap<RegisterKey, Vec<Waiting>>,
    /// When each ends, the next one first.
    ends: VecDeque<(Instant, RegisterKey)>,
    waiting: usize,
}

/// A write that waits.
#[derive(Debug)]
struct Waiting {
    value: u64,
    item: PendingEntry,
}

impl RegisterWindows {
    pub(super) fn new() -> Self {
        Self {
            open: HashMap::new(),
            ends: VecDeque::new(),
            waiting: 0,
        }
    }

    /// What is to be executed now, of what came and of what waited.
    pub(super) fn admit(&mut self, pending: Vec<PendingEntry>, now: Instant) -> Vec<PendingEntry> {
        if self.ends.is_empty() && !pending.iter().any(is_register) {
            return pending;
        }
        let mut due = self.close_due(now);
        due.reserve(pending.len());
        for item in pending {
            let Some((place, write)) = write_of(&item) else {
                due.push(item);
                continue;
            };
            let room = self.open.len() < MAX_WINDOWS;
            match (write, self.open.get_mut(&place)) {
                (Write::Largest(value), Some(waiting)) if self.waiting < MAX_WAITING => {
                    waiting.push(Waiting { value, item });
                    self.waiting += 1;
                }
                (Write::Largest(_), None) if room => {
                    self.open_window(place, now);
                    due.push(item);
                }
                (Write::Largest(_), _) => due.push(item),
                // It may lower what waits would raise: they go in the order in which they came.
                (Write::Last { .. }, _) => {
                    self.take_waiting(place, &mut due);
                    due.push(item);
                }
            }
        }
        due
    }

    /// When something that waits is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let (end, _) = self.ends.front().filter(|_| self.waiting > 0)?;
        Some(*end)
    }

    /// What waits for a partition: it goes to another lane.
    fn close_partition(&mut self, partition: Partition) -> Vec<PendingEntry> {
        let mut due = Vec::new();
        let places: Vec<RegisterKey> = self
            .open
            .keys()
            .filter(|(user, _)| user.partition() == partition)
            .copied()
            .collect();
        for place in places {
            self.take_waiting(place, &mut due);
        }
        due
    }

    fn open_window(&mut self, place: RegisterKey, now: Instant) {
        self.open.insert(place, Vec::new());
        self.ends.push_back((now + WINDOW, place));
    }

    /// Closes the windows whose time is over; one in which something waited is
    /// followed by the next.
    fn close_due(&mut self, now: Instant) -> Vec<PendingEntry> {
        let mut due = Vec::new();
        while let Some((_, place)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            if self.open.get(&place).is_some_and(Vec::is_empty) {
                self.open.remove(&place);
            } else {
                self.take_waiting(place, &mut due);
                self.open_window(place, now);
            }
        }
        due
    }

    fn take_waiting(&mut self, place: RegisterKey, due: &mut Vec<PendingEntry>) {
        let Some(waiting) = self.open.get_mut(&place) else {
            return;
        };
        let mut waiting = std::mem::take(waiting);
        self.waiting -= waiting.len();
        waiting.sort_by_key(|waiting| Reverse(waiting.value));
        due.extend(waiting.into_iter().map(|waiting| waiting.item));
    }
}

impl Lane<'_> {
    /// Executes what waits for a partition, before it is given back.
    pub(super) async fn close_windows(&mut self, partition: Partition) -> Result<(), Error> {
        let pending = self.windows.close_partition(partition);
        if pending.is_empty() {
            return Ok(());
        }
        Box::pin(self.execute(pending)).await
    }
}

/// The registers that the commands of a batch write.
pub(super) fn keys_of(steps: &[Step], pending: &[PendingEntry]) -> Vec<RegisterKey> {
    steps
        .iter()
        .filter_map(|step| place_of(pending.get(step.place)?, &step.command))
        .map(|(place, _)| place)
        .collect()
}

fn is_register(item: &PendingEntry) -> bool {
    let entry = item.entry.as_ref();
    entry
        .and_then(|entry| protocol::row(entry.opcode))
        .is_some_and(|row| row.kind == RowKind::Register)
}

/// Which register an entry writes, and how; none for all others, and for those
/// that are refused anyway.
fn write_of(item: &PendingEntry) -> Option<(RegisterKey, Write)> {
    if item.verdict.is_some() || !is_register(item) {
        return None;
    }
    let entry = item.entry.as_ref()?;
    place_of(item, &Command::decode(entry.opcode, &entry.body).ok()?)
}

fn place_of(item: &PendingEntry, command: &Command) -> Option<(RegisterKey, Write)> {
    let (key, write) = command.register()?;
    let user = item.entry.as_ref()?.caller.as_ref()?.user;
    // In another partition than his own it is refused.
    (user.partition() == item.partition).then_some(((user, key), write))
}

#[cfg(test)]
mod tests {
    use shared::{
        bus::{
            StreamId,
            envelope::{Caller, CallerKind, Entry},
        },
        ids::{Id, UserId},
        protocol::{
            Request,
            unread::{AckUnread, MarkUnread},
        },
        wire::Wire,
    };

    use super::*;
    use crate::lane::inbox::Source;

    fn item<R: Request>(request: &R) -> PendingEntry {
        let user = UserId::sample();
        let entry = Entry {
            caller: Some(Caller {
                user,
                session: Wire::sample(),
                kind: CallerKind::Person,
            }),
            opcode: R::ROW.opcode,
            body: protocol::encode(request),
            ..Entry::default()
        };
        let source = Source::Stream(StreamId::default());
        PendingEntry::new(user.partition(), source, Some(entry))
    }

    fn ack(channel: u64, seq: u64) -> PendingEntry {
        item(&AckUnread {
            channel_id: Id::new(channel).unwrap(),
            seq,
        })
    }

    fn values(pending: &[PendingEntry]) -> Vec<u64> {
        pending
            .iter()
            .map(|item| match write_of(item).unwrap().1 {
                Write::Largest(value) | Write::Last { value, .. } => value,
            })
            .collect()
    }

    #[test]
    fn the_first_goes_at_once_and_those_of_a_second_together() {
        let (mut windows, start) = (RegisterWindows::new(), Instant::now());
        let later = |ms| start + Duration::from_millis(ms);
        assert_eq!(
            values(&windows.admit(vec![ack(1, 5), ack(1, 6)], start)),
            [5]
        );
        assert_eq!(
            values(&windows.admit(vec![ack(1, 9), ack(2, 1)], later(500))),
            [1]
        );
        assert!(windows.admit(vec![ack(1, 7)], later(999)).is_empty());
        assert_eq!(windows.next(), Some(later(1_000)));
        // The largest is the change; the others find it done.
        assert_eq!(values(&windows.admit(Vec::new(), later(1_000))), [9, 7, 6]);
        assert_eq!(windows.next(), None);
        // What was told just now opens the next window.
        assert!(windows.admit(vec![ack(1, 10)], later(1_500)).is_empty());
        assert_eq!(values(&windows.admit(Vec::new(), later(2_000))), [10]);
        // Nothing came: the window closes, and nothing is remembered.
        assert!(windows.admit(Vec::new(), later(3_000)).is_empty());
        assert!(windows.open.is_empty() && windows.ends.is_empty());
    }

    #[test]
    fn a_last_write_goes_at_once_behind_what_waited() {
        let (mut windows, now) = (RegisterWindows::new(), Instant::now());
        windows.admit(vec![ack(1, 5), ack(1, 6)], now);
        let mark = MarkUnread {
            channel_id: Id::new(1).unwrap(),
            seq: 2,
            seen: 1,
        };
        assert_eq!(values(&windows.admit(vec![item(&mark)], now)), [6, 2]);
        assert_eq!(windows.waiting, 0);
    }

    #[test]
    fn what_waits_goes_with_its_partition_and_is_bounded() {
        let (mut windows, now) = (RegisterWindows::new(), Instant::now());
        let many = (0..MAX_WAITING as u64 + 3).map(|seq| ack(1, seq)).collect();
        assert_eq!(windows.admit(many, now).len(), 3);
        let partition = UserId::sample().partition();
        assert_eq!(windows.close_partition(partition).len(), MAX_WAITING);
        assert_eq!(windows.waiting, 0);
        assert!(windows.admit(vec![ack(1, 9)], now).is_empty());
    }
}
