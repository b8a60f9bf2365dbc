//! Links in a text: which hosts they lead to.

/// What a link begins with, where it names no other scheme.
const BARE: &str = "www.";

/// The hosts that the links of a folded text lead to, in its order: whatever follows `://`, and what
/// begins with `www.` as a word of its own.
pub(super) fn list_hosts(folded: &str) -> impl Iterator<Item = &str> {
    let named = folded.match_indices("://").filter_map(|(at, found)| {
        let scheme = folded.get(..at)?;
        let rest = folded.get(at + found.len()..)?;
        scheme
            .ends_with(|c: char| c.is_ascii_alphanumeric())
            .then(|| host(rest))
    });
    let bare = folded.match_indices(BARE).filter_map(|(at, _)| {
        let before = folded.get(..at)?;
        let within = before.ends_with(|c: char| c.is_alphanumeric() || "/.@-".contains(c));
        (!within).then(|| folded.get(at..).map(host)).flatten()
    });
    named.chain(bare).filter(|host| !host.is_empty())
}

/// The host that what follows the scheme begins with: without user, port and last dot.
fn host(rest: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || "/\\?#<>\"'()[]{}|,;*`".contains(c);
    let authority = rest.split(ends).next().unwrap_or_default();
    let after_user = authority.rsplit('@').next().unwrap_or_default();
    let host = after_user.split(':').next().unwrap_or_default();
    host.trim_end_matches(['.', '!', '_', '~'])
}

/// Whether a host is one of the allowed ones, or below one.
pub(super) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| {
        host.strip_suffix(allowed.as_str())
            .is_some_and(|below| below.is_empty() || below.ends_with('.'))
    })
}
