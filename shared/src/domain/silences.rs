//! Silences: until when a member may only look on, in a server or in some of its channels.

use super::permissions::Silenced;
use crate::ids::ChannelId;

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
    /// Which of them hold at a time, in a channel or in the server as a whole.
    pub fn at(&self, channel: Option<ChannelId>, now_ms: u64) -> Silenced {
        let mute = channel.and_then(|channel| self.muted_until(channel, now_ms));
        Silenced {
            timeout: self.everywhere > now_ms,
            mute: mute.is_some(),
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
    pub fn muted_until(&self, channel: ChannelId, now_ms: u64) -> Option<u64> {
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
        fn a_silence_holds_where_it_was_said_until_its_end(
            everywhere in 0_u64..4, here in 0_u64..4, there in 0_u64..4, now in 0_u64..4,
        ) {
            let [channel, other] = [7, 8].map(|id| ChannelId::new(id).unwrap());
            let mut silences = Silences { everywhere, channels: Vec::new() };
            silences.set_channel(channel, 9);
            silences.set_channel(channel, here);
            silences.set_channel(other, there);
            let timeout = everywhere > now;
            prop_assert_eq!(silences.at(None, now), Silenced { timeout, mute: false });
            let mute = here > now;
            prop_assert_eq!(silences.at(Some(channel), now), Silenced { timeout, mute });
            prop_assert_eq!(silences.muted_until(channel, now), mute.then_some(here));
        }
    }
}
