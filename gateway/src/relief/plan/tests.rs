//! Clusters in which each gateway has its plan, behind balancers of several kinds.

use proptest::prelude::*;

use super::*;

const CONFIG: ReliefConfig = ReliefConfig {
    percent: 25,
    least: 10,
    calm: Duration::from_secs(25),
    window: Duration::from_secs(20),
};
/// Looks in the window.
const LOOKS: u32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Balancer {
    LeastConnections,
    RoundRobin,
    /// Back to where they come from.
    Sticky,
    /// To any but the last, which it does not know.
    WithoutLast,
}

struct Cluster {
    now: Instant,
    balancer: Balancer,
    turn: usize,
    loads: Vec<u32>,
    plans: Vec<Plan>,
    /// Who was asked with the last look.
    asked: Vec<u32>,
    told_ms: u64,
}

impl Cluster {
    fn new(balancer: Balancer, loads: &[u32]) -> Self {
        Self {
            now: Instant::now(),
            balancer,
            turn: 0,
            loads: loads.to_vec(),
            plans: loads.iter().map(|_| Plan::new(CONFIG)).collect(),
            asked: vec![0; loads.len()],
            told_ms: 0,
        }
    }

    /// Two seconds later: who was asked has gone elsewhere, which the other gateways tell the next time.
    fn step(&mut self) -> u32 {
        self.now += PERIOD;
        self.told_ms += 2_000;
        let before = self.loads.clone();
        for from in 0..self.loads.len() {
            for _ in 0..self.asked[from] {
                self.loads[from] -= 1;
                let to = self.choose(from);
                self.loads[to] += 1;
            }
        }
        for own in 0..self.loads.len() {
            let others = (0..self.loads.len()).filter(|other| *other != own);
            let told = |other: usize| Other {
                told_ms: self.told_ms,
                ..gateway(other, before[other])
            };
            let others: Vec<Other> = others.map(told).collect();
            self.asked[own] = self.plans[own].look(with(self.loads[own]), &others, self.now);
        }
        self.asked.iter().sum()
    }

    fn choose(&mut self, from: usize) -> usize {
        match self.balancer {
            Balancer::Sticky => from,
            Balancer::WithoutLast => {
                self.turn = (self.turn * 1_103_515_245 + 12_345) % (1 << 31);
                (self.turn >> 8) % (self.loads.len() - 1)
            }
            Balancer::RoundRobin => {
                self.turn = (self.turn + 1) % self.loads.len();
                self.turn
            }
            Balancer::LeastConnections => {
                let places = 0..self.loads.len();
                places.min_by_key(|place| self.loads[*place]).unwrap()
            }
        }
    }

    fn steps(&mut self, count: u32) -> u32 {
        (0..count).map(|_| self.step()).sum()
    }

    fn is_uneven(&self) -> bool {
        let sum: u32 = self.loads.iter().sum();
        let count = u32::try_from(self.loads.len()).unwrap();
        let far = |load: &u32| (load * count).abs_diff(sum) * 100 > sum * CONFIG.percent;
        let much = |load: &u32| load.abs_diff(sum.div_ceil(count)) >= CONFIG.least;
        self.loads.iter().any(|load| far(load) && much(load))
    }
}

fn gateway(number: usize, load: u32) -> Other {
    Other {
        process: format!("gateway-{number}"),
        load,
        free: Some(100_000 - load),
        told_ms: 0,
    }
}

fn with(load: u32) -> Own {
    Own { load, asked: 0 }
}

/// How many of 500 are asked to go in each of these looks, beside another gateway.
fn looks(plan: &mut Plan, other: &Other, (from, count): (Instant, u32)) -> Vec<u32> {
    looks_of(plan, with(500), other, (from, count))
}

fn looks_of(plan: &mut Plan, own: Own, other: &Other, (from, count): (Instant, u32)) -> Vec<u32> {
    let look = |number: u32| {
        let other = Other {
            told_ms: other.told_ms + u64::from(number),
            ..other.clone()
        };
        plan.look(own, &[other], from + PERIOD * number)
    };
    (0..count).map(look).collect()
}

