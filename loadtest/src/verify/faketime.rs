//! Other clocks for processes, where a library is installed that gives them.

use std::path::Path;

/// Where the library is that gives a process another clock.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];
/// What it is told with.
pub(super) const FAKETIME: [&str; 4] = [
    "LD_PRELOAD",
    "FAKETIME",
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "FAKETIME_NO_CACHE",
];

/// What one of these is to be for a clock that is off by so much.
pub(super) fn faked(name: &str, offset: &str) -> String {
    let library = LIBRARIES.iter().find(|path| Path::new(path).exists());
    match name {
        "LD_PRELOAD" => library.copied().unwrap_or_default().to_owned(),
        "FAKETIME" => offset.to_owned(),
        _ => "1".to_owned(),
    }
}

/// What clocks take that disagree, if it is not there.
pub(super) fn needs_clock() -> Option<String> {
    let there = LIBRARIES.iter().any(|path| Path::new(path).exists());
    (!there).then(|| "libfaketime, to give processes other clocks".to_owned())
}
