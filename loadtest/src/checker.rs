//! Decides whether a history kept the promises. It knows lines of a file and
//! nothing else: no type, no rule and no code of the servers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::AddAssign,
};

use serde::Serialize;

use crate::history::{Entry, Op, Outcome};

/// Faults that a report names; the rest is counted.
const NAMED: usize = 20;

/// What kind of promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something is missing.
    Lost,
    /// Something is there more than once.
    Double,
    /// Something stands in the wrong place.
    Order,
    /// Something is there that should not be, or is not what was said.
    Wrong,
}

/// A promise that was broken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind it is.
    pub kind: Kind,
    /// What it is.
    pub text: String,
    /// The message, by its sender's name.
    pub nonce: Option<String>,
    /// The reader that saw it.
    pub reader: Option<String>,
    /// The place.
    pub seq: Option<u64>,
}

impl Fault {
    /// A fault that is told by its text alone.
    pub const fn new(kind: Kind, text: String) -> Self {
        Self {
            kind,
            text,
            nonce: None,
            reader: None,
            seq: None,
        }
    }

    fn of(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.to_owned());
        self
    }

    fn at(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    fn seen_by(mut self, reader: &str) -> Self {
        self.reader = Some(reader.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What clients did and saw, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages that were sent, however often.
    pub sent: usize,
    /// Of these, acknowledged.
    pub acknowledged: usize,
    /// Of these, with a fate that nobody was told.
    pub unknown: usize,
    /// Messages in the cluster's own history at the end.
    pub stored: usize,
    /// Messages that readers saw, summed over the readers.
    pub received: usize,
    /// Sessions of readers that went on after a connection had ended.
    pub resumes: usize,
    /// Gaps that readers were told of.
    pub gaps: usize,
    /// Things that are missing.
    pub lost: usize,
    /// Things that are there more than once.
    pub double: usize,
    /// Things in the wrong place.
    pub out_of_order: usize,
    /// Things that are not what was said.
    pub wrong: usize,
}

impl Counts {
    /// Counts a fault.
    pub const fn fault(&mut self, kind: Kind) {
        *match kind {
            Kind::Lost => &mut self.lost,
            Kind::Double => &mut self.double,
            Kind::Order => &mut self.out_of_order,
            Kind::Wrong => &mut self.wrong,
        } += 1;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.stored += other.stored;
        self.received += other.received;
        self.resumes += other.resumes;
        self.gaps += other.gaps;
        self.lost += other.lost;
        self.double += other.double;
        self.out_of_order += other.out_of_order;
        self.wrong += other.wrong;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            acknowledged,
            unknown,
            stored,
            received,
            resumes,
            gaps,
            lost,
            double,
            out_of_order,
            wrong,
        } = self;
        write!(
            f,
            "{sent} sent, {acknowledged} acknowledged, {unknown} unknown, {stored} stored, {received} received, \
             {resumes} resumes, {gaps} gaps\n  {lost} lost, {double} double, {out_of_order} out of order, {wrong} wrong"
        )
    }
}

/// What a history shows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Promises that were broken.
    pub faults: Vec<Fault>,
    /// What was done and seen, faults included.
    pub counts: Counts,
}

impl Report {
    /// Whether every promise was kept.
    pub const fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds a promise that was broken.
    pub fn find(&mut self, fault: Fault) {
        self.counts.fault(fault.kind);
        self.faults.push(fault);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.counts)?;
        for fault in self.faults.iter().take(NAMED) {
            writeln!(f, "  fault: {fault}")?;
        }
        Ok(())
    }
}

/// One message as its sender knows it.
#[derive(Default)]
struct Sent {
    invoked: Option<u64>,
    acknowledged: Option<u64>,
    answers: BTreeSet<(u64, u64)>,
    failed: bool,
    unknown: bool,
}

/// The message at a place: its id and its nonce.
type Stored<'a> = BTreeMap<u64, (u64, &'a str)>;

