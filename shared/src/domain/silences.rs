//! Silences: until when a member may only look on, in a server or in some of its channels.

use super::permissions::Permissions;
use crate::ids::ChannelId;

/// What is left to who is silenced.
const LEFT: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_HISTORY);

/// Until when a member is silenced, in milliseconds since 1970. A silence ends by itself: nothing
/// happens then, as each decision compares it with the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silences {
    /// Everywhere in the server; 0 when he is not.
    pub everywhere: u64,
    /// In single channels.
    pub channels: Vec<(ChannelId, u64)>,
}

impl Silences {
    /// What is left of the permissions `held`, in a channel or in the server as a whole. Who may
    /// everything is silenced by nobody.
    #[must_use]
    pub fn restrict(
        &self,
        held: Permissions,
        channel: Option<ChannelId>,
        now_ms: u64,
    ) -> Permissions {
        let here = |(muted, until): &(ChannelId, u64)| Some(*muted) == channel && *until > now_ms;
        let silenced = self.everywhere > now_ms || self.channels.iter().any(here);
        if silenced && !held.contains(Permissions::ADMINISTRATOR) {
            held & LEFT
        } else {
            held
        }
    }

    /// Silences him in a channel until then, whatever was before; 0 ends it.
    pub fn set_channel(&mut self, channel: ChannelId, until: u64) {
        self.channels.retain(|(muted, _)| *muted != channel);
        if until > 0 {
            self.channels.push((channel, until));
        }
    }

    /// Until when he is silenced in a channel; none when he is not.
    pub fn in_channel(&self, channel: ChannelId, now_ms: u64) -> Option<u64> {
        let mut muted = self.channels.iter();
        let found = muted.find(|(muted, until)| *muted == channel && *until > now_ms);
        found.map(|(_, until)| *until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_silence_takes_all_but_looking_on_until_its_end(
            bits in any::<u64>(), everywhere in 0_u64..4, here in 0_u64..4, there in 0_u64..4,
            now in 0_u64..4,
        ) {
            let held = Permissions::from_bits_truncate(bits);
            let [channel, other] = [7, 8].map(|id| ChannelId::new(id).unwrap());
            let mut silences = Silences { everywhere, channels: Vec::new() };
            silences.set_channel(channel, 9);
            silences.set_channel(channel, here);
            silences.set_channel(other, there);
            let is_free = |silenced: bool| !silenced || held.contains(Permissions::ADMINISTRATOR);
            let expected = |silenced| if is_free(silenced) { held } else { held & LEFT };
            let in_server = silences.restrict(held, None, now);
            prop_assert_eq!(in_server, expected(everywhere > now));
            let in_channel = silences.restrict(held, Some(channel), now);
            prop_assert_eq!(in_channel, expected(everywhere > now || here > now));
            prop_assert_eq!(silences.in_channel(channel, now), (here > now).then_some(here));
        }
    }
}
