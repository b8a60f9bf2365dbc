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
}

struct Cluster {
    now: Instant,
    balancer: Balancer,
    turn: usize,
    loads: Vec<u32>,
    plans: Vec<Plan>,
    /// Who was told with the last look.
    told: Vec<u32>,
}

impl Cluster {
    fn new(balancer: Balancer, loads: &[u32]) -> Self {
        Self {
            now: Instant::now(),
            balancer,
            turn: 0,
            loads: loads.to_vec(),
            plans: loads.iter().map(|_| Plan::new(CONFIG)).collect(),
            told: vec![0; loads.len()],
        }
    }

    /// Two seconds later: who was told has gone elsewhere, which the other gateways tell the next time.
    fn step(&mut self) -> u32 {
        self.now += PERIOD;
        let before = self.loads.clone();
        for from in 0..self.loads.len() {
            for _ in 0..self.told[from] {
                self.loads[from] -= 1;
                let to = self.choose(from);
                self.loads[to] += 1;
            }
        }
        for own in 0..self.loads.len() {
            let others = (0..self.loads.len()).filter(|other| *other != own);
            let others: Vec<Seen> = others.map(|other| gateway(other, before[other])).collect();
            let own_seen = gateway(own, self.loads[own]);
            self.told[own] = self.plans[own].look(&own_seen, &others, self.now);
        }
        self.told.iter().sum()
    }

    fn choose(&mut self, from: usize) -> usize {
        match self.balancer {
            Balancer::Sticky => from,
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

    fn someone_is_far_above(&self) -> bool {
        let sum: u32 = self.loads.iter().sum();
        let count = u32::try_from(self.loads.len()).unwrap();
        let far = |load: &u32| load * count * 100 > sum * 125;
        let most = |load: &u32| *load >= sum.div_ceil(count) + CONFIG.least;
        self.loads.iter().any(|load| far(load) && most(load))
    }
}

fn gateway(number: usize, load: u32) -> Seen {
    Seen {
        process: format!("gateway-{number}"),
        load,
        room: Some(100_000 - load),
    }
}

/// What a gateway with 500 connections tells in each of these looks, beside one with none.
fn looks(plan: &mut Plan, other: &Seen, (from, count): (Instant, u32)) -> Vec<u32> {
    let look = |number| {
        plan.look(
            &gateway(0, 500),
            std::slice::from_ref(other),
            from + PERIOD * number,
        )
    };
    (0..count).map(look).collect()
}

#[test]
fn a_surplus_goes_evenly_over_the_window_once_it_is_calm() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let told = looks(&mut plan, &gateway(1, 0), (start, 13));
    assert_eq!(
        told, [0; 13],
        "a gateway that came may be filled by a drain"
    );
    let told = looks(&mut plan, &gateway(1, 0), (start + PERIOD * 13, 3));
    assert_eq!(told, [25; 3]);
}

#[test]
fn while_gateways_come_or_go_nobody_is_sent_away() {
    let (mut plan, mut now) = (Plan::new(CONFIG), Instant::now());
    for (number, room) in [(1, None), (2, Some(9_999)), (3, Some(9_999)), (4, None)] {
        let other = Seen {
            room,
            ..gateway(number, 0)
        };
        assert_eq!(looks(&mut plan, &other, (now, 13)), [0; 13], "{other:?}");
        now += PERIOD * 13;
    }
    // Nor where a round was under way.
    looks(&mut plan, &gateway(5, 0), (now, 15));
    let unready = Seen {
        room: None,
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
fn no_more_are_sent_than_the_others_take() {
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    let full = |room| Seen {
        room: Some(room),
        ..gateway(1, 0)
    };
    let told = looks(&mut plan, &full(0), (start, 15));
    assert_eq!(told.iter().sum::<u32>(), 0);
    assert_eq!(looks(&mut plan, &full(7), (start + PERIOD * 15, 1)), [7]);
}

#[test]
fn little_is_no_surplus() {
    for (own, other) in [(125, 75), (19, 0), (100, 90), (0, 0)] {
        let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
        let mut look = |number| {
            plan.look(
                &gateway(0, own),
                &[gateway(1, other)],
                start + PERIOD * number,
            )
        };
        assert_eq!((0..20).map(&mut look).sum::<u32>(), 0, "{own} and {other}");
    }
    let (mut plan, start) = (Plan::new(CONFIG), Instant::now());
    assert_eq!(
        plan.look(&gateway(0, 500), &[], start + PERIOD * 20),
        0,
        "alone"
    );
}

/// What docs/adr/0032 tells.
#[test]
fn a_gateway_that_is_added_gets_its_share() {
    for (balancer, most) in [
        (Balancer::LeastConnections, 225),
        (Balancer::RoundRobin, 900),
    ] {
        let mut cluster = Cluster::new(balancer, &[300, 300, 300, 0]);
        let told = cluster.steps(100);
        assert!(!cluster.someone_is_far_above(), "{:?}", cluster.loads);
        assert!(
            (150..=most).contains(&told),
            "{balancer:?}: {told}, {:?}",
            cluster.loads
        );
    }
}

#[test]
fn a_balancer_that_sends_back_is_left_alone_after_a_while() {
    let mut cluster = Cluster::new(Balancer::Sticky, &[300, 300, 300, 0]);
    let told = cluster.steps(1_000);
    assert_eq!(told, 3 * 75 * 5, "five times the surplus");
    let hour = u32::try_from(REST.as_secs() / PERIOD.as_secs()).unwrap();
    assert_eq!(cluster.steps(hour), told, "once an hour");
    // Another one comes: it may be another balancer, too.
    cluster.loads.push(0);
    cluster.told.push(0);
    cluster.plans.push(Plan::new(CONFIG));
    assert!(cluster.steps(20) > 0);
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
        for _ in 0..400 {
            let told = cluster.step();
            // Each gateway rounds up.
            prop_assert!(told <= sum.div_ceil(LOOKS) + count, "{told} of {sum} at once");
            all += told;
        }
        prop_assert!(!cluster.someone_is_far_above(), "{:?}", cluster.loads);
        prop_assert_eq!(cluster.steps(100), 0);
        prop_assert!(all <= sum + count, "{all} of {sum} were sent");
    }
}
