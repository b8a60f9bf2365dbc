//! Settings that every program has: each is a flag and an environment variable.
//!
//! Secrets belong into the environment: a process list shows flags to everyone.

use std::{
    convert::Infallible, fmt, fs, io, net::SocketAddr, path::PathBuf, process, str::FromStr,
};

use clap::{Args, Command, CommandFactory, FromArgMatches, ValueEnum};

use crate::keys::{ClusterKeys, NoKeys};

/// Something that must not be seen in logs: `Debug` and `Display` print `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one who needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl FromStr for Secret<String> {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// The command line of a program. A flag that names no variable has that of its own name:
/// `--stall-ms` is `CONFAB_STALL_MS`.
pub fn command<C: CommandFactory>() -> Command {
    name_variables(C::command())
}

fn name_variables(command: Command) -> Command {
    let command = command.mut_args(|arg| match (arg.get_env(), arg.get_long()) {
        (None, Some(long)) => {
            let name = long.replace('-', "_").to_uppercase();
            // Lives as long as the program, as the names that are written out.
            arg.env(&*format!("CONFAB_{name}").leak())
        }
        _ => arg,
    });
    command.mut_subcommands(name_variables)
}

/// The settings of a program, from its flags and variables; ends it where they are wrong.
pub fn parse<C: CommandFactory + FromArgMatches>() -> C {
    let parsed = C::from_arg_matches(&command::<C>().get_matches());
    parsed.unwrap_or_else(|error| error.exit())
}

/// Where Redis is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bus")]
pub struct BusConfig {
    /// Redis: redis://, rediss:// (TLS) or redis-sentinel://. May hold a password, so
    /// set it in the environment.
    #[arg(
        long,
        env = "REDIS_URL",
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379",
        hide_env_values = true
    )]
    pub redis_url: Secret<String>,
}

/// The keys of the cluster: without them no program starts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Security")]
pub struct KeyConfig {
    /// Secrets of the cluster, the same for every program: one, or several separated by
    /// commas, of at least 32 characters (`openssl rand -hex 32`). Tokens are signed, and requests
    /// and answers are sealed, with the first one; all of them are accepted. Needed
    /// here or in a file.
    #[arg(long, value_name = "SECRETS", hide_env_values = true)]
    pub cluster_key: Option<Secret<String>>,

    /// A file that holds the secrets of the cluster, in place of the variable.
    #[arg(long, value_name = "PATH", conflicts_with = "cluster_key")]
    pub cluster_key_file: Option<PathBuf>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither the variable nor the file is named.
    #[error(
        "there is no cluster key: set CONFAB_CLUSTER_KEY or CONFAB_CLUSTER_KEY_FILE, the same everywhere (`openssl rand -hex 32` makes one)"
    )]
    Missing,
    /// The file cannot be read.
    #[error("CONFAB_CLUSTER_KEY_FILE: {0}")]
    File(#[from] io::Error),
    /// What is there is no list of secrets.
    #[error(transparent)]
    Bad(#[from] NoKeys),
}

impl KeyConfig {
    /// Reads the keys.
    pub fn keys(&self) -> Result<ClusterKeys, KeyError> {
        match (&self.cluster_key, &self.cluster_key_file) {
            (Some(secrets), _) => Ok(secrets.expose().parse()?),
            (None, Some(path)) => Ok(fs::read_to_string(path)?.parse()?),
            (None, None) => Err(KeyError::Missing),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged and traced.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs and traces")]
pub struct TelemetryConfig {
    /// What is logged: a level, or directives such as `info,worker=debug`. What people write, what
    /// they are called and what lets them in is in no line, whatever the level.
    #[arg(
        long,
        env = "CONFAB_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log_filter: String,

    /// How log lines look. Those in JSON end with `trace_id` and `span_id` where they belong to a
    /// request that is traced.
    #[arg(
        long,
        value_enum,
        default_value_t = LogFormat::Text
    )]
    pub log_format: LogFormat,

    /// Collector for traces (OTLP over HTTP), such as <http://127.0.0.1:4318>. Without
    /// it nothing is traced.
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// The share of requests that is traced, from 0 to 1. Decided where a request enters.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 0.01,
        value_parser = ratio
    )]
    pub trace_ratio: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_filter: "info".to_owned(),
            log_format: LogFormat::Text,
            otlp_endpoint: None,
            trace_ratio: 0.01,
        }
    }
}

