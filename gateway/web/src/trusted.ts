// The one Trusted Types policy of the page, named `confab` in the Content-Security-Policy.
// What it lets through is made by the build: templates of the compiler and addresses of own scripts.

interface Policy {
  createHTML(text: string): string;
  createScriptURL(address: string): string;
}
interface Factory {
  createPolicy(name: string, rules: Policy): Policy;
}

const OWN_SCRIPT = /^\/(assets\/[\w.-]+|sw)\.js$/;

/** Whether an address is that of a script which came with this page, and not one of another host with the same path. */
export function isOwnScript(address: string, origin: string): boolean {
  const url = new URL(address, origin);
  return url.origin === origin && OWN_SCRIPT.test(url.pathname);
}

const rules: Policy = {
  createHTML: (text) => text,
  createScriptURL(address) {
    // `npm run dev` serves scripts from where their sources are.
    if (!import.meta.env.DEV && !isOwnScript(address, location.origin)) throw new TypeError("not a script of this page");
    return address;
  },
};
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy("confab", rules) ?? rules;

/** Markup of a compiled template. Only Solid calls this: `vite/trusted-types.ts` sees to it. */
export const markup = (html: string): string => policy.createHTML(html);

/** The address of a worker that the build made. */
export const script = (address: string): string => policy.createScriptURL(address);
