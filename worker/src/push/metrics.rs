//! What web push says of itself.

use shared::metrics;

use super::{attempt::Outcome, service::PushServices};

metrics! {
    /// What web push says of itself.
    pub(crate) struct PushMetrics in "confab_push";

    /// Attempts at sending a push, by its service and by what became of it: sent; gone, as the service does not know the
    /// device any more; later, as the service could not take it now; shortened, as it was too large, and is tried
    /// without content; failed, for good; expired, as it was too old; superseded by a newer one; unsubscribed, as
    /// nobody listens there any more; withdrawn, as it was late, and what it tells of is read or not to be told any more
    attempts_total: IntCounterVec by "service", "outcome";
    /// How old pushes were when they were sent, in seconds, by service
    age_seconds: HistogramVec by "service" from 0.005 by twos 24;
    /// How long push services took to answer, by service
    answer_seconds: HistogramVec by "service";
    /// How long the oldest push of the whole deployment is overdue, in seconds, by service
    overdue_seconds: GaugeVec by "service";
}

impl PushMetrics {
    /// Shows each service before anything is sent.
    pub(crate) fn begin_at_zero(&self, services: &PushServices) {
        for service in services.names() {
            for outcome in Outcome::NAMES {
                self.attempts_total.with_label_values(&[service, outcome]);
            }
            self.overdue_seconds.with_label_values(&[service]).set(0.0);
        }
    }
}
