//! Writes and compares what is made from the reports, see `make docs`: the table that plans are made
//! from, and plans that are shown and that the chart is tried with.

use std::{fs, path::Path};

use loadtest::plan::{Arguments, measured::Measured, run};
use shared::reference;

/// Plans by their names in `helm/tests/plans`; the middle one is shown in `docs/capacity.md`.
const PLANS: [(&str, Arguments); 3] = [
    ("small", arguments(100, 1.0, 20)),
    (SHOWN, arguments(10_000, 200.0, 50)),
    ("large", arguments(1_000_000, 1_000.0, 100)),
];
const SHOWN: &str = "middle";
const PAGE: &str = "docs/capacity.md";

const fn arguments(connections: u64, messages: f64, room: u64) -> Arguments {
    Arguments {
        connections,
        messages,
        room,
    }
}

#[test]
fn plans_are_those_of_the_reports() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let measured = Measured::read(&root.join("docs/reports")).unwrap();
    let table = (
        "loadtest/src/plan/measured.json".to_owned(),
        measured.to_json().unwrap(),
    );
    let mut documents = vec![table];
    for (name, arguments) in PLANS {
        let plan = run(&arguments, &measured).unwrap();
        if name == SHOWN {
            let page = fs::read_to_string(root.join(PAGE)).unwrap();
            let (before, rest) = page.split_once("```yaml\n").expect("the page shows a plan");
            let (_, after) = rest.split_once("```\n").expect("the plan ends");
            let page = format!("{before}```yaml\n{plan}```\n{after}");
            documents.push((PAGE.to_owned(), page));
        }
        documents.push((format!("helm/tests/plans/{name}.yaml"), plan));
    }
    reference::assert_current(&documents);
}
