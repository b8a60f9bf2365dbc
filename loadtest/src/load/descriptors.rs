//! Whether this process may open as many sockets as a run needs.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: logs, epolls, pipes.
const OTHERS: u64 = 200;

/// Raises the soft limit for `members` connections, or says what is lacking.
pub fn ensure(members: usize) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let needed = members as u64 + OTHERS;
    match raised(limit, needed) {
        Raise::Enough => Ok(()),
        Raise::To(soft) => Ok(setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(soft),
                maximum: limit.maximum,
            },
        )?),
        Raise::Lacking(maximum) => {
            bail!(
                "{members} connections of one process need {needed} descriptors, and it may open \
                 {maximum}: raise the hard limit (`ulimit -Hn`), or spread them with --processes"
            )
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Raise {
    Enough,
    To(u64),
    Lacking(u64),
}

fn raised(limit: Rlimit, needed: u64) -> Raise {
    // None is unlimited.
    match (limit.current, limit.maximum) {
        (None, _) => Raise::Enough,
        (Some(soft), _) if soft >= needed => Raise::Enough,
        (_, Some(hard)) if hard < needed => Raise::Lacking(hard),
        _ => Raise::To(needed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_up_to_the_hard_one() {
        let limit = |current, maximum| Rlimit { current, maximum };
        assert_eq!(
            raised(limit(Some(1_024), Some(20_000)), 1_000),
            Raise::Enough
        );
        assert_eq!(
            raised(limit(Some(1_024), Some(20_000)), 5_000),
            Raise::To(5_000)
        );
        assert_eq!(raised(limit(Some(1_024), None), 5_000), Raise::To(5_000));
        assert_eq!(raised(limit(None, None), 5_000), Raise::Enough);
        assert_eq!(raised(limit(Some(1), Some(4)), 5), Raise::Lacking(4));
    }
}
