//! Whether this process may open as many sockets as a run needs.

use anyhow::{Result, ensure};
use shared::open_files::raise_open_files;

/// Descriptors for all that is no connection: logs, epolls, pipes.
const OTHERS: u64 = 200;

/// Raises the soft limit as far as the hard one permits, or says what is lacking for `members`
/// connections.
pub fn ensure(members: usize) -> Result<()> {
    let needed = members as u64 + OTHERS;
    let allowed = raise_open_files();
    ensure!(
        needed <= allowed,
        "{members} connections need {needed} descriptors, and a process may open {allowed}: \
         raise the hard limit (`ulimit -Hn`)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_a_process_may_open_are_refused() {
        ensure(1).unwrap();
        let error = ensure(usize::MAX - 1_000).unwrap_err();
        assert!(error.to_string().contains("hard limit"), "{error}");
    }
}