/// The operations port: metrics and health.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Operations")]
pub struct OpsConfig {
    /// Address for /metrics, /healthz and /readyz. Not for strangers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    pub ops_listen: SocketAddr,
}

/// Who this process is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Node")]
pub struct NodeConfig {
    /// Name of this process, unique in the cluster: 1 to 64 of a-z A-Z 0-9 . _ -
    /// Default: host name, process id and a random suffix.
    #[arg(
        long,
        value_name = "NAME",
        default_value_t = generated_node(),
        hide_default_value = true,
        value_parser = node
    )]
    pub node: String,
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("not a number from 0 to 1".to_owned()),
    }
}

/// Names become parts of topics, so they hold nothing that has a meaning there.
fn node(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.chars().all(names_a_node);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "not 1 to 64 of a-z A-Z 0-9 . _ -".to_owned())
}

const fn names_a_node(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

/// The host name says where, the process id which, and the random suffix keeps
/// containers apart that all are process 1 on a host of the same name.
fn generated_node() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.chars().filter(|c| names_a_node(*c)).take(40).collect();
    let host = if host.is_empty() { "node" } else { &host };
    let suffix = getrandom::u32().unwrap_or_default();
    format!("{host}-{}-{suffix:08x}", process::id())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        bus: BusConfig,
        #[command(flatten)]
        telemetry: TelemetryConfig,
        #[command(flatten)]
        ops: OpsConfig,
        #[command(flatten)]
        node: NodeConfig,
        #[command(flatten)]
        keys: KeyConfig,
    }

    #[test]
    fn everything_has_a_default() {
        let program = Program::try_parse_from(["program"]).unwrap();
        assert_eq!(program.bus.redis_url.expose(), "redis://127.0.0.1:6379");
        assert_eq!(program.telemetry.log_format, LogFormat::Text);
        assert_eq!(program.telemetry.otlp_endpoint, None);
        assert_eq!(program.ops.ops_listen.port(), 9090);
        assert_eq!(node(&program.node.node), Ok(program.node.node));
    }

    #[test]
    fn every_flag_has_a_variable_and_a_sentence() {
        command::<Program>().debug_assert();
        for argument in command::<Program>().get_arguments() {
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            assert!(argument.get_env().is_some(), "{argument}");
            assert!(argument.get_help().is_some(), "{argument}");
        }
    }

    #[test]
    fn no_program_starts_without_a_key_of_its_cluster() {
        let keys = |flags: &[&str]| {
            let flags = [&["program"], flags].concat();
            Program::try_parse_from(flags).unwrap().keys.keys()
        };
        assert!(matches!(keys(&[]), Err(KeyError::Missing)));
        let short = keys(&["--cluster-key", "hunter2"]).unwrap_err();
        assert!(!short.to_string().contains("hunter2"));
        assert!(keys(&["--cluster-key", &"k".repeat(32)]).is_ok());
        let gone = keys(&["--cluster-key-file", "/nowhere/at/all"]);
        assert!(matches!(gone, Err(KeyError::File(_))));
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = Secret::new("redis://:hunter2@redis".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "… …");
        let program =
            Program::try_parse_from(["program", "--redis-url", "redis://:hunter2@redis"]).unwrap();
        assert!(!format!("{program:?}").contains("hunter2"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            ["--trace-ratio", "1.5"],
            ["--trace-ratio", "NaN"],
            ["--node", "a}b"],
            ["--node", ""],
            ["--ops-listen", "9090"],
            ["--log-format", "xml"],
        ] {
            assert!(
                Program::try_parse_from(["program", bad[0], bad[1]]).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn generated_nodes_differ() {
        assert_ne!(generated_node(), generated_node());
    }
}
