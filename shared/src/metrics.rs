//! Metrics of a part of a program: a struct with a handle for each, whose documentation is its
//! help.

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result, core::Collector, exponential_buckets,
};

/// The first bucket of a histogram, and how many there are: each is twice the one before.
pub type Buckets = (f64, usize);

/// From 0.5 ms to 16 s, in seconds.
const SECONDS: Buckets = (0.000_5, 16);

/// A kind of metric.
pub trait Metric: Collector + Clone + 'static {
    /// Makes one; without labels, or buckets, where the kind has none.
    fn make(opts: Opts, labels: &[&str], buckets: Vec<f64>) -> Result<Self>;

    /// Gives one with labels a first value: only then is it shown.
    fn touch(&self) {}
}

macro_rules! kinds {
    ($($single:ident $labelled:ident,)+) => { $(
        impl Metric for $single {
            fn make(opts: Opts, _labels: &[&str], _buckets: Vec<f64>) -> Result<Self> {
                Self::with_opts(opts)
            }
        }

        impl Metric for $labelled {
            fn make(opts: Opts, labels: &[&str], _buckets: Vec<f64>) -> Result<Self> {
                Self::new(opts, labels)
            }

            fn touch(&self) {
                self.with_label_values(&no_values(self));
            }
        }
    )+ };
}

kinds! { IntCounter IntCounterVec, IntGauge IntGaugeVec, Gauge GaugeVec, }

impl Metric for Histogram {
    fn make(opts: Opts, _labels: &[&str], buckets: Vec<f64>) -> Result<Self> {
        Self::with_opts(HistogramOpts::from(opts).buckets(buckets))
    }
}

impl Metric for HistogramVec {
    fn make(opts: Opts, labels: &[&str], buckets: Vec<f64>) -> Result<Self> {
        Self::new(HistogramOpts::from(opts).buckets(buckets), labels)
    }

    fn touch(&self) {
        self.with_label_values(&no_values(self));
    }
}

/// An empty value for each label.
fn no_values(metric: &impl Collector) -> Vec<&'static str> {
    let labels = metric
        .desc()
        .first()
        .map_or(0, |desc| desc.variable_labels.len());
    vec![""; labels]
}

/// Makes a metric and registers it.
pub fn register<M: Metric>(
    registry: &Registry,
    (name, help): (&str, &str),
    labels: &[&str],
    buckets: Option<Buckets>,
) -> Result<M> {
    let (first, count) = buckets.unwrap_or(SECONDS);
    let buckets = exponential_buckets(first, 2.0, count)?;
    let metric = M::make(Opts::new(name, help.trim()), labels, buckets)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// Declares the metrics whose names begin with a prefix: `metrics! { /// … struct Name in "prefix";
/// /// Help. field: Kind; }`, where a kind may have labels, and a histogram buckets.
#[macro_export]
macro_rules! metrics {
    (
        $(#[doc = $about:literal])+ $vis:vis struct $name:ident in $prefix:literal;
        $(
            $(#[doc = $doc:literal])+
            $field:ident: $kind:ident $(by $($label:literal),+)? $(from $first:literal by twos $count:literal)?;
        )+
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $vis $field: ::prometheus::$kind, )+
        }

        impl $name {
            /// Makes the metrics and registers them.
            $vis fn new(registry: &::prometheus::Registry) -> ::prometheus::Result<Self> {
                Ok(Self { $(
                    $field: $crate::metrics::register(
                        registry,
                        (concat!($prefix, "_", stringify!($field)), concat!($($doc),+)),
                        &[$($($label),+)?],
                        [$(($first, $count))?].first().copied(),
                    )?,
                )+ })
            }

            /// Gives those with labels a first value: only then are they shown.
            $vis fn touch(&self) {
                $( $crate::metrics::Metric::touch(&self.$field); )+
            }
        }
    };
}
