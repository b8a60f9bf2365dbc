//! Plans of sizes that there are, and of none; and one run that no cost was made from.

use std::path::{Path, PathBuf};

use super::{
    Arguments,
    cost::{Costs, Demand, Estimate},
    deployment::{Deployment, QUERIES},
    measured::{Measured, Measurement, ROLES},
    run,
};
use crate::measure::{Report, Role};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn plan(connections: f64, messages: f64, room: f64) -> Deployment {
    let demand = Demand {
        connections,
        messages,
        room,
    };
    Deployment::plan(demand, &Measured::built_in().unwrap()).unwrap()
}

#[test]
fn plan_is_within_30_percent_of_the_run_that_it_was_not_fitted_to() {
    let (estimate, run) = estimate_and_run("plan-400");
    for role in ROLES {
        let what = format!("CPU of {}", role.name());
        within(30.0, &what, estimate.cpu[&role], run.cpu[&role]);
    }
}

/// What neighbours on the machine do to a run, its memory does not show.
#[test]
fn memory_is_within_30_percent_of_all_runs_that_were_not_fitted() {
    for name in ["plan-400", "plan-300", "plan-150"] {
        let (estimate, run) = estimate_and_run(name);
        for role in [Role::Gateway, Role::Worker, Role::Redis] {
            let what = format!("memory of {} in {name}", role.name());
            within(30.0, &what, estimate.memory[&role], run.memory[&role]);
        }
    }
}

/// What a report's run was to use, and what it used. It must not be one that costs are made from.
fn estimate_and_run(name: &str) -> (Estimate, Measurement) {
    let path = root().join("docs/reports").join(name);
    let report = Report::read(&path.with_extension("json")).unwrap();
    assert!(report.passes(), "{:?}", report.validity.faults());
    let run = Measurement::of(&report).unwrap();
    let measured = Measured::built_in().unwrap();
    let same = |fitted: &Measurement| (fitted.room - run.room).abs() < 1.0;
    assert!(!measured.runs.values().any(same), "{name} is fitted");
    let costs = Costs::of(&measured).unwrap();
    (costs.estimate(&run.demand(), &run.layout()), run)
}

fn within(percent: f64, what: &str, planned: f64, measured: f64) {
    let off = (planned / measured - 1.0) * 100.0;
    assert!(
        off.abs() < percent,
        "{what}: planned {planned}, measured {measured}, {off:.0} % off"
    );
}

#[test]
fn a_hundred_people_get_the_least_that_survives_a_zone() {
    let plan = plan(100.0, 1.0, 20.0);
    assert_eq!(
        (plan.gateway.replicas, plan.worker.replicas, plan.lanes),
        (3.0, 3.0, 1.0)
    );
    assert!(
        plan.gateway.cpu <= 0.1 && plan.worker.cpu <= 0.1,
        "{plan:?}"
    );
    assert!((plan.postgres_cpu - 1.0).abs() < 1e-9);
    // 20 GiB for a year of 7.9 million messages.
    assert!(plan.volume() < 40.0 * 1_073_741_824.0, "{plan:?}");
}

#[test]
fn ten_thousand_people_still_fit_into_three_small_gateways() {
    let plan = plan(10_000.0, 200.0, 50.0);
    assert_eq!((plan.gateway.replicas, plan.worker.replicas), (3.0, 3.0));
    assert!((0.05..=0.5).contains(&plan.gateway.cpu), "{plan:?}");
    // Two of three hold all of them.
    assert!(2.0 * plan.gateway_connections >= 10_000.0);
}

