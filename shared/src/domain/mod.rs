//! Rules that need no I/O.

pub mod content;
pub mod limits;
pub mod permissions;
pub mod rights;
