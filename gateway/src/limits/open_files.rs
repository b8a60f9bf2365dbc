//! How many files this process may have open: each socket takes one.

use rustix::{
    io,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Raises the limit as far as the machine allows: what a process begins with may be 1024. An image has no shell that
/// could do it.
pub fn raise_open_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = Some(256);
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        raise_open_files().unwrap();
        assert_eq!(
            getrlimit(Resource::Nofile),
            Rlimit {
                current: maximum,
                maximum
            }
        );
    }
}
