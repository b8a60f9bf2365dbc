//! Rate limits across gateways: what is asked and what is answered.

/// How much of something a key may use: GCRA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many at once, after a rest.
    pub burst: u32,
    /// How many per `period_ms` in the long run.
    pub count: u32,
    /// The period, in milliseconds.
    pub period_ms: u32,
}

/// What the limiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Try again after this many milliseconds.
    Limited(u64),
}
