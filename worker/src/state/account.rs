//! Registers of accounts, as they stand for the next command of a transaction.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::limits::MAX_REGISTERS,
    error::{Reason, Refusal},
    ids::UserId,
    protocol::register::{Key, Register, Write},
};

/// Names a register of any account.
pub(crate) type RegisterKey = (UserId, Key);

/// The registers that a transaction writes, as they stand for its next command.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    known: BTreeMap<RegisterKey, Register>,
    heads: BTreeMap<UserId, RegisterHead>,
    changed: BTreeSet<RegisterKey>,
}

/// What an account has of registers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RegisterHead {
    /// The version that the last change of any of them made.
    pub(crate) version: u64,
    /// How many there are.
    pub(crate) count: usize,
}

impl Registers {
    /// What is stored, of those that are about to be written.
    pub(crate) fn new(
        known: BTreeMap<RegisterKey, Register>,
        heads: BTreeMap<UserId, RegisterHead>,
    ) -> Self {
        Self {
            known,
            heads,
            changed: BTreeSet::new(),
        }
    }

    /// Writes a register; answers how it stands now, and whether that is new.
    pub(crate) fn write(
        &mut self,
        key: RegisterKey,
        write: Write,
    ) -> Result<(Register, bool), Refusal> {
        let now = self.known.get(&key).copied().unwrap_or_default();
        let Some(value) = write.resolve(now)? else {
            return Ok((now, false));
        };
        let head = self.heads.entry(key.0).or_default();
        if now.version == 0 {
            if head.count >= MAX_REGISTERS {
                return Err(Reason::LimitReached.into());
            }
            head.count += 1;
        }
        head.version += 1;
        let register = Register {
            value,
            version: head.version,
        };
        self.known.insert(key, register);
        self.changed.insert(key);
        Ok((register, true))
    }

