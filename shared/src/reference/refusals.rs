//! `docs/refusals.md`: refusals and close codes.

use super::{GENERATED, cell};
use crate::{close::CloseCode, error::Reason};

const REFUSALS: &str = "# Refusals and close codes

A request that cannot be served is answered with `[1, request, code, detail,
retry_after]`. The code comes from the list below; numbers are never reused.
`detail` is a text or nil: the name of the field at fault, or what else helps to
mend the request. `retry_after` is a number of milliseconds or nil: sooner the
same request will not succeed.

After `unknown`, `expired`, `busy` or `unavailable`, and after a connection that
broke before the reply came, the client repeats the request with the same nonce:
the cluster answers with the first result if there is one, and executes the
request otherwise.

## Refusals

| Code | Name | Meaning |
|---:|---|---|
";

const CLOSE_CODES: &str = "
## Close codes

A gateway that ends a WebSocket says why. After 4000 to 4499 the client connects
again and resumes; after 4500 to 4999, and after those that RFC 6455 has for a
mistake of the client, it does not, until something was changed. A connection that
ends without a code, or with another one, was cut by a proxy or a crash: the client
connects again.

The pause before it connects is 50 ms at first and twice as long each time, up to 3 s
(30 s for a client that nobody waits for); half of it is random, so that the clients
of a lost gateway do not come back together. After `reconnect` the pause is the delay
that the frame names; after 4009 it is at least 5 s. A `ready` ends the series.

| Code | Name | Connect again | Meaning |
|---:|---|---|---|
";

/// Writes `docs/refusals.md`.
pub fn refusals() -> String {
    let refusals = Reason::ALL.iter().map(|(reason, doc)| {
        let (code, name) = (reason.code(), reason.name());
        format!("| {code} | `{name}` | {} |\n", cell(doc))
    });
    let codes = CloseCode::ALL.iter().map(|(code, doc)| {
        let again = if code.reconnect() { "yes" } else { "no" };
        let (number, name) = (code.code(), code.name());
        format!("| {number} | `{name}` | {again} | {} |\n", cell(doc))
    });
    [GENERATED, REFUSALS]
        .into_iter()
        .map(str::to_owned)
        .chain(refusals)
        .chain([CLOSE_CODES.to_owned()])
        .chain(codes)
        .collect()
}
