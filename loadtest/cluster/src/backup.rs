//! Backups of Postgres with pgBackRest, set up as the example says.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    command::run,
    node::Node,
    place::Place,
    programs::pgbackrest,
    user::{User, own_folder, run_as},
};

const CONFIG: &str = include_str!("../../../deploy/pgbackrest/pgbackrest.conf");
/// Of a Postgres that is backed up: what it wrote leaves the host file by file, after a minute at most.
const ARCHIVE: [&str; 3] = [
    "archive_mode=on",
    "archive_command=pgbackrest --stanza=confab archive-push %p",
    "archive_timeout=60",
];

/// What it takes to back up the Postgres of a place, and to restore it.
#[derive(Debug)]
pub struct Backup {
    program: PathBuf,
    user: Option<User>,
    environment: Vec<(&'static str, String)>,
    socket: String,
}

impl Backup {
    pub(crate) fn new(place: &Place, port: u16) -> Result<Self> {
        let user = User::of_server("postgres")?;
        let home = place.data.join("backup");
        own_folder(&home, user)?;
        let config = home.join("pgbackrest.conf");
        fs::write(&config, CONFIG)?;
        let postgres = place.data.join("postgres");
        let under = |name: &str| home.join(name).display().to_string();
        let environment = vec![
            ("PGBACKREST_CONFIG", config.display().to_string()),
            ("PGBACKREST_REPO1_PATH", under("repository")),
            ("PGBACKREST_LOG_PATH", under("log")),
            ("PGBACKREST_LOCK_PATH", under("lock")),
            (
                "PGBACKREST_PG1_PATH",
                postgres.join("data").display().to_string(),
            ),
            ("PGBACKREST_PG1_PORT", port.to_string()),
            ("PGBACKREST_PG1_SOCKET_PATH", postgres.display().to_string()),
            ("PGBACKREST_PG1_USER", "confab".to_owned()),
        ];
        Ok(Self {
            program: pgbackrest()?,
            user,
            environment,
            socket: format!("unix_socket_directories={}", postgres.display()),
        })
    }

    /// Has a Postgres archive what it writes.
    pub(crate) fn apply(&self, node: &mut Node) {
        for (name, value) in &self.environment {
            node.set(name, value);
        }
        for setting in ARCHIVE.into_iter().chain([self.socket.as_str()]) {
            node.arguments(["-c", setting]);
        }
    }

    /// Runs pgBackRest with these words.
    pub async fn tell(&self, words: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.program);
        run_as(&mut command, self.user);
        command.arg("--stanza=confab").args(words).current_dir("/");
        command.envs(self.environment.iter().cloned());
        run(command, "").await
    }
}
