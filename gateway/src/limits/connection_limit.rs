//! How many connections there may be, in all and per network address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

/// Counts connections. Clones count together.
#[derive(Debug, Clone)]
pub struct Places(Arc<Shared>);

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

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The gateway is full.
    Full,
    /// The address has as many connections as it may.
    Address,
}

impl Places {
    /// At most `total` places, and `per_address` for each address.
    pub fn new(total: usize, per_address: usize) -> Self {
        Self(Arc::new(Shared {
            total,
            per_address,
            taken: Mutex::default(),
        }))
    }

    /// Takes a place.
    pub fn take(&self, address: IpAddr) -> Result<Place, NoPlace> {
        let address = network(address);
        let mut taken = self.lock();
        if taken.total >= self.0.total {
            return Err(NoPlace::Full);
        }
        let count = taken.addresses.entry(address).or_default();
        if *count >= self.0.per_address {
            return Err(NoPlace::Address);
        }
        *count += 1;
        taken.total += 1;
        drop(taken);
        Ok(Place {
            places: self.clone(),
            address,
        })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
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
    fn places_are_counted_and_given_back() {
        let places = Places::new(3, 2);
        let one: IpAddr = "10.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let first = places.take(one).unwrap();
        let second = places.take(mapped).unwrap();
        assert_eq!(places.take(one).unwrap_err(), NoPlace::Address);
        let v6 = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(
            places.take("2001:db8::2".parse().unwrap()).unwrap_err(),
            NoPlace::Full
        );
        drop((first, v6));
        assert_eq!(places.taken(), 1);
        assert!(places.take(one).is_ok());
        drop(second);
        assert_eq!(places.lock().addresses.len(), 0);
    }
}
