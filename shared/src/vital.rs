//! Tasks that a program cannot be without: where one ends by itself, by a panic for example,
//! the whole program ends, and whoever runs it starts it anew.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tasks that are there as long as the program is.
#[derive(Debug, Clone, Default)]
pub struct Vital {
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

impl Vital {
    /// Runs a task that is dropped at the end.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn_orderly(async move {
            tokio::select! {
                () = task => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Runs a task that ends what it has begun once [`Vital::stopping`] is cancelled.
    pub fn spawn_orderly(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (stop, broken) = (self.stop.clone(), self.broken.clone().drop_guard());
        self.tasks.spawn(async move {
            task.await;
            if stop.is_cancelled() {
                broken.disarm();
            }
        });
    }

    /// Cancelled when the tasks are to end.
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Resolves when a task has ended before it was to.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Ends all tasks, and waits for them.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_breaks_the_program() {
        let vital = Vital::default();
        vital.spawn(pending());
        let (begun, ran) = tokio::sync::oneshot::channel::<()>();
        vital.spawn_orderly(async {
            drop(begun);
        });
        drop(ran.await);
        vital.broken().await;
    }

    #[tokio::test]
    async fn tasks_that_were_told_to_end_break_nothing() {
        let vital = Vital::default();
        vital.spawn(pending());
        let stopping = vital.stopping().clone();
        vital.spawn_orderly(async move { stopping.cancelled().await });
        vital.stop().await;
        assert!(!vital.broken.is_cancelled());
    }
}
