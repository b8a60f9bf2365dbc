// The HTTP door: for those who have no session yet, and for cookies, which only HTTP can set.

import { fromJson, toJson, REFUSALS, REQUESTS, type Requests } from "../codec.js";
import { Refusal, type Reason } from "../refusal.js";
import { type Reply } from "./call.js";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Door {
  url: string;
  fetch: Fetch;
  token: string | null;
}

/** What signs in, and how the path is called that leaves the token in a cookie. */
export const SIGN_IN = { login: "login", register: "register", guest: "guest" } as const;

/** Asks over HTTP: every request is an endpoint of its own. */
export async function ask<Name extends keyof Requests>(
  { url, fetch, token }: Door,
  name: Name,
  scope: number,
  body: Requests[Name]["request"],
): Promise<Reply<Name>> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  const path = `/api/v1/commands/${name}?scope=${scope}`;
  const json = await post(fetch, new URL(path, url).href, headers, toJson(REQUESTS[name].request, body));
  const shape = REQUESTS[name].reply;
  return (shape === "unit" ? null : fromJson(shape, json)) as Reply<Name>;
}

/** Signs in, so that the token rests in a cookie that no script reads. */
export async function signInByCookie<Name extends keyof typeof SIGN_IN>(
  { url, fetch }: Door,
  name: Name,
  body: Requests[Name]["request"],
): Promise<void> {
  const path = new URL(`/api/session/${SIGN_IN[name]}`, url).href;
  await post(fetch, path, { "Content-Type": "application/json" }, toJson(REQUESTS[name].request, body));
}

/** Ends the session of the cookie, and the cookie. */
export async function signOutByCookie({ url, fetch }: Door, nonce: string): Promise<void> {
  const path = new URL("/api/session/logout", url).href;
  await post(fetch, path, { "Content-Type": "application/json" }, { nonce });
}

async function post(fetch: Fetch, url: string, headers: Record<string, string>, body: unknown): Promise<unknown> {
  let response: Response;
  let json: unknown;
  try {
    response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
    const text = await response.text();
    json = text === "" ? null : JSON.parse(text);
  } catch {
    // It did not come through, or not back, and nobody knows which.
    throw new Refusal("unknown");
  }
  if (response.ok) return json;
  const { reason, detail, retry_after } = (json ?? {}) as Partial<JsonRefusal>;
  const known = reason !== undefined && reason in REFUSALS ? (reason as Reason) : "unavailable";
  throw new Refusal(known, detail ?? null, retry_after ?? null);
}

interface JsonRefusal {
  reason: string;
  detail: string | null;
  retry_after: number | null;
}
