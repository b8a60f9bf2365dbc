//! How many connections there may be, in all and per network address.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// Counts connections. Clones count together.
#[derive(Debug, Clone)]
pub struct ConnectionLimit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    addresses: HashMap<IpAddr, usize, RandomState>,
}

/// What one connection takes of the limit, given back when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limit: ConnectionLimit,
    address: IpAddr,
}

/// Why a connection gets no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitReached {
    /// The gateway is full.
    Full,
    /// The address has as many connections as it may.
    Address,
}

impl LimitReached {
    /// The label of metrics.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
        }
    }
}

impl ConnectionLimit {
    /// At most `total` connections, and `per_address` for each address.
    pub fn new(total: usize, per_address: usize) -> Self {
        Self(Arc::new(Shared {
            total,
            per_address,
            taken: Mutex::default(),
        }))
    }

    /// Takes a permit.
    pub fn take_permit(&self, address: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        let address = network(address);
        let mut taken = self.0.taken.lock();
        if taken.total >= self.0.total {
            return Err(LimitReached::Full);
        }
        let count = taken.addresses.entry(address).or_default();
        if *count >= self.0.per_address {
            return Err(LimitReached::Address);
        }
        *count += 1;
        taken.total += 1;
        drop(taken);
        Ok(ConnectionPermit {
            limit: self.clone(),
            address,
        })
    }

    /// How many are taken.
    pub fn count_taken(&self) -> usize {
        self.0.taken.lock().total
    }

    /// How many more there may be.
    pub fn count_free(&self) -> usize {
        self.0.total.saturating_sub(self.count_taken())
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.limit.0.taken.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.addresses.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.addresses.remove(&self.address);
            }
        }
    }
}

/// What one customer of a provider is given: a /64 of IPv6 counts as one address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_counted_and_given_back() {
        let limit = ConnectionLimit::new(3, 2);
        let one: IpAddr = "10.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let first = limit.take_permit(one).unwrap();
        let second = limit.take_permit(mapped).unwrap();
        assert_eq!(limit.take_permit(one).unwrap_err(), LimitReached::Address);
        assert_eq!(limit.count_free(), 1);
        let v6 = limit.take_permit("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(
            limit
                .take_permit("2001:db8::2".parse().unwrap())
                .unwrap_err(),
            LimitReached::Full
        );
        drop((first, v6));
        assert_eq!(limit.count_taken(), 1);
        assert!(limit.take_permit(one).is_ok());
        drop(second);
        assert_eq!(limit.0.taken.lock().addresses.len(), 0);
    }
}
