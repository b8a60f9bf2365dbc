//! Notifications: who is told of a message on devices whose pages are closed.
//!
//! A consumer of the log plans: it finds who may be told of a new message, decides by the one rule of
//! `shared::domain::notification`, and leaves a row for each account. When the row is due, any worker that has keys decides again, by what
//! is so then, and leaves a push for each device; the sender does the rest. What follows from a message is so in a row or in a
//! job at every moment, and no lane waits for any of it.

mod candidates;
mod delivery;
mod facts;
mod planner;
mod present;
mod text;

pub(crate) use candidates::AudienceSource;
pub(crate) use delivery::Delivery;
pub(crate) use facts::{Gathered, SaidMessage};
pub(crate) use planner::{NotificationMetrics, Planner};
pub(crate) use present::LateTeller;