    /// The registers that were changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (RegisterKey, Register)> {
        self.changed
            .iter()
            .filter_map(|key| Some((*key, *self.known.get(key)?)))
    }

    /// The accounts whose registers were changed.
    pub(crate) fn changed_heads(&self) -> impl Iterator<Item = (UserId, RegisterHead)> {
        let accounts: BTreeSet<UserId> = self.changed.iter().map(|(user, _)| *user).collect();
        accounts
            .into_iter()
            .filter_map(|user| Some((user, *self.heads.get(&user)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{protocol::register::RegisterKind, wire::Wire};

    use super::*;

    const CHANNELS: u64 = 3;

    /// What happens: a device reads on, marks as unread from what it saw, loses its connection or
    /// comes back; somebody says something, or deletes it; a lane begins its next transaction.
    #[derive(Debug, Clone)]
    enum Step {
        Ack(u64, u64),
        Mark(usize, u64, u64),
        Turn(usize),
        Send(u64),
        Delete(u64, usize),
        Commit,
    }

    fn step() -> impl Strategy<Value = Step> {
        let (device, channel) = (0..3_usize, 0..CHANNELS);
        let place = (device.clone(), channel.clone(), 0..12_u64);
        prop_oneof![
            3 => place.clone().prop_map(|(_, channel, seq)| Step::Ack(channel, seq)),
            2 => place.prop_map(|(device, channel, seq)| Step::Mark(device, channel, seq)),
            2 => device.prop_map(Step::Turn),
            3 => channel.clone().prop_map(Step::Send),
            1 => (channel, 0..12_usize).prop_map(|(channel, at)| Step::Delete(channel, at)),
            1 => Just(Step::Commit),
        ]
    }

    /// A device: whether it is connected, the version that it has, and the cursors.
    #[derive(Debug, Default)]
    struct Device {
        away: bool,
        version: u64,
        cursors: BTreeMap<u64, Register>,
    }

    impl Device {
        fn hear(&mut self, channel: u64, register: Register) {
            let known = self.cursors.entry(channel).or_default();
            if known.version < register.version {
                *known = register;
            }
            self.version = self.version.max(register.version);
        }

        /// What it does after a break: it fetches what is newer than what it has.
        fn come_back(&mut self, stored: &BTreeMap<u64, Register>) {
            self.away = false;
            let version = self.version;
            for (channel, register) in stored.iter().filter(|(_, it)| it.version > version) {
                self.hear(*channel, *register);
            }
        }
    }

    proptest! {
        #[test]
        fn three_devices_know_what_a_recount_says(steps in proptest::collection::vec(step(), 0..80)) {
            let user = UserId::sample();
            let key = |of| (user, Key { kind: RegisterKind::ReadCursor, of });
            let mut registers = Registers::default();
            let mut stored: BTreeMap<u64, Register> = BTreeMap::new();
            let mut devices: [Device; 3] = Default::default();
            // Each message of each channel: whether it is still there.
            let mut channels: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
            for step in steps {
                let (channel, write) = match step {
                    Step::Turn(device) if devices[device].away => {
                        devices[device].come_back(&stored);
                        continue;
                    }
                    Step::Turn(device) => {
                        devices[device].away = true;
                        continue;
                    }
                    Step::Send(channel) => {
                        channels.entry(channel).or_default().push(true);
                        continue;
                    }
                    Step::Delete(channel, at) => {
                        if let Some(there) = channels.entry(channel).or_default().get_mut(at) {
                            *there = false;
                        }
                        continue;
                    }
                    Step::Commit => {
                        let known = registers.changed().chain(stored.iter().map(|(of, it)| (key(*of), *it)));
                        let known: BTreeMap<_, _> = known.collect();
                        let version = stored.values().map(|it| it.version).max().unwrap_or(0);
                        let head = RegisterHead { version, count: stored.len() };
                        registers = Registers::new(known, BTreeMap::from([(user, head)]));
                        continue;
                    }
                    Step::Ack(channel, seq) => (channel, Write::Largest(seq)),
                    Step::Mark(device, channel, value) => {
                        let seen = devices[device].cursors.get(&channel).map_or(0, |it| it.version);
                        (channel, Write::Last { value, seen })
                    }
                };
                let before = stored.get(&channel).copied().unwrap_or_default();
                match (registers.write(key(channel), write), write) {
                    (Ok((register, changed)), _) => {
                        prop_assert_eq!(changed, register.version > before.version);
                        if changed {
                            stored.insert(channel, register);
                            for device in devices.iter_mut().filter(|device| !device.away) {
                                device.hear(channel, register);
                            }
                        }
                    }
                    // Only who did not see the last change is refused.
                    (Err(refusal), Write::Last { seen, .. }) => {
                        prop_assert_eq!(refusal.reason, Reason::Moved);
                        prop_assert_ne!(seen, before.version);
                    }
                    (Err(refusal), Write::Largest(_)) => prop_assert!(false, "{:?}", refusal),
                }
            }
            for device in &mut devices {
                device.come_back(&stored);
                prop_assert_eq!(&device.cursors, &stored);
            }
            for (channel, cursor) in stored {
                let messages = channels.remove(&channel).unwrap_or_default();
                let by_difference = (messages.len() as u64).saturating_sub(cursor.value);
                // Numbered from 1, those that were deleted, too.
                let recount = (1..).zip(messages).filter(|(seq, _)| *seq > cursor.value).count();
                prop_assert_eq!(by_difference, recount as u64);
            }
        }
    }

    #[test]
    fn each_change_takes_the_next_version_and_no_account_has_more_than_it_may() {
        let user = UserId::sample();
        let key = |of| {
            let kind = RegisterKind::ReadCursor;
            (user, Key { kind, of })
        };
        let mut registers = Registers::default();
        let (first, new) = registers.write(key(1), Write::Largest(5)).unwrap();
        assert_eq!((first.version, new), (1, true));
        let (same, new) = registers.write(key(1), Write::Largest(4)).unwrap();
        assert_eq!((same, new), (first, false));
        let (second, _) = registers.write(key(2), Write::Largest(1)).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(
            registers
                .changed_heads()
                .map(|(user, head)| (user, head.version))
                .collect::<Vec<_>>(),
            [(user, 2)]
        );
        registers.heads.insert(
            user,
            RegisterHead {
                version: 2,
                count: MAX_REGISTERS,
            },
        );
        let refused = registers.write(key(3), Write::Largest(1)).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitReached);
        assert!(registers.write(key(2), Write::Largest(2)).is_ok());
    }
}
