//! What `/readyz` says.

use std::{
    collections::BTreeMap,
    fmt::Write,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sd_notify::NotifyState;

/// Whether this process should get work. Clones share their state.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<Readiness>>);

#[derive(Debug)]
struct Readiness {
    draining: bool,
    /// Whether it was ready once, which systemd was told.
    was_ready: bool,
    checks: BTreeMap<&'static str, Result<(), String>>,
}

impl Health {
    /// Health with these checks, all failing until they are set.
    pub fn new(names: &[&'static str]) -> Self {
        let checks = names
            .iter()
            .map(|name| (*name, Err("not checked yet".to_owned())))
            .collect();
        Self(Arc::new(Mutex::new(Readiness {
            draining: false,
            was_ready: false,
            checks,
        })))
    }

    /// Sets what a check found last.
    pub fn set_check(&self, name: &'static str, found: Result<(), String>) {
        let mut health = self.lock();
        health.checks.insert(name, found);
        if health.is_ready() && !mem::replace(&mut health.was_ready, true) {
            drop(health);
            tell_systemd(NotifyState::Ready);
        }
    }

    /// Fails readiness from now on: the process is about to stop.
    pub fn start_draining(&self) {
        self.lock().draining = true;
        tell_systemd(NotifyState::Stopping);
    }

    /// Whether all checks hold and the process is not draining.
    pub fn is_ready(&self) -> bool {
        self.lock().is_ready()
    }

    /// Whether it ever was.
    pub fn was_ready(&self) -> bool {
        self.lock().was_ready
    }

    /// One line per check.
    pub(super) fn report(&self) -> String {
        let health = self.lock();
        let mut report = String::new();
        if health.draining {
            report.push_str("draining\n");
        }
        for (name, found) in &health.checks {
            let found = found.as_ref().map_or_else(String::as_str, |()| "ok");
            // Writing to a string cannot fail.
            writeln!(report, "{name}: {}", found.replace('\n', " ")).unwrap_or_default();
        }
        report
    }

    fn lock(&self) -> MutexGuard<'_, Readiness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readiness {
    fn is_ready(&self) -> bool {
        !self.draining && self.checks.values().all(Result::is_ok)
    }
}

/// Tells systemd, where it started this process and waits to hear it (`Type=notify`).
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd was not told");
    }
}
