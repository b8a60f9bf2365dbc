//! Seeds that are printed, and numbers that follow from them.

pub use cluster::environment::entropy;
use cluster::environment::variable;

/// A small generator (SplitMix64): the same numbers for the same seed, so that
/// a fault schedule can be repeated.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.next().checked_rem(bound) {
            Some(number) => number,
            None => 0,
        }
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(items.len() as u64);
        items.get(usize::try_from(at).unwrap_or_default())
    }
}

/// The seed of a run: `CONFAB_SEED` when a run is to be repeated, else a fresh one.
pub fn seed() -> u64 {
    variable("CONFAB_SEED")
        .and_then(|text| text.into_string().ok()?.parse().ok())
        .unwrap_or_else(|| entropy() & 0xffff_ffff)
}

/// A nonce that nobody used before.
pub fn nonce() -> String {
    format!("{:016x}{:016x}", entropy(), entropy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers() {
        let mut first = Random::new(7);
        let mut second = Random::new(7);
        let numbers: Vec<_> = (0..100).map(|_| first.next()).collect();
        assert!(numbers.iter().all(|number| *number == second.next()));
        assert_ne!(numbers[0], Random::new(8).next());
    }

    #[test]
    fn a_bound_is_kept_and_nonces_differ() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
