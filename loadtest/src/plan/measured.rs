//! What a plan is made from: a few figures of the reports in `docs/reports`, in a table beside this
//! file, as neither images nor packages hold the reports. `make docs` writes it from them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::measure::{Report, Role};

/// The runs that say what connections, messages and deliveries cost.
const RUNS: [&str; 9] = [
    "idle",
    "rooms-idle",
    "rooms-100",
    "rooms-500",
    "rooms-half",
    "fanout-100",
    "fanout-1000",
    "fanout-10000",
    "fanout-gateways",
];
/// What takes part in a message.
pub const ROLES: [Role; 4] = [Role::Gateway, Role::Worker, Role::Redis, Role::Postgres];

/// All figures of reports that a plan uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Runs, by the names of their reports.
    pub runs: BTreeMap<String, Measurement>,
    /// Bytes of a gateway for each connection, of `idle`.
    pub connection_bytes: f64,
    /// Sessions opened per CPU second of each role, of `storm-busy`.
    pub sign_ins: BTreeMap<Role, f64>,
    /// Bytes on disk for each message, of `disk`: the message, its event, its nonce, the log.
    pub disk: [f64; 4],
    /// The most messages a second that a report has, that of `rooms`.
    pub most_messages: f64,
    /// The most connections that one gateway had in a report, that of `resume` after the kill.
    pub most_connections: f64,
}

/// What one run used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Connections in all.
    pub connections: f64,
    /// Connections that hear each message.
    pub room: f64,
    /// Messages a second.
    pub messages: f64,
    /// Gateways.
    pub gateways: f64,
    /// Workers.
    pub workers: f64,
    /// Lanes that had something to write.
    pub lanes: f64,
    /// Seconds of CPU a second, of all processes of a role.
    pub cpu: BTreeMap<Role, f64>,
    /// Bytes of memory, of all processes of a role.
    pub memory: BTreeMap<Role, f64>,
}

impl Measured {
    /// The figures that this program was built with.
    pub fn built_in() -> Result<Self> {
        Ok(serde_json::from_str(include_str!("measured.json"))?)
    }

    /// The figures of the reports in a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let report = |name: &str| Report::read(&folder.join(name).with_extension("json"));
        let runs = RUNS.map(|name| Ok((name.to_owned(), Measurement::of(&report(name)?)?)));
        let storm = report("storm-busy")?;
        let sign_ins = ROLES.map(|role| {
            let name = format!("authenticated connections per {} CPU second", role.name());
            Ok((role, figure(&storm, &name)?))
        });
        let disk = report("disk")?;
        let [message, event, nonce, log] = [
            "disk per message",
            "disk per message, its event",
            "disk per message, its nonce",
            "log of postgres per message",
        ]
        .map(|name| figure(&disk, name));
        Ok(Self {
            runs: runs.into_iter().collect::<Result<_>>()?,
            connection_bytes: figure(&report("idle")?, "gateway memory per connection")?,
            sign_ins: sign_ins.into_iter().collect::<Result<_>>()?,
            disk: [message?, event?, nonce?, log?],
            most_messages: figure(&report("rooms")?, "messages")?,
            most_connections: setting(&report("resume")?, "members")?,
        })
    }

    /// The table beside this file.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// A run by the name of its report.
    pub fn run(&self, name: &str) -> Result<&Measurement> {
        self.runs
            .get(name)
            .with_context(|| format!("there is no report {name}"))
    }
}

impl Measurement {
    /// What a report says of its run.
    pub fn of(report: &Report) -> Result<Self> {
        let gateways = setting(report, "gateways")?;
        let workers = setting(report, "workers")?;
        let (servers, room) = match report.scenario.as_str() {
            "rooms" => (
                setting(report, "rooms")?,
                setting(report, "members of a room")?,
            ),
            "fanout" => (1.0, setting(report, "members")?),
            _ => (0.0, 0.0),
        };
        let connections = match report.scenario.as_str() {
            "idle" => setting(report, "connections")?,
            _ => servers * room,
        };
        // By itself a worker has one lane for two cores; a server is written by one of them.
        let lanes = workers * crate::measure::real((report.environment.cores / 2).max(1) as u64);
        let of = |what: &dyn Fn(&crate::measure::Usage) -> f64| {
            let usage = report.usage.iter().filter(|(role, _)| ROLES.contains(role));
            usage.map(|(role, usage)| (*role, what(usage))).collect()
        };
        Ok(Self {
            connections,
            room,
            messages: figure(report, "messages").unwrap_or_default(),
            gateways,
            workers,
            lanes: if servers > 0.0 {
                lanes.min(servers)
            } else {
                lanes
            },
            cpu: of(&|usage| usage.cpu / usage.seconds),
            memory: of(&|usage| crate::measure::real(usage.resident)),
        })
    }
}

fn figure(report: &Report, name: &str) -> Result<f64> {
    let figure = report.figure(name);
    let figure = figure.with_context(|| format!("{} has no figure {name:?}", report.scenario))?;
    Ok(figure.value)
}

fn setting(report: &Report, name: &str) -> Result<f64> {
    let text = report.settings.get(name);
    let text = text.with_context(|| format!("{} has no setting {name:?}", report.scenario))?;
    text.parse()
        .with_context(|| format!("{name} is {text:?}, which is no number"))
}
