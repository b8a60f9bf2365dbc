//! How large a deployment has to be: a pure function of what was measured.
//!
//! - [`measured`] is what the reports say, in a table;
//! - [`cost`] makes of it what connections, messages and deliveries cost, by lines through points (`curve`);
//! - [`deployment`] adds what is held in reserve, and `values` writes all as values of the Helm chart.

pub mod cost;
mod curve;
pub mod deployment;
pub mod measured;
#[cfg(test)]
mod tests;
mod values;

use anyhow::Result;
use clap::Args;

use self::{cost::Demand, deployment::Deployment, measured::Measured};
use crate::measure::real;

/// What a deployment has to carry at its busiest.
#[derive(Debug, Clone, Copy, Args)]
pub struct Arguments {
    /// People who are connected, each with each of his devices.
    #[arg(long, value_name = "COUNT")]
    pub connections: u64,
    /// Messages a second, in all rooms together.
    #[arg(long, value_name = "PER_SECOND")]
    pub messages: f64,
    /// Connections that hear a message, in the mean.
    #[arg(long, value_name = "MEMBERS")]
    pub room: u64,
}

/// The values of the chart for a demand, as YAML.
pub fn run(arguments: &Arguments, measured: &Measured) -> Result<String> {
    let demand = Demand {
        connections: real(arguments.connections),
        messages: arguments.messages,
        room: real(arguments.room),
    };
    Ok(values::render(&Deployment::plan(demand, measured)?))
}
