//! The documents that are generated from code, as pure functions.
//!
//! `shared/tests/docs.rs` writes and compares what comes from the rows of the
//! protocol; the programs' own `tests/docs.rs` do so for their flags and metrics.

mod configuration;
mod json;
mod metrics;
mod protocol;
mod refusals;
mod types;
mod typescript;
mod vectors;

pub use configuration::configuration;
pub use json::json;
pub use metrics::metrics;
pub use protocol::protocol;
pub use refusals::refusals;
pub use typescript::typescript;
pub use vectors::{VectorKind, find_codec, vectors};

use crate::protocol::{Access, Codec};

/// The first line of a generated document.
const GENERATED: &str = "<!-- Generated from code. `make docs` writes it anew. -->\n";

/// The same inside a table of Markdown.
fn cell(doc: &str) -> String {
    doc.replace('|', "\\|").replace('\n', " ")
}

/// The sample of a body in both forms.
fn sample(codec: Codec) -> (Vec<u8>, String) {
    let body = (codec.sample)();
    let json = (codec.to_json)(&body).unwrap_or_default();
    (body, json)
}

/// Whom a request is for: the scope of the check in a word, and the permission.
fn access_parts(access: Access) -> (&'static str, Option<String>) {
    let named = |permissions: crate::domain::permissions::Permissions| {
        let names: Vec<_> = permissions.iter_names().map(|(name, _)| name).collect();
        Some(names.join(" | "))
    };
    match access {
        Access::Anyone => ("anyone", None),
        Access::Account => ("account", None),
        Access::Member => ("member", None),
        Access::MemberOrAccount => ("member_or_account", None),
        Access::Workers => ("workers", None),
        Access::Server(permissions) => ("server", named(permissions)),
        Access::ServerOrDeployment(permissions) => ("server_or_deployment", named(permissions)),
        Access::Deployment => ("deployment", None),
        Access::Channel(permissions) => ("channel", named(permissions)),
    }
}

/// Fails unless each file holds its text; with `UPDATE_DOCS` in the environment,
/// writes those that do not. Paths are from the root of the repository. For tests.
#[expect(clippy::panic, reason = "a failing test is the product")]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of tests, no configuration"
)]
pub fn assert_current<P: AsRef<str>>(documents: &[(P, String)]) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let update = std::env::var("UPDATE_DOCS").is_ok();
    for (name, text) in documents {
        let path = root.join(name.as_ref());
        if std::fs::read_to_string(&path).is_ok_and(|committed| committed == *text) {
            continue;
        }
        let written = update.then(|| std::fs::write(&path, text));
        match written {
            Some(Ok(())) => {}
            Some(Err(error)) => panic!("{}: {error}", name.as_ref()),
            None => panic!("stale, run `make docs`: {}", name.as_ref()),
        }
    }
}
