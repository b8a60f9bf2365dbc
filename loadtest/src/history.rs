//! The history of a run: what every client asked, was told and saw, as lines of JSON.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// A message was sent; the outcome says how far it came.
    Send,
    /// A reader saw a message.
    Receive,
    /// A reader was told that a part is missing from its stream.
    Gap,
    /// A message as the cluster's own history showed it at the end.
    Stored,
    /// A reader began: what is behind this place it has to see.
    Open,
    /// A reader's session went on after its connection had ended.
    Resume,
    /// A reader's connection ended.
    Lost,
}

/// How far a send came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It left.
    Invoke,
    /// It was acknowledged; so is all that is not a send.
    Ok,
    /// It was refused: it did not take effect.
    Fail,
    /// Nobody knows: it may or may not have taken effect.
    Info,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the run began, by one clock for all clients.
    pub t: u64,
    /// Who asked or saw.
    pub client: String,
    /// What the line tells of.
    pub op: Op,
    /// How far it came.
    #[serde(rename = "type")]
    pub outcome: Outcome,
    /// Which message, by the name that its sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Which message, by the name that the cluster gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its place in the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// Writes the history of a run to a file.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    began: Instant,
    file: Mutex<BufWriter<File>>,
}

impl History {
    /// A history in a new file.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            began: Instant::now(),
            file: Mutex::new(BufWriter::new(file)),
        })
    }

    /// Microseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes a line, with the time of now.
    pub fn write(&self, client: &str, op: Op, outcome: Outcome, what: What<'_>) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry {
            t: self.now(),
            client: client.to_owned(),
            op,
            outcome,
            nonce: what.nonce.map(str::to_owned),
            id: what.id,
            seq: what.seq,
        };
        serde_json::to_writer(&mut *file, &entry)?;
        file.write_all(b"\n")?;
        Ok(())
    }

    /// Ends the file and reads it back.
    pub fn read_back(&self) -> Result<Vec<Entry>> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()?;
        read(&self.path)
    }
}

/// Which message a line is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct What<'a> {
    /// By its sender's name.
    pub nonce: Option<&'a str>,
    /// By the cluster's name.
    pub id: Option<u64>,
    /// Its place.
    pub seq: Option<u64>,
}

/// Reads a history.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    BufReader::new(file)
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::nonce;

    #[test]
    fn reads_back_what_was_written() {
        let path = std::env::temp_dir().join(format!("confab-history-{}", nonce()));
        let history = History::create(&path).unwrap();
        let what = What {
            nonce: Some("a"),
            id: Some(5),
            seq: None,
        };
        history.write("w1", Op::Send, Outcome::Ok, what).unwrap();
        history
            .write("r1", Op::Gap, Outcome::Ok, What::default())
            .unwrap();
        let entries = history.read_back().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].nonce.as_deref(), Some("a"));
        assert_eq!((entries[0].id, entries[0].seq), (Some(5), None));
        assert_eq!(entries[1].op, Op::Gap);
        assert!(entries[0].t <= entries[1].t);
    }
}
