//! Makes the signatures of full blocks of messages, beside the lanes and in no hurry.
//!
//! A lane notes each message that fills a block, and each one that is changed in whatever
//! block. One worker of the deployment takes these notes, reads the blocks and writes their
//! signatures. What has none yet is read message by message, and so is what a note names, so a
//! search that comes early finds the same and takes longer.

use std::time::Duration;

use shared::metrics;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    error::StoreError,
    store::{PgConnectOptions, search_index::Index},
};

/// After a slice this many times as long is left to others: under load at most a tenth of one
/// connection goes into the index, and it is made up for later.
const REST: u32 = 9;
/// The longest rest: a connection that is idle for longer than Postgres allows is lost.
const MAX_REST: Duration = Duration::from_secs(5);
/// How soon to look again when nothing was noted, and when another worker has the index.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after Postgres failed.
const BACK_OFF: Duration = Duration::from_secs(2);

metrics! {
    /// What the index says of itself.
    pub(crate) struct SearchMetrics in "confab_search";

    /// Blocks of messages whose signatures were written
    blocks_total: IntCounter;
    /// Notes of messages whose blocks have no signature that holds them, in the whole deployment;
    /// counted up to 10,000
    pending_notes: IntGauge;
    /// Slices that failed
    failures_total: IntCounter;
}

/// Indexes until it is stopped; connects again when the connection is lost.
pub(crate) async fn run(
    options: PgConnectOptions,
    metrics: SearchMetrics,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Err(error) = index(&options, &metrics, &stop).await {
            metrics.failures_total.inc();
            warn!(%error, "the index of messages starts again");
            stop.run_until_cancelled(tokio::time::sleep(BACK_OFF)).await;
        }
    }
}

async fn index(
    options: &PgConnectOptions,
    metrics: &SearchMetrics,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let mut index = Index::connect(options).await?;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let slice = index.index_slice().await?;
        metrics.blocks_total.inc_by(slice.blocks);
        metrics.pending_notes.set(slice.pending);
        let pause = if slice.notes == 0 {
            IDLE
        } else {
            (began.elapsed() * REST).min(MAX_REST)
        };
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
    index.close().await;
    Ok(())
}
