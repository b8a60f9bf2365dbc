//! What `/healthz` says.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Whether the tasks of a runtime get their turns. Clones share their state.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    runtime: Handle,
    patience: Duration,
    /// Cancelled by the task that was spawned last. There is one at a time, however many ask: a runtime that is stuck
    /// keeps all of them.
    last: Arc<Mutex<CancellationToken>>,
}

impl Turns {
    /// Those of this runtime, where a new task may have to wait for so long.
    pub(super) fn new(runtime: Handle, patience: Duration) -> Self {
        let last = CancellationToken::new();
        last.cancel();
        Self {
            runtime,
            patience,
            last: Arc::new(Mutex::new(last)),
        }
    }

    /// Whether a task had its turn in time.
    pub(super) async fn come(&self) -> bool {
        let turn = self.ask();
        timeout(self.patience, turn.cancelled()).await.is_ok()
    }

    fn ask(&self) -> CancellationToken {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_cancelled() {
            *last = CancellationToken::new();
            let turn = last.clone();
            self.runtime.spawn(async move { turn.cancel() });
        }
        last.clone()
    }
}
