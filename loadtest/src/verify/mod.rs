//! `loadtest verify`: each promise under the faults that would break it, on a
//! cluster of its own, decided by a checker that shares no code with the servers.
//!
//! - [`promise`] has the words, [`outcome`] what is printed;
//! - [`schedule`] is what is done to a cluster, [`trial`] does it;
//! - the other files are the promises themselves.

mod copies;
mod faketime;
mod health;
mod heavy;
pub mod isolate;
mod limits;
mod moderated;
mod notification;
mod numbers;
pub mod outcome;
mod presence;
mod probe;
pub mod promise;
mod readers;
mod restore;
mod rights;
pub mod schedule;
mod sight;
mod signin;
mod stored;
mod strangers;
mod stream;
pub mod trial;
mod unread;
mod versions;

use std::{fs::File, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use tokio::time::timeout;

use self::{
    outcome::{Outcome, Verdict},
    promise::Promise,
    trial::{Size, Terms, Trial},
};
use crate::{checker, cluster::needs_network, random};

/// Seconds of a schedule when nothing is said.
const USUAL_SECONDS: u64 = 20;
/// Seconds of a short schedule.
const SHORT_SECONDS: u64 = 5;
/// From here on everything else is large, too.
const LONG_SECONDS: u64 = 120;
/// What a trial may take besides its schedule.
const BESIDES: Duration = Duration::from_mins(15);

/// What is to be verified.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// P1 to P23, a schedule by its name, a list like P1-P11,P15, or `all`.
    #[arg(long, default_value = "all")]
    pub promise: String,
    /// Everything that is random follows from it; a fresh one when it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long each schedule of faults is; from 120 on, loads are large, too.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// The short schedules that the tests run.
    #[arg(long)]
    pub short: bool,
    /// Promised times without slack for a busy machine, and latencies are judged, too.
    #[arg(long)]
    pub strict: bool,
    /// Writes the outcomes to a file as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Verifies; whether everything that could be tested was kept.
pub async fn run(arguments: &Arguments, say: &(dyn Fn(&str) + Sync)) -> Result<bool> {
    let (promises, named) = promise::select(&arguments.promise)?;
    let terms = terms(arguments);
    let mut outcomes = Vec::new();
    for promise in promises {
        say(&format!("{promise}: {}", promise.text()));
        let outcome = Box::pin(attempt(promise, &terms, say)).await;
        say(&outcome.to_string());
        outcomes.push(outcome);
    }
    for outcome in &outcomes {
        say(&outcome.row());
    }
    if let Some(path) = &arguments.json {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        serde_json::to_writer_pretty(file, &outcomes)?;
    }
    Ok(outcomes.iter().all(|outcome| match outcome.verdict {
        Verdict::Kept => true,
        Verdict::Broken => false,
        // Nobody who asks for it by name is to think that it holds.
        Verdict::Skipped | Verdict::Uncovered => !named,
    }))
}

/// The short trial of a promise, for tests: fails with the counterexample.
pub async fn short(promise: Promise) -> Result<Outcome> {
    let terms = Terms {
        seed: random::seed(),
        length: Duration::from_secs(SHORT_SECONDS),
        size: Size::Short,
        strict: false,
    };
    let outcome = Box::pin(attempt(promise, &terms, &|_| {})).await;
    if outcome.verdict == Verdict::Broken {
        let deeds = outcome.deeds.iter();
        let deeds: Vec<String> = deeds
            .map(|deed| format!("{} ms: {}", deed.at_ms, deed.what))
            .collect();
        bail!("{outcome}\n{}", deeds.join("\n"));
    }
    Ok(outcome)
}

fn terms(arguments: &Arguments) -> Terms {
    let usual = if arguments.short {
        SHORT_SECONDS
    } else {
        USUAL_SECONDS
    };
    let seconds = arguments.seconds.unwrap_or(usual);
    let size = match seconds {
        _ if arguments.short => Size::Short,
        LONG_SECONDS.. => Size::Long,
        _ => Size::Usual,
    };
    Terms {
        seed: arguments.seed.unwrap_or_else(random::seed),
        length: Duration::from_secs(seconds),
        size,
        strict: arguments.strict,
    }
}

async fn attempt(promise: Promise, terms: &Terms, say: &(dyn Fn(&str) + Sync)) -> Outcome {
    let mut outcome = blank(promise, terms);
    let skipped = match promise {
        Promise::P15 => stored::needs_mount().await,
        Promise::Clocks => faketime::needs_clock(),
        promise if promise.needs_hosts() => needs_network(),
        _ => None,
    };
    if let Some(missing) = promise.needs().map(str::to_owned).or(skipped.clone()) {
        outcome.verdict = if skipped.is_some() {
            Verdict::Skipped
        } else {
            Verdict::Uncovered
        };
        outcome.findings.push(format!("needs {missing}"));
        return outcome;
    }
    match Trial::start(promise, terms, outcome.clone(), say).await {
        Ok(mut trial) => {
            let most = terms.length + BESIDES;
            let played = timeout(most, Box::pin(play(promise, &mut trial)))
                .await
                .unwrap_or_else(|_elapsed| Err(anyhow!("it takes longer than {most:?}")));
            if let Err(error) = played {
                trial.outcome.find(format!("{error:#}"));
            }
            if trial.outcome.verdict == Verdict::Broken {
                trial.outcome.find(trial.cluster.tails());
                keep(&mut trial);
            }
            trial.outcome
        }
        Err(error) => {
            outcome.find(format!("the cluster does not start: {error:#}"));
            outcome
        }
    }
}

/// Copies histories and logs away before the cluster takes them with it, where
/// the environment says that they are wanted.
fn keep(trial: &mut Trial<'_>) {
    let Some(folder) = crate::environment::variable("CONFAB_KEEP") else {
        return;
    };
    let folder =
        PathBuf::from(folder).join(format!("{}-{}", trial.outcome.promise, trial.terms.seed));
    let copied = copy(trial.cluster.dir(), &folder);
    let said = match copied {
        Ok(()) => format!("histories and logs are in {}", folder.display()),
        Err(error) => format!("histories and logs were not kept: {error}"),
    };
    trial.outcome.findings.push(said);
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name()
            && path.is_file()
        {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

async fn play(promise: Promise, trial: &mut Trial<'_>) -> Result<()> {
    match promise {
        Promise::P1 => stored::killed(trial).await,
        Promise::P2 => stored::repeated(trial).await,
        Promise::P3 => stored::one_order(trial).await,
        Promise::P4 => stream::no_hole(trial).await,
        Promise::P5 => stream::resumed(trial).await,
        Promise::P6 => stream::quiet(trial).await,
        Promise::P7 => health::stale_redis(trial).await,
        Promise::P8 => readers::slow(trial).await,
        Promise::P9 => readers::rolled(trial).await,
        Promise::P10 => stored::without_redis(trial).await,
        Promise::P11 => stored::without_postgres(trial).await,
        Promise::P12 => limits::held(trial).await,
        Promise::P13 => notification::told(trial).await,
        Promise::P14 => presence::crashed(trial).await,
        Promise::P15 => stored::full_disk(trial).await,
        Promise::P16 => rights::lost(trial).await,
        Promise::P18 => unread::recounted(trial).await,
        Promise::P17 => health::churn(trial).await,
        Promise::Chaos => stored::chaos(trial).await,
        Promise::P19 => numbers::reused(trial).await,
        Promise::P20 => strangers::starved(trial).await,
        Promise::P21 => heavy::hindered(trial).await,
        Promise::P22 => versions::upgraded(trial).await,
        Promise::P23 => signin::secrets(trial).await,
        Promise::Signin => signin::paused(trial).await,
        Promise::Pages => heavy::pages(trial).await,
        Promise::Clocks => versions::clocks(trial).await,
        Promise::Lagging => versions::lagging(trial).await,
        Promise::Sentinel | Promise::Patroni => copies::replaced(trial).await,
        Promise::Asynchronous => copies::asynchronous(trial).await,
        Promise::Restore => restore::drilled(trial).await,
        Promise::Rights => sight::changes(trial).await,
        Promise::Soak => sight::soak(trial).await,
    }
}

fn blank(promise: Promise, terms: &Terms) -> Outcome {
    let seconds = terms.length.as_secs();
    let (short, strict) = (terms.size == Size::Short, terms.strict);
    Outcome {
        promise: promise.name(),
        promised: promise.text(),
        verdict: Verdict::Kept,
        seed: terms.seed,
        seconds,
        command: format!(
            "loadtest verify --promise {promise} --seed {} --seconds {seconds}{}{}",
            terms.seed,
            if short { " --short" } else { "" },
            if strict { " --strict" } else { "" },
        ),
        deeds: Vec::new(),
        counts: checker::Counts::default(),
        measured: Vec::new(),
        findings: Vec::new(),
    }
}
