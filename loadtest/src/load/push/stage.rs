//! A server of people who are away, each with browsers, and one who writes.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shared::{
    domain::limits::{MAX_CHANNELS, MAX_MENTIONS, MAX_PUSH_DEVICES},
    ids::{ChannelId, UserId},
};

use crate::{
    away::AwayServer, client::Options, cluster::Cluster, push_service::PushService,
    requests::subscribe_push,
};

/// People who are made at once.
const AT_ONCE: usize = 64;

/// How many there are of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) accounts: usize,
    /// Browsers of each.
    pub(super) devices: usize,
    /// Accounts that a message names.
    pub(super) named: usize,
    /// Messages that are sent at most.
    pub(super) messages: usize,
}

/// Somebody who is away.
#[derive(Debug)]
pub(super) struct Absent {
    pub(super) user: UserId,
    /// The browsers, by their numbers at the service.
    pub(super) browsers: Vec<usize>,
}

/// The server and its people.
#[derive(Debug)]
pub(super) struct PushStage {
    pub(super) away: AwayServer,
    people: Vec<Absent>,
    crowd: Crowd,
}

impl Crowd {
    /// Channels that are needed so that nobody is mentioned twice in one: a push takes the place of one that still waits
    /// for the same device and channel.
    fn count_channels(&self) -> usize {
        (self.messages * self.named).div_ceil(self.accounts)
    }

    /// The channel of the message of this number, and the accounts that it names, by their places: one after the other, and
    /// once all were, in the next channel.
    const fn name(&self, number: usize) -> (usize, Range<usize>) {
        let first = number * self.named;
        let at = first % self.accounts;
        (first / self.accounts, at..at + self.named)
    }

    /// Whether it can be done.
    pub(super) fn check(&self) -> Result<()> {
        let Self {
            accounts,
            devices,
            named,
            ..
        } = *self;
        ensure!(
            (1..=MAX_PUSH_DEVICES).contains(&devices),
            "an account has 1 to {MAX_PUSH_DEVICES} devices"
        );
        ensure!(
            (1..=MAX_MENTIONS).contains(&named),
            "a message names 1 to {MAX_MENTIONS} accounts"
        );
        ensure!(
            accounts > 0 && accounts.is_multiple_of(named),
            "the accounts are a multiple of the {named} that a message names"
        );
        ensure!(
            self.count_channels() < MAX_CHANNELS,
            "each account would be mentioned {} times: more accounts, or a shorter run",
            self.count_channels()
        );
        Ok(())
    }
}

impl PushStage {
    /// Makes the people.
    pub(super) async fn open(
        cluster: &Cluster,
        crowd: Crowd,
        (service, key): (&PushService, &str),
    ) -> Result<Self> {
        let gateways = cluster.addresses();
        let channels = crowd.count_channels();
        let away = AwayServer::open(gateways.clone(), Options::default(), channels).await?;
        let gateways = gateways.iter().cycle().take(crowd.accounts);
        let people = stream::iter(gateways).map(|gateway| async {
            let (mut way, user) = away.enter(gateway).await?;
            let mut browsers = Vec::new();
            for _ in 0..crowd.devices {
                let browser = service.subscribe(key)?;
                way.call(0, &subscribe_push(&browser)).await?;
                browsers.push(browser.number);
            }
            anyhow::Ok(Absent { user, browsers })
        });
        let people = people.buffered(AT_ONCE).try_collect().await;
        Ok(Self {
            people: people.context("somebody who is away")?,
            away,
            crowd,
        })
    }

    /// Where the message of this number goes, and whom it names; none behind the last.
    pub(super) fn message(&self, number: usize) -> Option<(ChannelId, &[Absent])> {
        let (channel, named) = self.crowd.name(number);
        Some((*self.away.channels.get(channel)?, self.people.get(named)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_is_named_twice_in_a_channel() {
        let crowd = Crowd {
            accounts: 6,
            devices: 1,
            named: 2,
            messages: 7,
        };
        crowd.check().unwrap();
        let names = (0..crowd.messages).flat_map(|number| {
            let (channel, named) = crowd.name(number);
            named.map(move |account| (channel, account))
        });
        let names: Vec<_> = names.collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 14);
        assert!(
            names
                .iter()
                .all(|(channel, _)| *channel < crowd.count_channels())
        );
        let uneven = Crowd { named: 4, ..crowd };
        assert!(uneven.check().is_err());
    }
}