#[test]
fn a_million_connections_are_spread_as_widely_as_was_measured() {
    let plan = plan(1e6, 1_000.0, 100.0);
    let most = Measured::built_in().unwrap().most_connections;
    assert!(
        1e6 / (plan.gateway.replicas - 1.0) <= most,
        "with one of them away"
    );
    let zone = plan.gateway.replicas - (plan.gateway.replicas / 3.0).ceil();
    assert!(plan.gateway_connections * zone >= 1e6, "with a zone away");
    assert!(plan.gateway.cpu <= 2.0 && plan.worker.cpu <= 2.0);
    let used = plan.used.cpu[&Role::Gateway];
    assert!(used <= 0.6 * plan.gateway.cpu * (plan.gateway.replicas - 1.0));
    assert!(plan.most_gateways() > plan.gateway.replicas);
    let connections = 4.0 * (plan.lanes + QUERIES);
    assert!(plan.postgres_connections > connections, "{plan:?}");
}

/// What has to grow, or stay, when there is more to do.
fn sizes(plan: &Deployment) -> [f64; 12] {
    let cpu = |role| plan.used.cpu[&role];
    [
        plan.gateway.replicas,
        plan.worker.replicas,
        plan.lanes,
        plan.postgres_cpu,
        plan.postgres_connections,
        plan.redis_memory,
        plan.redis_out,
        plan.gateway_out,
        plan.volume(),
        cpu(Role::Gateway),
        cpu(Role::Worker),
        cpu(Role::Postgres),
    ]
}

#[test]
fn more_of_anything_never_takes_less() {
    let steps = |steps: &[f64], plan: &dyn Fn(f64) -> Deployment| {
        for pair in steps.windows(2) {
            let [less, more] = [pair[0], pair[1]].map(plan);
            for (place, (less, more)) in sizes(&less).into_iter().zip(sizes(&more)).enumerate() {
                assert!(
                    more >= less * 0.999_999,
                    "size {place}: {less} became {more}, {pair:?}"
                );
            }
        }
    };
    let spread = |from: f64, to: f64| -> Vec<f64> {
        (0..=60)
            .map(|step| (from * (to / from).powf(f64::from(step) / 60.0)).round())
            .collect()
    };
    steps(&spread(100.0, 1e6), &|connections| {
        plan(connections, 500.0, 50.0)
    });
    steps(&spread(1.0, 15_000.0), &|messages| {
        plan(100_000.0, messages, 5.0)
    });
    steps(&spread(1.0, 20_000.0), &|room| plan(100_000.0, 100.0, room));
}

#[test]
fn what_no_report_comes_near_to_is_refused_in_words() {
    let measured = Measured::built_in().unwrap();
    let cases = [
        (0, 1.0, 1, "no connections"),
        (10, 0.0, 5, "--messages has to be a number above 0"),
        (10, -1.0, 5, "--messages has to be a number above 0"),
        (10, f64::NAN, 5, "--messages has to be a number above 0"),
        (
            10,
            f64::INFINITY,
            5,
            "--messages has to be a number above 0",
        ),
        (10, 1.0, 0, "nobody is in a room"),
        (
            10,
            1.0,
            11,
            "a room of 11 cannot hear a message over 10 connections",
        ),
        (
            1_000_000_000_000,
            1.0,
            5,
            "more than 100 times what was measured",
        ),
        (1_000, 1e12, 5, "more than one Postgres was seen to store"),
        (
            1_000_000,
            30_000.0,
            1_000_000,
            "30000000000 deliveries, more than 100 times",
        ),
    ];
    for (connections, messages, room, says) in cases {
        let arguments = Arguments {
            connections,
            messages,
            room,
        };
        let error = run(&arguments, &measured).unwrap_err().to_string();
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn what_is_not_measured_is_what_the_programs_do_by_themselves() {
    let settings = std::fs::read_to_string(root().join("docs/configuration-worker.md")).unwrap();
    for (name, value) in [
        ("CONFAB_QUERIES", QUERIES),
        ("CONFAB_DEADLINE_MS", 15_000.0),
        ("CONFAB_RETENTION_DAYS", 7.0),
    ] {
        assert!(
            settings.contains(&format!("| `{name}` | `{value}` |")),
            "{name}"
        );
    }
    let chart = std::fs::read_to_string(root().join("helm/values.yaml")).unwrap();
    assert!(chart.contains(&format!(
        "CONFAB_MEMORY_BYTES: {}",
        super::deployment::WAITING
    )));
}
