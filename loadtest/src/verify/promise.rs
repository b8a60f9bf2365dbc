//! The promises, in words.

use std::{fmt, str::FromStr};

use anyhow::{Context as _, bail};

macro_rules! promises {
    ($( $name:ident $covered:expr, $text:literal; )+) => {
        /// One promise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "what each promises is its text")]
        pub enum Promise { $( $name, )+ }

        impl Promise {
            /// All of them, in order.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// Its short name.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )+ }
            }

            /// What is promised.
            pub const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// What has to exist before it can be tested; none when it does.
            pub const fn needs(self) -> Option<&'static str> {
                match self { $( Self::$name => $covered, )+ }
            }
        }
    };
}

promises! {
    P1 None, "no acknowledged message is lost, whatever is killed";
    P2 None, "a command takes effect once, however often it is sent";
    P3 None, "a channel has one order, the same for everyone";
    P4 None, "a live connection has no hole: every event once and in order, or an explicit gap";
    P5 None, "a resume on any gateway returns exactly what was missed, however much that is";
    P6 None, "a lost notification, even the last one of a quiet topic, is repaired within 5 s";
    P7 None, "a stale link to Redis is noticed within 15 s, readiness fails, and it heals by itself";
    P8 None, "a slow reader harms nobody else and loses nothing";
    P9 None, "a rolling deployment loses nothing and makes no herd";
    P10 None, "losing Redis entirely loses no acknowledged message; service is back within 10 s";
    P11 None, "without Postgres nothing is acknowledged, connections stay, and it recovers unaided";
    P12 None, "rate limits hold across gateways, and of each worker while Redis does not count";
    P13 None, "push: at least once for those away, at most one per message and device unless a worker dies";
    P14 None, "presence is right within 10 s of any crash";
    P15 None, "a full disk corrupts nothing, and nothing that is not stored is acknowledged";
    P16 None, "nobody is granted a request or receives an event after losing the right to it";
    P17 None, "memory and descriptors return to where they were";
    P18 None, "unread and mention counts equal a recount from scratch";
    P19 None, "an answer belongs to the request it names, whatever numbers a client uses";
    P20 None, "strangers and slow readers cannot starve those who are in";
    P21 None, "heavy work hinders nobody";
    P22 None, "old and new programs side by side lose nothing";
    P23 None, "a secret rests nowhere in clear";
    Rights None, "P4, P5 and P16 hold while rights, channels and members change and gateways lag";
    Signin None, "P2 holds for signing in while Redis takes no writes";
    Pages None, "P4 holds for who asks for the largest pages";
    Clocks None, "P1 to P4 hold while clocks disagree by a minute";
    Lagging None, "P1 to P4 hold when a replica of Redis that lags takes its place";
    Sentinel None, "P1 to P4 hold when the host of the Redis that leads is killed, frozen, cut off, or hands over";
    Patroni None, "P1 to P4 hold when the same happens to the Postgres that leads, with a synchronous standby";
    Asynchronous None, "with an asynchronous standby messages are lost, and the tester says so";
    Restore None, "what was acknowledged before a moment is there after a restore to it, nobody keeps what came later, and no step can be forgotten";
    Chaos None, "P1 to P4 hold under all faults at once";
    Soak None, "P4, P5 and P16 hold while rights, channels and members change, under all faults at once";
}

impl Promise {
    /// Whether it is tried on stores in several copies, on hosts of their own.
    pub fn needs_hosts(self) -> bool {
        [Self::Sentinel, Self::Patroni, Self::Asynchronous].contains(&self)
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Promise {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|promise| promise.name().eq_ignore_ascii_case(text))
            .with_context(|| format!("there is no promise {text:?}: P1 to P23, rights, signin, pages, clocks, lagging, sentinel, patroni, asynchronous, restore, chaos, soak, or all"))
    }
}

/// Reads `all`, or a list like `P1-P4,P15`. The second is whether they were
/// named one by one, so that what cannot be tested is a failure.
pub fn select(text: &str) -> anyhow::Result<(Vec<Promise>, bool)> {
    if text.eq_ignore_ascii_case("all") {
        let numbered = |promise: &Promise| *promise < Promise::Chaos;
        let all = Promise::ALL.iter().copied().filter(numbered).collect();
        return Ok((all, false));
    }
    let mut chosen = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<Promise>()?, last.parse::<Promise>()?);
        if first > last {
            bail!("{part} is empty");
        }
        let within = |promise: &Promise| (first..=last).contains(promise);
        chosen.extend(Promise::ALL.iter().copied().filter(within));
    }
    Ok((chosen, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lists_and_ranges() {
        let (some, named) = select("P1-P3,p15").unwrap();
        assert_eq!(some, [Promise::P1, Promise::P2, Promise::P3, Promise::P15]);
        assert!(named);
        let (all, named) = select("all").unwrap();
        assert_eq!((all.len(), named), (32, false));
        assert_eq!(select("chaos").unwrap().0, [Promise::Chaos]);
        assert!(select("P24").is_err() && select("P4-P2").is_err());
        assert_eq!(format!("{:>4}|", Promise::P7), "  P7|");
    }
}
