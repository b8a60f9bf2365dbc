//! How many connections there can be for the files that this process may have open.

/// Sockets beyond the sessions: those that are on their way to become one, and HTTP requests.
pub const SPARE_SOCKETS: usize = 1_024;
/// Files that are no socket of a client: links to Redis, the operations port, logs, libraries.
const OTHERS: usize = 256;

/// As many connections as are wanted, or as leave a file for everything else.
pub fn fit_connections(wanted: usize, open_files: u64) -> usize {
    let files = usize::try_from(open_files).unwrap_or(usize::MAX);
    let left = files.saturating_sub(SPARE_SOCKETS + OTHERS);
    // Where even the others have too few, they share.
    wanted.min(left.max(files / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_connections_are_taken_than_there_are_files() {
        assert_eq!(fit_connections(100_000, 1 << 20), 100_000);
        assert_eq!(fit_connections(100_000, u64::MAX), 100_000);
        assert_eq!(fit_connections(100_000, 65_536), 64_256);
        assert_eq!(fit_connections(100_000, 1_024), 512);
    }
}