/// Checks the history of one channel.
pub fn check(history: &[Entry]) -> Report {
    let mut report = Report::default();
    let sent = sends(history);
    let stored = stored(history, &mut report);
    check_sends(&sent, &stored, &mut report);
    check_time(&sent, &mut report);
    for (reader, entries) in readers(history) {
        check_reader(reader, &entries, &stored, &mut report);
    }
    report
}

/// What each reader saw, in order.
fn readers(history: &[Entry]) -> BTreeMap<&str, Vec<&Entry>> {
    let mut readers: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    let seen = |entry: &&Entry| matches!(entry.op, Op::Receive | Op::Gap | Op::Open | Op::Resume);
    for entry in history.iter().filter(seen) {
        readers.entry(&entry.client).or_default().push(entry);
    }
    readers
}

fn sends(history: &[Entry]) -> BTreeMap<&str, Sent> {
    let mut sends: BTreeMap<&str, Sent> = BTreeMap::new();
    for entry in history.iter().filter(|entry| entry.op == Op::Send) {
        let sent = sends
            .entry(entry.nonce.as_deref().unwrap_or_default())
            .or_default();
        match entry.outcome {
            Outcome::Invoke => {
                sent.invoked.get_or_insert(entry.t);
            }
            Outcome::Ok => {
                sent.acknowledged.get_or_insert(entry.t);
                sent.answers
                    .insert((entry.id.unwrap_or_default(), entry.seq.unwrap_or_default()));
            }
            Outcome::Fail => sent.failed = true,
            Outcome::Info => sent.unknown = true,
        }
    }
    sends
}

/// P3: places are dense from 1 and ids rise with them. P2: no nonce twice.
fn stored<'a>(history: &'a [Entry], report: &mut Report) -> Stored<'a> {
    let mut stored = Stored::new();
    let mut nonces = BTreeSet::new();
    for entry in history.iter().filter(|entry| entry.op == Op::Stored) {
        let seq = entry.seq.unwrap_or_default();
        let nonce = entry.nonce.as_deref().unwrap_or_default();
        if !nonces.insert(nonce) {
            let fault = Fault::new(Kind::Double, format!("{nonce} is stored twice"));
            report.find(fault.of(nonce).at(seq));
        }
        let row = (entry.id.unwrap_or_default(), nonce);
        if stored.insert(seq, row).is_some() {
            let fault = Fault::new(Kind::Double, format!("place {seq} is taken twice"));
            report.find(fault.at(seq));
        }
    }
    let mut last_id = 0;
    for (expected, (seq, (id, _))) in (1..).zip(&stored) {
        if expected != *seq {
            let text = format!("the history is not dense: {seq} where {expected} was due");
            report.find(Fault::new(Kind::Order, text).at(expected));
            break;
        }
        if *id <= last_id {
            let text = format!("the id at {seq} does not rise");
            report.find(Fault::new(Kind::Order, text).at(*seq));
        }
        last_id = *id;
    }
    report.counts.stored = stored.len();
    stored
}

/// P1: what was acknowledged is stored as it was answered. P2: a repeat gets
/// the first answer. What was refused, or never sent, is not stored.
fn check_sends(sent: &BTreeMap<&str, Sent>, stored: &Stored<'_>, report: &mut Report) {
    let by_nonce: BTreeMap<&str, (u64, u64)> = stored
        .iter()
        .map(|(seq, (id, nonce))| (*nonce, (*id, *seq)))
        .collect();
    for (nonce, send) in sent {
        if send.answers.len() > 1 {
            let text = format!("{nonce} was answered differently: {:?}", send.answers);
            report.find(Fault::new(Kind::Double, text).of(nonce));
        }
        let row = by_nonce.get(nonce);
        for answer in &send.answers {
            if row != Some(answer) {
                let text = format!("{nonce} was acknowledged as {answer:?}, stored is {row:?}");
                let kind = if row.is_none() {
                    Kind::Lost
                } else {
                    Kind::Wrong
                };
                report.find(Fault::new(kind, text).of(nonce).at(answer.1));
            }
        }
        let refused = send.failed && !send.unknown && send.answers.is_empty();
        if refused && row.is_some() {
            let text = format!("{nonce} was refused but is stored");
            report.find(Fault::new(Kind::Wrong, text).of(nonce));
        }
        report.counts.sent += usize::from(send.invoked.is_some());
        report.counts.acknowledged += usize::from(!send.answers.is_empty());
        report.counts.unknown += usize::from(send.unknown && send.answers.is_empty());
    }
    for nonce in by_nonce.keys() {
        if !sent.contains_key(nonce) {
            let fault = Fault::new(Kind::Wrong, format!("nobody sent {nonce}"));
            report.find(fault.of(nonce));
        }
    }
}

