//! Topics of pub/sub and their names at Redis.

use std::fmt;

/// Where something is published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// The events of a server or an account: lists of [`super::envelope::Envelope`].
    Events(u64),
    /// The answers of lanes to a gateway: lists of [`super::envelope::Answer`].
    Node(String),
    /// The answers of queries to a gateway: [`super::envelope::Chunk`]s.
    Chunks(String),
    /// The beats of all lanes: [`super::envelope::Beat`]s.
    Beats,
    /// Who is there, as all gateways tell: [`crate::presence::Told`].
    Presence,
    /// All that gateways have, for one process that asked for it: [`crate::presence::Told`].
    Asker(String),
    /// A probe of one process, published and heard by itself.
    Probe(String),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(topic) => write!(f, "events:{{{topic}}}"),
            Self::Node(node) => write!(f, "node:{{{node}}}"),
            Self::Chunks(node) => write!(f, "chunks:{{{node}}}"),
            Self::Beats => f.write_str("beats"),
            Self::Presence => f.write_str("presence"),
            Self::Asker(node) => write!(f, "asker:{{{node}}}"),
            Self::Probe(node) => write!(f, "probe:{{{node}}}"),
        }
    }
}

impl Topic {
    /// Reads a name back; `None` for what is not ours.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "beats" => return Some(Self::Beats),
            "presence" => return Some(Self::Presence),
            _ => {}
        }
        let (kind, key) = name.split_once(":{")?;
        let key = key.strip_suffix('}')?;
        Some(match kind {
            "events" => Self::Events(key.parse().ok()?),
            "node" => Self::Node(key.to_owned()),
            "chunks" => Self::Chunks(key.to_owned()),
            "asker" => Self::Asker(key.to_owned()),
            "probe" => Self::Probe(key.to_owned()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let topics = [
            Topic::Events(7),
            Topic::Node("a:b".to_owned()),
            Topic::Chunks("gateway-1".to_owned()),
            Topic::Beats,
            Topic::Presence,
            Topic::Asker("worker-1".to_owned()),
            Topic::Probe("x".to_owned()),
        ];
        for topic in topics {
            assert_eq!(Topic::parse(&topic.to_string()), Some(topic));
        }
        assert_eq!(Topic::parse("other"), None);
    }
}
