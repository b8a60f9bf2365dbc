//! A program of its own: the limit is that of the whole process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::open_files::raise_open_files;

#[test]
fn the_soft_limit_becomes_the_hard_one() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(256);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let raised = raise_open_files();
    assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    assert_eq!(raised, maximum.unwrap_or(u64::MAX));
}
