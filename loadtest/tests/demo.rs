//! The demonstration holds, and its exit status says so.

use std::process::Command;

#[test]
fn the_demonstration_holds() {
    let done = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .arg("demo")
        .output()
        .expect("loadtest runs");
    let report = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{report}");
    assert!(
        report.contains("nothing is missing, nothing double, nothing out of order"),
        "{report}"
    );
}