#[test]
fn an_excess_goes_evenly_over_the_window_once_it_is_calm() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let asked = looks(&mut plan, &gateway(1, 0), (start, 13));
    assert_eq!(
        asked, [0; 13],
        "a gateway that came may be filled by a drain"
    );
    let asked = looks(&mut plan, &gateway(1, 0), (start + PERIOD * 13, 3));
    assert_eq!(asked, [25; 3]);
}

#[test]
fn while_gateways_come_or_go_nobody_is_sent_away() {
    let (mut plan, mut now) = (Plan::new(CONFIG), Instant::now());
    for (number, free) in [(1, None), (2, Some(9_999)), (3, Some(9_999)), (4, None)] {
        let other = Other {
            free,
            ..gateway(number, 0)
        };
        assert_eq!(looks(&mut plan, &other, (now, 13)), [0; 13], "{other:?}");
        now += PERIOD * 13;
    }
    // Nor where a round was under way.
    looks(&mut plan, &gateway(5, 0), (now, 15));
    let unready = Other {
        free: None,
        ..gateway(5, 0)
    };
    now += PERIOD * 15;
    assert_eq!(looks(&mut plan, &unready, (now, 1)), [0]);
    assert_eq!(
        looks(&mut plan, &gateway(5, 0), (now + PERIOD, 13)),
        [0; 13]
    );
}

#[test]
fn a_gateway_that_says_nothing_new_may_be_gone() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    assert_eq!(looks(&mut plan, &gateway(1, 0), (start, 14))[13], 25);
    let silent = Other {
        told_ms: 13,
        ..gateway(1, 0)
    };
    let mut look = |number| {
        plan.look(
            with(500),
            std::slice::from_ref(&silent),
            start + PERIOD * number,
        )
    };
    let asked: Vec<u32> = (14..30).map(&mut look).collect();
    assert_eq!(
        asked[..2],
        [25, 25],
        "its lease is renewed each two seconds"
    );
    assert_eq!(asked[2..], [0; 14]);
}

#[test]
fn no_more_are_sent_than_the_others_take() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let full = |free| Other {
        free: Some(free),
        ..gateway(1, 0)
    };
    let asked = looks(&mut plan, &full(0), (start, 15));
    assert_eq!(asked.iter().sum::<u32>(), 0);
    // A tenth is for who comes by himself.
    assert_eq!(looks(&mut plan, &full(10), (start + PERIOD * 15, 1)), [9]);
    // A third gateway gives to the same one, twice as much.
    let (mut plan, mut asked) = (Plan::new(CONFIG), 0);
    for number in 0..14 {
        let told = |other: Other| Other {
            told_ms: u64::from(number),
            ..other
        };
        let others = [told(full(10)), told(gateway(2, 700))];
        asked += plan.look(with(550), &others, start + PERIOD * number);
    }
    // The mean is 417: 133 and 283 are above it.
    assert_eq!(asked, 2);
}

#[test]
fn nobody_else_goes_for_those_who_were_asked_and_are_late() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let other = gateway(1, 0);
    assert_eq!(
        looks(&mut plan, &other, (start, 23)).iter().sum::<u32>(),
        250
    );
    let late = Own {
        load: 500,
        asked: 250,
    };
    let asked = looks_of(&mut plan, late, &other, (start + PERIOD * 23, 5));
    assert_eq!(asked, [0; 5]);
    // Who is still here after half a minute stays.
    let asked = looks_of(&mut plan, late, &other, (start + PERIOD * 28, 10));
    assert!(asked.iter().sum::<u32>() > 100, "{asked:?}");
}

#[test]
fn little_is_no_excess() {
    for (own, other) in [(125, 75), (18, 0), (100, 90), (0, 0)] {
        let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
        let asked = looks_of(&mut plan, with(own), &gateway(1, other), (start, 20));
        assert_eq!(asked, [0; 20], "{own} and {other}");
    }
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let mut look = |number| plan.look(with(500), &[], start + PERIOD * number);
    assert_eq!((0..20).map(&mut look).sum::<u32>(), 0, "alone");
}