/// P3: what was acknowledged before another was sent stands before it.
fn check_time(sent: &BTreeMap<&str, Sent>, report: &mut Report) {
    let place = |send: &Sent| send.answers.first().map(|(_, seq)| *seq);
    let mut acknowledged: Vec<(u64, u64)> = sent
        .values()
        .filter_map(|send| Some((send.acknowledged?, place(send)?)))
        .collect();
    acknowledged.sort_unstable();
    let mut invoked: Vec<(u64, u64)> = sent
        .values()
        .filter_map(|send| Some((send.invoked?, place(send)?)))
        .collect();
    invoked.sort_unstable();
    let mut earlier = acknowledged.into_iter().peekable();
    let mut highest = 0;
    for (at, seq) in invoked {
        while let Some((_, done)) = earlier.next_if(|(done_at, _)| *done_at < at) {
            highest = highest.max(done);
        }
        if seq < highest {
            let text = format!("{seq} was sent after {highest} was acknowledged");
            report.find(Fault::new(Kind::Order, text).at(seq));
        }
    }
}

/// P3, P4, P5: a reader sees each place once, in order, as it is stored, from
/// where it began up to the end, unless it was told of a gap.
fn check_reader(reader: &str, entries: &[&Entry], stored: &Stored<'_>, report: &mut Report) {
    let mut last = None;
    for entry in entries {
        let seq = entry.seq.unwrap_or_default();
        match entry.op {
            Op::Open => last = Some(seq),
            Op::Resume => report.counts.resumes += 1,
            Op::Gap => {
                report.counts.gaps += 1;
                last = None;
            }
            _ => {
                check_place(entry, last, stored, report);
                last = Some(seq);
            }
        }
    }
    let end = stored.last_key_value().map_or(0, |(seq, _)| *seq);
    if let Some(last) = last
        && last != end
    {
        let text = format!("{reader} ends at {last}, the history at {end}");
        let fault = Fault::new(Kind::Lost, text).seen_by(reader);
        report.find(fault.at(last));
    }
}

/// One message that a reader saw after the one at `last`.
fn check_place(entry: &Entry, last: Option<u64>, stored: &Stored<'_>, report: &mut Report) {
    report.counts.received += 1;
    let reader = entry.client.as_str();
    let seq = entry.seq.unwrap_or_default();
    if let Some(last) = last
        && seq != last + 1
    {
        let (kind, verb) = if seq > last {
            (Kind::Lost, "misses")
        } else {
            (Kind::Double, "repeats")
        };
        let text = format!("{reader} {verb}: {seq} came after {last}");
        let fault = Fault::new(kind, text).seen_by(reader);
        report.find(fault.at(seq.min(last + 1)));
    }
    let nonce = entry.nonce.as_deref().unwrap_or_default();
    let saw = (entry.id.unwrap_or_default(), nonce);
    let row = stored.get(&seq);
    if row != Some(&saw) {
        let text = format!("{reader} saw {saw:?} at {seq}, stored is {row:?}");
        let fault = Fault::new(Kind::Wrong, text).seen_by(reader);
        report.find(fault.of(nonce).at(seq));
    }
}

/// The lines of a history that a fault is about, and those around it.
pub fn around<'a>(history: &'a [Entry], fault: &Fault, most: usize) -> Vec<&'a Entry> {
    let near = |entry: &Entry, reach: u64| match (entry.seq, fault.seq) {
        (Some(seq), Some(place)) => seq.abs_diff(place) <= reach,
        _ => false,
    };
    let about = |entry: &&Entry| {
        let named = fault.nonce.is_some() && entry.nonce == fault.nonce;
        let reader = fault.reader.as_deref() == Some(entry.client.as_str());
        match entry.op {
            Op::Receive => named || (reader && near(entry, 2)),
            Op::Stored => named || near(entry, 1),
            Op::Gap | Op::Open | Op::Resume | Op::Lost => reader,
            Op::Send => named,
        }
    };
    history.iter().filter(about).take(most).collect()
}

