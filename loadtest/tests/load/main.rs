//! The tools besides the clients: the bare writer and the scenarios of load.
//! A program of its own, as what they measure wants the machine for itself.

mod limit;
mod scenarios;