/// What docs/adr/0032 tells.
#[test]
fn a_gateway_that_is_added_gets_its_share() {
    for (before, balancer, told) in [
        (3, Balancer::LeastConnections, 225),
        (3, Balancer::RoundRobin, 892),
        (9, Balancer::LeastConnections, 270),
        (9, Balancer::RoundRobin, 2_557),
    ] {
        let mut loads = vec![300; before];
        loads.push(0);
        let mut cluster = Cluster::new(balancer, &loads);
        assert_eq!(cluster.steps(500), told, "{balancer:?}, {before}");
        assert!(!cluster.is_uneven(), "{:?}", cluster.loads);
    }
}

#[test]
fn what_does_not_help_is_left_alone_for_longer_each_time() {
    for balancer in [Balancer::Sticky, Balancer::WithoutLast] {
        let mut cluster = Cluster::new(balancer, &[300, 300, 300, 0]);
        let hour = u32::try_from(REST.as_secs() / PERIOD.as_secs()).unwrap();
        let asked = cluster.steps(hour);
        assert!((600..=800).contains(&asked), "{balancer:?}: {asked}");
        let highest = cluster.loads.iter().max().unwrap();
        assert!(*highest <= 400, "{:?}", cluster.loads);
        let hours: Vec<u32> = (0..8).map(|_| cluster.steps(hour)).collect();
        let busy = hours.iter().filter(|asked| **asked > 0).count();
        assert!(busy <= 5, "{balancer:?}: {hours:?}");
        // Another one comes: it may be another balancer, too.
        cluster.loads.push(0);
        cluster.asked.push(0);
        cluster.plans.push(Plan::new(CONFIG));
        assert!(cluster.steps(20) > 0, "{balancer:?}");
    }
}

#[test]
fn who_comes_soon_after_ends_a_rest() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let minute = 30;
    let asked = looks(&mut plan, &gateway(1, 0), (start, 4 * minute));
    assert!(asked[100..].iter().all(|asked| *asked == 0), "{asked:?}");
    let asked = looks(
        &mut plan,
        &gateway(2, 0),
        (start + PERIOD * 4 * minute, 3 * minute),
    );
    assert!(asked.iter().sum::<u32>() > 0);
}

#[test]
fn who_comes_and_goes_all_the_time_begins_little() {
    let (mut plan, start, mut asked) = (Plan::new(CONFIG), Instant::now(), 0);
    // For an hour, beside a balancer that sends all of them back: another process each minute.
    for number in 0..1_800_u32 {
        let other = Other {
            told_ms: u64::from(number),
            ..gateway(number as usize / 30, 0)
        };
        asked += plan.look(with(500), &[other], start + PERIOD * number);
    }
    assert!(asked <= 12 * 750, "{asked}");
}

#[test]
fn who_has_little_above_the_mean_waits_until_it_shows_whether_it_helped() {
    let loads = [1_190, 1_122, 1_084, 931, 171, 1_046, 1_716, 1_458];
    let mut cluster = Cluster::new(Balancer::RoundRobin, &loads);
    cluster.steps(500);
    // The fourth comes to have three too many while the others go, and then takes most of what they send.
    assert!(!cluster.is_uneven(), "{:?}", cluster.loads);
}

proptest! {
    #[test]
    fn it_evens_out_gently_and_is_quiet_then(
        loads in prop::collection::vec(0_u32..2_000, 2..9),
        least_connections in any::<bool>(),
    ) {
        let balancer = if least_connections { Balancer::LeastConnections } else { Balancer::RoundRobin };
        let mut cluster = Cluster::new(balancer, &loads);
        let (sum, count) = (loads.iter().sum::<u32>(), u32::try_from(loads.len()).unwrap());
        let mut all = 0;
        for _ in 0..500 {
            let asked = cluster.step();
            // Each gateway rounds up.
            prop_assert!(asked <= sum.div_ceil(LOOKS) + count, "{asked} of {sum} at once");
            all += asked;
        }
        prop_assert!(!cluster.is_uneven(), "{:?}", cluster.loads);
        prop_assert_eq!(cluster.steps(100), 0);
        prop_assert!(all <= sum * 3 / 2 + count, "{all} of {sum} were sent");
    }
}
