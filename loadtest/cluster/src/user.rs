//! Whom servers run as: root gives them an unprivileged user, as they refuse to be root, or should.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::environment::variable;

/// An unprivileged user.
#[derive(Debug, Clone, Copy)]
pub struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// Who runs a server: none when we are not root and run it ourselves, else the user of this
    /// name, or nobody.
    pub fn of_server(name: &str) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").context("looking for a user")?;
        let find = |name: &str| {
            users.lines().find_map(|line| {
                let mut fields = line
                    .strip_prefix(name)?
                    .strip_prefix(':')?
                    .split(':')
                    .skip(1);
                let uid = fields.next()?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                Some(Self { uid, gid })
            })
        };
        let user = find(name).or_else(|| find("nobody"));
        let user = user.with_context(|| {
            format!("there is no unprivileged user ({name} or nobody) to run the servers as")
        })?;
        Ok(Some(user))
    }

    /// Whether this user can walk to a folder.
    pub fn reaches(self, folder: &Path) -> bool {
        let mut test = Command::new("test");
        test.arg("-x").arg(folder).uid(self.uid).gid(self.gid);
        test.status().is_ok_and(|status| status.success())
    }
}

/// Runs a command as this user, who gets nothing of root's environment.
pub(crate) fn run_as(command: &mut Command, user: Option<User>) {
    if let Some(user) = user {
        forget_root(command);
        command.uid(user.uid).gid(user.gid);
    }
}

/// What runs the rest of its words within this network, which only root enters, as this user.
pub(crate) fn run_within(network: &Path, user: Option<User>) -> Command {
    let mut command = Command::new("nsenter");
    let mut net = OsString::from("--net=");
    net.push(network);
    command.arg(net).arg("--");
    if let Some(user) = user {
        forget_root(&mut command);
        let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
        command.args([
            "setpriv",
            "--reuid",
            &uid,
            "--regid",
            &gid,
            "--clear-groups",
            "--",
        ]);
    }
    command
}

fn forget_root(command: &mut Command) {
    command
        .env_clear()
        .envs(variable("PATH").map(|path| ("PATH", path)))
        .env("HOME", "/");
}

/// Gives a file or a folder to this user, if there is one.
pub(crate) fn give_to(owner: Option<User>, path: &Path) -> Result<()> {
    let (uid, gid) = (owner.map(|user| user.uid), owner.map(|user| user.gid));
    Ok(chown(path, uid, gid)?)
}

/// Makes a folder that only its owner enters, and refuses one that belongs to somebody else.
pub(crate) fn own_folder(folder: &Path, owner: Option<User>) -> Result<()> {
    if !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(folder)?;
        give_to(owner, folder)?;
    }
    let uid = owner.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != uid {
        bail!(
            "{} does not belong to user {uid}. Was the cluster started by another user before? \
             That user can run `make reset`.",
            folder.display()
        );
    }
    Ok(())
}
