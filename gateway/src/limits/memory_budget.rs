//! How much may wait in a whole gateway for those who send and read slowly: bounds of single
//! connections, times 100,000 of them, are no bound.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts bytes. Clones count together.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bound: usize,
    used: AtomicUsize,
}

/// Bytes of one holder, given back when it is dropped.
#[derive(Debug)]
pub struct MemoryCharge {
    memory: MemoryBudget,
    bytes: usize,
}

impl MemoryBudget {
    /// At most about `bound` bytes.
    pub fn new(bound: usize) -> Self {
        Self(Arc::new(Shared {
            bound,
            used: AtomicUsize::new(0),
        }))
    }

    /// A holder of nothing yet.
    pub fn charge(&self) -> MemoryCharge {
        MemoryCharge {
            memory: self.clone(),
            bytes: 0,
        }
    }

    /// How many bytes are held.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Whether it is more than may be: nobody new is let in, and who holds most goes.
    pub fn is_over(&self) -> bool {
        self.used() > self.0.bound
    }

    /// What somebody who holds `own` of it has to give back, so that a tenth is free when all
    /// do: nothing while it is not over.
    pub fn excess(&self, own: usize) -> usize {
        let used = self.used();
        if used <= self.0.bound {
            return 0;
        }
        let kept = self.0.bound - self.0.bound / 10;
        // In 128 bits, as both are sizes.
        let share = (used - kept) as u128 * own as u128 / used.max(1) as u128;
        usize::try_from(share).unwrap_or(own)
    }
}

impl MemoryCharge {
    /// The holder holds so many bytes now.
    pub fn set(&mut self, bytes: usize) {
        let used = &self.memory.0.used;
        if bytes > self.bytes {
            used.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else if bytes < self.bytes {
            used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// How many bytes the holder holds.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What all hold.
    pub const fn memory(&self) -> &MemoryBudget {
        &self.memory
    }
}

impl Drop for MemoryCharge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_add_up_and_everyone_gives_his_share_back() {
        let memory = MemoryBudget::new(1_000);
        let (mut one, mut other) = (memory.charge(), memory.charge());
        one.set(900);
        other.set(100);
        assert!(!memory.is_over());
        assert_eq!(memory.excess(900), 0);
        other.set(600);
        assert!(memory.is_over());
        assert_eq!((memory.excess(900), memory.excess(600)), (360, 240));
        one.set(300);
        assert_eq!(memory.used(), 900);
        drop(one);
        drop(other);
        assert_eq!(memory.used(), 0);
    }
}
