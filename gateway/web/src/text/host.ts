// Where a link leads, for whoever is shown something else.

/**
 * The host that a link leads to, unless its text is an address of that host and nothing besides: whatever else it says
 * may be taken for where it leads.
 */
export function hiddenHost(href: string, text: string): string | undefined {
  const host = hostOf(href);
  if (host === undefined) return undefined;
  const shown = text.trim();
  // The browser's own form: letters of other scripts are written out there.
  const seen = /\s/.test(shown) ? undefined : (hostOf(shown) ?? hostOf(`https://${shown}`));
  const says = seen !== undefined && bare(seen) === bare(host) && !host.includes("xn--") && !hasUser(href);
  return says ? undefined : host;
}

const bare = (host: string) => host.replace(/^www\./, "");

/** What stands before the host is nobody's, and looks like one. */
function hasUser(href: string): boolean {
  const { protocol, username, password } = new URL(href);
  return protocol !== "mailto:" && `${username}${password}` !== "";
}

function hostOf(address: string): string | undefined {
  try {
    const url = new URL(address);
    if (url.protocol === "mailto:") return url.pathname.split("@").at(-1)?.toLowerCase();
    return url.host === "" ? undefined : url.host;
  } catch {
    return undefined;
  }
}
