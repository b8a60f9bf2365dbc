//! Links in a text: which hosts they lead to.

/// What a browser drops, wherever it stands in an address.
const BREAKS: [char; 3] = ['\t', '\n', '\r'];
/// What a link begins with, where it names no other scheme.
const BARE: &str = "www.";
/// Schemes that clients make links of, whatever slashes follow: browsers take each number of them
/// for two.
const SCHEMES: [&str; 2] = ["http:", "https:"];

/// The hosts that the links of a folded text lead to, in its order: whatever follows `://`, `http:` or
/// `https:`, and what begins with `www.` as a word of its own.
pub(super) fn list_hosts(folded: &str) -> impl Iterator<Item = &str> {
    let schemes = SCHEMES.into_iter().flat_map(move |scheme| {
        let found = folded.match_indices(scheme);
        found.filter_map(move |(at, _)| host(folded.get(at + scheme.len()..)?))
    });
    let named = folded.match_indices("://").filter_map(|(at, found)| {
        let before = folded.get(..at)?;
        let scheme = before.ends_with(|c: char| c.is_ascii_alphanumeric());
        let known = SCHEMES
            .iter()
            .any(|scheme| before.ends_with(scheme.trim_end_matches(':')));
        let rest = folded.get(at + found.len()..)?;
        (scheme && !known).then(|| host(rest)).flatten()
    });
    let bare = folded.match_indices(BARE).filter_map(|(at, _)| {
        let before = folded.get(..at)?;
        let within = before.ends_with(|c: char| c.is_alphanumeric() || "/.@-".contains(c));
        (!within).then(|| folded.get(at..).and_then(host)).flatten()
    });
    schemes.chain(named).chain(bare)
}

/// What stands as an address in `[text](address)` and `<address>` with a TAB or a line break within,
/// which browsers drop: without them, one after the other. Empty where there is none.
pub(super) fn join_broken(folded: &str) -> String {
    let mut joined = String::new();
    if !folded.contains(BREAKS) {
        return joined;
    }
    for (opening, closing) in [("](", ')'), ("<", '>')] {
        let mut rest = folded;
        while let Some((_, behind)) = rest.split_once(opening) {
            let Some((address, after)) = behind.split_once(closing) else {
                break;
            };
            if address.contains(BREAKS) {
                joined.extend(address.chars().filter(|c| !BREAKS.contains(c)));
                joined.push(' ');
            }
            rest = after;
        }
    }
    joined
}

/// The host that what follows the scheme begins with, without user, port, last dot and what a sentence
/// puts behind it; none where there is no host at all. What no browser takes for a host is
/// answered as it stands: nobody allows it.
fn host(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches(['/', '\\']);
    // Nothing else ends it for a browser: whatever comes before the last `@` is the user.
    let ends = |c: char| c.is_whitespace() || "/\\?#".contains(c);
    let authority = rest.split(ends).next()?;
    let after_user = authority.rsplit('@').next()?;
    // These are in no host: there the address ends, or leads nowhere.
    let host = after_user
        .split([':', '<', '>', '[', ']', '|', '^'])
        .next()?;
    let host = host.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let found = if host.is_empty() { authority } else { host };
    found.contains(char::is_alphanumeric).then_some(found)
}

/// Whether a host is one of the allowed ones, or below one.
pub(super) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| {
        host.strip_suffix(allowed.as_str())
            .is_some_and(|below| below.is_empty() || below.ends_with('.'))
    })
}
