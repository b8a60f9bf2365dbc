//! Rules that need no I/O.

pub mod audit;
pub mod content;
pub mod emoji;
pub mod limits;
pub mod mentions;
pub mod notification;
pub mod permissions;
pub mod rights;
pub mod search;
pub mod silences;
