//! Tasks that a program cannot be without: where one ends by itself, by a panic for example,
//! the whole program ends, and its supervisor starts it again.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tasks that are there as long as the program is.
#[derive(Debug, Clone, Default)]
pub struct CriticalTasks {
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

impl CriticalTasks {
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

    /// Runs a task that ends what it has begun once [`CriticalTasks::stopping`] is cancelled.
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
        let tasks = CriticalTasks::default();
        tasks.spawn(pending());
        let (begun, ran) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn_orderly(async {
            drop(begun);
        });
        drop(ran.await);
        tasks.broken().await;
    }

    #[tokio::test]
    async fn tasks_that_were_told_to_end_break_nothing() {
        let tasks = CriticalTasks::default();
        tasks.spawn(pending());
        let stopping = tasks.stopping().clone();
        tasks.spawn_orderly(async move { stopping.cancelled().await });
        tasks.stop().await;
        assert!(!tasks.broken.is_cancelled());
    }
}