/// When messages were acknowledged, in order.
pub fn acknowledgements(history: &[Entry]) -> Vec<u64> {
    let acknowledged =
        |entry: &&Entry| entry.op == Op::Send && entry.outcome == Outcome::Ok && entry.id.is_some();
    let mut times: Vec<u64> = history
        .iter()
        .filter(acknowledged)
        .map(|entry| entry.t)
        .collect();
    times.sort_unstable();
    times
}

/// How long acknowledgements took of what was sent within a time, in microseconds; sorted.
pub fn ack_times(history: &[Entry], within: std::ops::Range<u64>) -> Vec<u64> {
    let mut times: Vec<u64> = sends(history)
        .into_values()
        .filter_map(|send| Some((send.invoked?, send.acknowledged?)))
        .filter(|(invoked, _)| within.contains(invoked))
        .map(|(invoked, acknowledged)| acknowledged.saturating_sub(invoked))
        .collect();
    times.sort_unstable();
    times
}

/// How long messages took from their sender to a reader, in microseconds, of
/// those that pass `reader`; sorted.
pub fn delivery_times(history: &[Entry], reader: impl Fn(&str) -> bool) -> Vec<u64> {
    let sent = sends(history);
    let mut times: Vec<u64> = history
        .iter()
        .filter(|entry| entry.op == Op::Receive && reader(&entry.client))
        .filter_map(|entry| {
            let send = sent.get(entry.nonce.as_deref()?)?;
            entry.t.checked_sub(send.invoked?)
        })
        .collect();
    times.sort_unstable();
    times
}

