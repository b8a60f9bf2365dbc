//! Which push services there are: browsers choose theirs, so what a stranger subscribes is held against a list.

use std::{convert::Infallible, str::FromStr};

/// Those of the browsers that there are, by their hosts.
pub(crate) const KNOWN: &str =
    "fcm.googleapis.com,updates.push.services.mozilla.com,web.push.apple.com,notify.windows.com";
/// Any host of the internet.
const ANY: &str = "*";
/// What those are called that are in no list.
const OTHER: &str = "other";

/// Hosts that pushes may go to, those below them included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushServices {
    hosts: Vec<String>,
    any: bool,
}

impl FromStr for PushServices {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let hosts = text
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty());
        let (any, hosts): (Vec<&str>, Vec<&str>) = hosts.partition(|host| *host == ANY);
        Ok(Self {
            hosts: hosts.into_iter().map(str::to_ascii_lowercase).collect(),
            any: !any.is_empty(),
        })
    }
}

impl PushServices {
    /// What the service at a host is called: as the list names it. None where pushes may not go there.
    pub(crate) fn find(&self, host: &str) -> Option<&str> {
        let named = self.hosts.iter().find(|named| {
            let below = host.strip_suffix(named.as_str());
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        });
        named.map(String::as_str).or(self.any.then_some(OTHER))
    }

    /// All that there may be.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str).chain([OTHER])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_host_and_those_below() {
        let known: PushServices = KNOWN.parse().unwrap();
        assert_eq!(known.find("fcm.googleapis.com"), Some("fcm.googleapis.com"));
        assert_eq!(
            known.find("updates.push.services.mozilla.com"),
            Some("updates.push.services.mozilla.com")
        );
        assert_eq!(
            known.find("wns2-par02p.notify.windows.com"),
            Some("notify.windows.com")
        );
        for stranger in [
            "evil-fcm.googleapis.com",
            "fcm.googleapis.com.example",
            "accounts.push.apple.com",
            "example.com",
            "",
        ] {
            assert_eq!(known.find(stranger), None, "{stranger}");
        }
        let any: PushServices = "push.example,*".parse().unwrap();
        assert_eq!(any.find("a.push.example"), Some("push.example"));
        assert_eq!(any.find("example.com"), Some(OTHER));
    }
}
