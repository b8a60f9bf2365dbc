//! Where the programs are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::environment::variable;

/// One of our own programs, as it was built.
pub fn our_program(name: &str) -> Result<PathBuf> {
    built(&our_programs()?, name)
}

/// The folder of our own binaries: `target/<profile>`, above the `deps` that
/// test executables are in.
fn our_programs() -> Result<PathBuf> {
    if let Some(dir) = variable("CONFAB_BIN_DIR") {
        // The programs run in a folder of their own.
        return Ok(std::path::absolute(dir)?);
    }
    let this = std::env::current_exe().context("finding the running program")?;
    let dir = this.parent().context("the program has no folder")?;
    if dir.ends_with("deps") {
        return Ok(dir.parent().unwrap_or(dir).to_owned());
    }
    Ok(dir.to_owned())
}

fn built(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    if path.is_file() {
        return Ok(path);
    }
    bail!(
        "{} is missing: run `cargo build` first, or set CONFAB_BIN_DIR",
        path.display()
    )
}

/// The program of Redis.
pub fn redis_server() -> Result<PathBuf> {
    if let Some(path) = variable("CONFAB_REDIS_SERVER") {
        return Ok(path.into());
    }
    on_path("redis-server")
        .or_else(|| on_path("valkey-server"))
        .context("redis-server is missing: install it or set CONFAB_REDIS_SERVER")
}

/// The program of HAProxy.
pub fn haproxy() -> Result<PathBuf> {
    if let Some(path) = variable("CONFAB_HAPROXY") {
        return Ok(path.into());
    }
    // Only root has its folder on the path.
    on_path("haproxy")
        .or_else(|| Some(PathBuf::from("/usr/sbin/haproxy")).filter(|program| program.is_file()))
        .context("haproxy is missing: install it or set CONFAB_HAPROXY")
}

/// The program of pgBackRest.
pub fn pgbackrest() -> Result<PathBuf> {
    on_path("pgbackrest").context("pgbackrest is missing: install it")
}

/// The program of Patroni.
pub fn patroni() -> Result<PathBuf> {
    on_path("patroni").context("patroni is missing: install it")
}

/// The program of etcd.
pub fn etcd() -> Result<PathBuf> {
    on_path("etcd").context("etcd is missing: install etcd-server")
}

/// The folder of Postgres' programs: `CONFAB_PG_BIN`, else the newest that is installed; of the
/// major version that made the data, if there is data already.
pub fn postgres_folder(wanted: Option<&str>) -> Result<PathBuf> {
    let here = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = here("/usr/lib/postgresql")
        .chain(
            here("/usr")
                .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"pgsql-")),
        )
        .map(|entry| entry.path().join("bin"))
        .collect();
    installed.sort();
    installed.extend(variable("CONFAB_PG_BIN").map(PathBuf::from));
    let mut known: Vec<PathBuf> = installed.into_iter().rev().collect();
    known.extend(on_path("postgres").and_then(|program| Some(program.parent()?.to_owned())));
    known.retain(|folder| folder.join("postgres").is_file());
    let newest = known
        .first()
        .context("postgres is missing: install it or set CONFAB_PG_BIN")?;
    let Some(wanted) = wanted else {
        return Ok(newest.clone());
    };
    let made = known
        .iter()
        .find(|folder| major(folder).as_deref() == Some(wanted));
    made.cloned().with_context(|| {
        format!(
            "the data was made by PostgreSQL {wanted}, but only {} was found. Install PostgreSQL \
             {wanted}, or run `make reset` to start with empty data.",
            newest.display()
        )
    })
}

/// The major version of the Postgres in this folder.
fn major(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output();
    let said = String::from_utf8(output.ok()?.stdout).ok()?;
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    let digits = version.find(|c: char| !c.is_ascii_digit());
    version.get(..digits?).map(ToOwned::to_owned)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_says_what_to_do() {
        let error = built(Path::new("/nonexistent"), "gateway").unwrap_err();
        assert!(error.to_string().contains("cargo build"), "{error}");
    }
}