/// The value below which `part` of the sorted values lie; 0 when there is none.
pub fn quantile(sorted: &[u64], part: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank among at most millions of values"
    )]
    let rank = (sorted.len() as f64 * part) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(rank.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(t: u64, client: &str, op: (Op, Outcome), nonce: &str, seq: u64) -> Entry {
        let (op, outcome) = op;
        let id = (seq > 0).then_some(seq * 10);
        Entry {
            t,
            client: client.to_owned(),
            op,
            outcome,
            nonce: (!nonce.is_empty()).then(|| nonce.to_owned()),
            id,
            seq: (seq > 0).then_some(seq),
        }
    }

    /// Two messages, sent one after the other, seen by one reader.
    fn good() -> Vec<Entry> {
        use Outcome::{Invoke, Ok};
        vec![
            line(1, "w", (Op::Send, Invoke), "a", 0),
            line(5, "w", (Op::Send, Ok), "a", 1),
            line(6, "r", (Op::Receive, Ok), "a", 1),
            line(7, "w", (Op::Send, Invoke), "b", 0),
            line(9, "w", (Op::Send, Ok), "b", 2),
            line(10, "r", (Op::Receive, Ok), "b", 2),
            line(20, "end", (Op::Stored, Ok), "a", 1),
            line(20, "end", (Op::Stored, Ok), "b", 2),
        ]
    }

    fn faults_of(change: impl FnOnce(&mut Vec<Entry>)) -> Vec<String> {
        let mut history = good();
        change(&mut history);
        let faults = check(&history).faults;
        faults.into_iter().map(|fault| fault.text).collect()
    }

    #[test]
    fn a_good_history_holds() {
        let report = check(&good());
        assert!(report.holds(), "{report}");
        assert_eq!(
            (
                report.counts.acknowledged,
                report.counts.stored,
                report.counts.received
            ),
            (2, 2, 2)
        );
    }

    #[test]
    fn each_broken_promise_is_found() {
        use Outcome::{Fail, Info, Invoke, Ok};
        // P1: acknowledged, but gone.
        let lost = faults_of(|history| {
            history.remove(7);
            history.remove(5);
        });
        assert!(lost[0].contains("b was acknowledged"), "{lost:?}");
        // P2: stored twice, or answered differently.
        let twice = faults_of(|history| {
            history.push(line(20, "end", (Op::Stored, Ok), "a", 3));
            history.push(line(19, "r", (Op::Receive, Ok), "a", 3));
        });
        assert!(twice[0].contains("a is stored twice"), "{twice:?}");
        let differs = faults_of(|history| history.push(line(21, "w", (Op::Send, Ok), "a", 2)));
        assert!(differs[0].contains("differently"), "{differs:?}");
        // P3: against time.
        let late = faults_of(|history| {
            history[1].t = 30;
            history[0].t = 29;
        });
        assert!(late[0].contains("was sent after"), "{late:?}");
        // P4: a hole, a repeat, a missing end.
        let hole = faults_of(|history| {
            history.push(line(20, "end", (Op::Stored, Ok), "c", 3));
            history.push(line(18, "w", (Op::Send, Invoke), "c", 0));
            history.remove(5);
            history.push(line(19, "r", (Op::Receive, Ok), "c", 3));
        });
        assert!(hole[0].contains("r misses"), "{hole:?}");
        let repeat = faults_of(|history| history.push(line(21, "r", (Op::Receive, Ok), "b", 2)));
        assert!(repeat[0].contains("r repeats"), "{repeat:?}");
        let end = faults_of(|history| drop(history.remove(5)));
        assert!(end[0].contains("r ends at 1"), "{end:?}");
        let nothing = faults_of(|history| {
            history.retain(|entry| entry.op != Op::Receive);
            let mut open = line(0, "r", (Op::Open, Ok), "", 0);
            open.seq = Some(0);
            history.insert(0, open);
        });
        assert!(nothing[0].contains("r ends at 0"), "{nothing:?}");
        let late = faults_of(|history| {
            history.remove(2);
            let mut open = line(0, "r", (Op::Open, Ok), "", 0);
            open.seq = Some(0);
            history.insert(0, open);
        });
        assert!(late[0].contains("r misses: 2 came after 0"), "{late:?}");
        // What was refused is stored, what nobody sent is stored.
        let refused = faults_of(|history| {
            history[1].outcome = Fail;
        });
        assert!(refused[0].contains("refused but is stored"), "{refused:?}");
        let nobody = faults_of(|history| {
            history[1].nonce = Some("z".to_owned());
            history[0].nonce = Some("z".to_owned());
        });
        assert!(nobody.iter().any(|fault| fault.contains("nobody sent a")));
        // Unknown outcomes may or may not have happened.
        assert!(faults_of(|history| history[1].outcome = Info).is_empty());
        assert!(
            faults_of(|history| {
                history.push(line(11, "w", (Op::Send, Invoke), "c", 0));
                history.push(line(12, "w", (Op::Send, Info), "c", 0));
            })
            .is_empty()
        );
    }

    #[test]
    fn a_gap_excuses_what_is_missing() {
        let faults = faults_of(|history| {
            history[2] = line(6, "r", (Op::Gap, Outcome::Ok), "", 0);
        });
        assert_eq!(faults, [] as [&str; 0]);
    }

    #[test]
    fn a_fault_comes_with_its_lines() {
        let mut history = good();
        history.remove(7);
        history.remove(5);
        let report = check(&history);
        let fault = &report.faults[0];
        assert_eq!(fault.kind, Kind::Lost);
        let lines = around(&history, fault, 10);
        assert!(lines.iter().any(|line| line.t == 7), "{lines:?}");
        assert!(lines.iter().any(|line| line.op == Op::Stored), "{lines:?}");
        assert_eq!(acknowledgements(&history), [5, 9]);
    }

    #[test]
    fn times_and_quantiles() {
        assert_eq!(delivery_times(&good(), |_| true), [3, 5]);
        assert_eq!(quantile(&[1, 2, 3, 4], 0.5), 3);
        assert_eq!(quantile(&[1, 2], 0.99), 2);
        assert_eq!(quantile(&[], 0.99), 0);
    }
}
