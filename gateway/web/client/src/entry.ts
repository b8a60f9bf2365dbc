// The way in and out: signing up, signing in, and what a stranger may ask.

import { takesNonce, type Requests, type SignedIn } from "./codec.js";
import { newNonce } from "./nonce.js";
import { type ClientOptions, type Credentials } from "./options.js";
import { refusalOf } from "./refusal.js";
import { type Body, type Reply } from "./wire/call.js";
import { ask, askByCookie, type Door, type Fetch } from "./wire/http.js";

/** A request with its nonce, where it takes one and none was given. */
export function withNonce<Name extends keyof Requests>(name: Name, body: Body<Name>): Requests[Name]["request"] {
  return (takesNonce(name) ? { nonce: newNonce(), ...body } : body) as Requests[Name]["request"];
}

export class Entry {
  /** The token of the session, for those who keep it themselves. */
  token: string | null;
  readonly urls: readonly string[];

  constructor(private readonly options: ClientOptions) {
    const { token = null, url } = options;
    this.token = token;
    this.urls = typeof url === "string" ? [url] : url;
  }

  /** Asks over HTTP, as one may who has no session. */
  ask<Name extends keyof Requests>(name: Name, scope: number, request: Requests[Name]["request"]): Promise<Reply<Name>> {
    return ask({ ...this.door(), stranger: true }, name, scope, request);
  }

  /** Gets a session. Who is refused stays who he was. */
  async enter<Name extends "login" | "register" | "guest">(name: Name, body: Credentials<Name>): Promise<void> {
    const request = withNonce(name, body as Body<Name>);
    let token: string | null = null;
    if (this.options.cookie) await askByCookie(this.door(), name, request);
    else ({ token } = (await ask(this.door(), name, 0, request)) as SignedIn);
    this.token = token;
  }

  /** Ends the session, by the cookie or by what `logOut` asks. */
  async leave(logOut: () => Promise<unknown>): Promise<void> {
    try {
      if (this.options.cookie) await askByCookie(this.door(), "logout", { nonce: newNonce() });
      else await logOut();
    } catch (error) {
      // A repeat finds the session ended.
      if (refusalOf(error).reason !== "unauthenticated") throw error;
    }
    this.token = null;
  }

  private door(): Door {
    const fetch: Fetch = this.options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    return { urls: this.urls, fetch, token: this.token };
  }
}
