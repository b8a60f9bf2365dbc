//! Sends what is due: claims of each service as many as it has free places, and notes together what became of
//! those that ended.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use shared::telemetry::adopt_parent;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug_span, warn};

use super::{record::Ended, sender::Sender};
use crate::{
    error::StoreError,
    store::push::{Push, SweepPlace},
};

/// Pushes to one service at a time: with answers in 50 ms over a thousand a second.
const AT_ONCE: usize = 64;
/// One claim of this many begins with what is least urgent: it is not to wait for ever while there is more of the other.
const URGENT_LAST_EVERY: u64 = 10;
/// How soon to look again when nothing was due, or Postgres did not answer.
const IDLE: Duration = Duration::from_millis(250);
/// What is claimed and noted together: claims this soon behind one another would each be for one push.
const GATHER: Duration = Duration::from_millis(10);
/// How often what is overdue is looked for, and some rows are looked at for what is past.
const SURVEY: Duration = Duration::from_secs(5);
/// How long Postgres has to answer until claims of others are taken for lapsed: who could not note what it had
/// sent does so first.
const STEADY: Duration = Duration::from_secs(10);
/// How long one that stops tries to note what it has sent.
const LAST_NOTES: Duration = Duration::from_secs(5);

/// What is under way, and what ended and is not noted yet.
struct Round {
    sender: Arc<Sender>,
    under_way: JoinSet<Ended>,
    /// The places of each service.
    places: BTreeMap<String, Arc<Semaphore>>,
    ended: Vec<Ended>,
    claims: u64,
    /// Since when Postgres answers.
    steady_since: Instant,
    surveyed: Option<Instant>,
    swept: SweepPlace,
}

impl Sender {
    /// Sends until it is stopped; what is under way is noted.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.metrics.begin_at_zero(&self.policy.services);
        let services = self.policy.services.names();
        let places = services.map(|it| (it.to_owned(), Arc::new(Semaphore::new(AT_ONCE))));
        let places = places.collect();
        let mut round = Round {
            sender: Arc::new(self),
            places,
            under_way: JoinSet::new(),
            ended: Vec::new(),
            claims: 0,
            steady_since: Instant::now(),
            surveyed: None,
            swept: SweepPlace::default(),
        };
        while !stop.is_cancelled() {
            round.look_after().await;
            let began = round.begin().await;
            round.wait_some(!began, &stop).await;
            round.note().await;
        }
        round.finish().await;
    }
}

impl Round {
    async fn look_after(&mut self) {
        if self.surveyed.is_some_and(|at| at.elapsed() < SURVEY) {
            return;
        }
        self.surveyed = Some(Instant::now());
        let survey = self.sender.survey().await;
        self.judge_postgres(&survey, "pushes could not be counted");
        let swept = self.sender.pushes.sweep(&mut self.swept).await;
        self.judge_postgres(&swept, "past pushes could not be deleted");
    }

    /// Says whether Postgres did it, and remembers where it did not.
    fn judge_postgres(&mut self, result: &Result<(), StoreError>, what: &str) -> bool {
        if let Err(error) = result {
            warn!(%error, "{what}");
            self.steady_since = Instant::now();
        }
        result.is_ok()
    }

    /// Claims what is due and begins to send it; says whether there was any. Nothing, while something is not
    /// noted: what is held here has a bound.
    async fn begin(&mut self) -> bool {
        if !self.ended.is_empty() {
            return false;
        }
        let with_lapsed = self.steady_since.elapsed() >= STEADY;
        self.claims += 1;
        let order = (with_lapsed, self.claims.is_multiple_of(URGENT_LAST_EVERY));
        let claimed = match self.sender.claim(&self.places, order).await {
            Ok(claimed) => claimed,
            Err(error) => return self.judge_postgres(&Err(error), "pushes could not be claimed"),
        };
        let some = !claimed.is_empty();
        for push in claimed {
            let places = self.places.get(&push.service).cloned();
            let place = places.and_then(|places| places.try_acquire_owned().ok());
            let sender = self.sender.clone();
            self.under_way.spawn(async move {
                let _until_the_end = place;
                let span = debug_span!("push", service = %push.service);
                adopt_parent(&span, push.trace.as_deref());
                let outcome = sender.attempt(&push).instrument(span).await;
                Ended { push, outcome }
            });
        }
        some
    }

    /// Takes those that have ended by now; where nothing was due, after some time or with the first one, and in any case a
    /// moment later, with those that end about then.
    async fn wait_some(&mut self, is_idle: bool, stop: &CancellationToken) {
        if is_idle || self.under_way.len() >= AT_ONCE {
            tokio::select! {
                Some(ended) = self.under_way.join_next() => self.take(ended.ok()),
                () = sleep(IDLE) => {}
                () = stop.cancelled() => {}
            }
        }
        sleep(GATHER).await;
        while let Some(ended) = self.under_way.try_join_next() {
            self.take(ended.ok());
        }
    }

    fn take(&mut self, ended: Option<Ended>) {
        let Some(ended) = ended else {
            return;
        };
        self.sender.count(&ended);
        self.ended.push(ended);
    }

    /// Notes what ended, or keeps it for the next time.
    async fn note(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let noted = self.sender.record(&self.ended).await;
        if self.judge_postgres(&noted, "what became of pushes could not be noted") {
            self.ended.clear();
        }
    }

    /// Waits for what is under way, and notes it.
    async fn finish(mut self) {
        while let Some(ended) = self.under_way.join_next().await {
            self.take(ended.ok());
        }
        let until = Instant::now() + LAST_NOTES;
        self.note().await;
        while !self.ended.is_empty() && Instant::now() < until {
            sleep(IDLE).await;
            self.note().await;
        }
        self.sender.pushes.close().await;
    }
}

impl Sender {
    async fn survey(&self) -> Result<(), StoreError> {
        let services: Vec<&str> = self.policy.services.names().collect();
        for waiting in self.pushes.list_waiting(&services).await? {
            let gauge = self
                .metrics
                .overdue_seconds
                .with_label_values(&[&waiting.service]);
            gauge.set(waiting.overdue_s.unwrap_or_default());
        }
        Ok(())
    }

    async fn claim(
        &self,
        places: &BTreeMap<String, Arc<Semaphore>>,
        order: (bool, bool),
    ) -> Result<Vec<Push>, StoreError> {
        let free = places.iter().filter_map(|(service, places)| {
            let free = i64::try_from(places.available_permits()).unwrap_or_default();
            (free > 0).then_some((service.as_str(), free))
        });
        let (services, counts): (Vec<&str>, Vec<i64>) = free.unzip();
        if services.is_empty() {
            return Ok(Vec::new());
        }
        let free = (services.as_slice(), counts.as_slice());
        let mut claimed = self.pushes.claim_pushes(free, order).await?;
        self.judge(&mut claimed).await;
        Ok(claimed)
    }
}
