//! Whether this process may open as many sockets as a run needs.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: logs, epolls, pipes.
const OTHERS: u64 = 200;

/// Raises the soft limit as far as the hard one permits, or says what is lacking for `members`
/// connections.
pub fn ensure(members: usize) -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let needed = members as u64 + OTHERS;
    // None is unlimited.
    let allowed = maximum.unwrap_or(u64::MAX);
    ensure!(
        needed <= allowed,
        "{members} connections need {needed} descriptors, and a process may open {allowed}: \
         raise the hard limit (`ulimit -Hn`)"
    );
    let current = maximum.or(Some(needed));
    setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_up_to_the_hard_one() {
        ensure(1).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert!(limit.current >= limit.maximum, "{limit:?}");
        if let Some(maximum) = limit.maximum {
            let error = ensure(usize::try_from(maximum).unwrap()).unwrap_err();
            assert!(error.to_string().contains("hard limit"), "{error}");
        }
    }
}
