// The HTTP door: for those who have no session yet, and for cookies, which only HTTP can set.

import { fromJson, toJson, REFUSALS, REQUESTS, type Requests } from "../codec.js";
import { Refusal, type Reason } from "../refusal.js";
import { type Reply } from "./call.js";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Door {
  /** Gateways of one cluster: where one does not answer, the next one is asked. */
  urls: readonly string[];
  fetch: Fetch;
  token: string | null;
  /** Whether no cookie goes along: that of a session which ended would be refused where none is needed. */
  stranger?: boolean;
}

/** Asks over HTTP: every request is an endpoint of its own. */
export async function ask<Name extends keyof Requests>(
  door: Door,
  name: Name,
  scope: number,
  body: Requests[Name]["request"],
): Promise<Reply<Name>> {
  const { request, reply } = REQUESTS[name];
  const json = await post(door, `/api/v1/commands/${name}?scope=${scope}`, toJson(request, body));
  return (reply === "unit" ? null : fromJson(reply, json)) as Reply<Name>;
}

/** Signs in, or out, so that the token rests in a cookie that no script reads. */
export async function askByCookie<Name extends "login" | "register" | "guest" | "logout">(
  door: Door,
  name: Name,
  body: Requests[Name]["request"],
): Promise<void> {
  await post(door, `/api/session/${name}`, toJson(REQUESTS[name].request, body));
}

async function post({ urls, fetch, token, stranger = false }: Door, path: string, body: unknown): Promise<unknown> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  const init = { method: "POST", headers, body: JSON.stringify(body), credentials: stranger ? "omit" : "same-origin" } as const;
  for (const url of urls) {
    let response: Response;
    let json: unknown;
    try {
      response = await fetch(new URL(path, url).href, init);
      const text = await response.text();
      json = text === "" ? null : JSON.parse(text);
    } catch {
      // It did not come through, or not back. Its nonce makes it safe to ask another gateway.
      continue;
    }
    if (response.ok) return json;
    const { reason, detail, retry_after } = (json ?? {}) as Partial<JsonRefusal>;
    const known = reason !== undefined && Object.hasOwn(REFUSALS, reason) ? (reason as Reason) : "unavailable";
    throw new Refusal(known, detail ?? null, retry_after ?? null);
  }
  throw new Refusal("unknown");
}

interface JsonRefusal {
  reason: string;
  detail: string | null;
  retry_after: number | null;
}
