// Somebody with a browser of his own, signed in; what goes wrong in it fails the test.
import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "@playwright/test";

export const PASSWORD = "correct horse battery";

let last = 0;
const nonce = (): string => `e2e-${process.pid}-${Date.now()}-${++last}`;

export interface Server {
  id: string;
  name: string;
  /** Its first channel. */
  channel: string;
}

export class Person {
  /** What the browser complained of. */
  readonly complaints: string[] = [];
  /** How the protocol names who was signed up. */
  id = "";
  /** The gateway that this page's socket is at, by its number. */
  gateway = 0;
  private readonly expected: RegExp[] = [];

  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly origin: string,
  ) {}

  /** A browser that nobody is signed in with. */
  static async stranger(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Person> {
    return Person.open(browser, origin, "", options);
  }

  /** A new account whose name begins so, and its browser. */
  static async signUp(browser: Browser, origin: string, name: string, options: BrowserContextOptions = {}): Promise<Person> {
    const person = await Person.open(browser, origin, `${name}-${process.pid.toString(36)}${(++last).toString(36)}`, options);
    const { user } = await person.post<{ user: { user_id: string } }>("/api/session/register", { nonce: nonce(), name: person.name, password: PASSWORD });
    person.id = user.user_id;
    return person;
  }

  private static async open(browser: Browser, origin: string, name: string, options: BrowserContextOptions): Promise<Person> {
    const context = await browser.newContext({ baseURL: origin, ...options });
    const page = await context.newPage();
    const person = new Person(name, context, page, origin);
    context.on("page", (opened) => person.listen(opened));
    person.listen(page);
    return person;
  }

  /** Opens the first channel of a server, or what a path leads to from there, and waits until it can be used. */
  async open(server: Server, more = ""): Promise<Page> {
    await this.page.goto(`/c/${server.id}/${server.channel}${more}`);
    await expect(this.page.locator("#composer")).toBeVisible();
    return this.page;
  }

  /** Another tab of the same browser. */
  async tab(path = "/"): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(path);
    return page;
  }

  /** A command, as the page sends it over HTTP, with the cookie of this browser. */
  async call<Reply = unknown>(name: string, body: Record<string, unknown> = {}, scope = "0"): Promise<Reply> {
    return this.post<Reply>(`/api/v1/commands/${name}?scope=${scope}`, body);
  }

  /** A command that writes. */
  async write<Reply = unknown>(name: string, body: Record<string, unknown> = {}, scope = "0"): Promise<Reply> {
    return this.call<Reply>(name, { nonce: nonce(), ...body }, scope);
  }

  /** A server of this person that these others are in, too. */
  async makeServer(name: string, members: readonly Person[] = []): Promise<Server> {
    const made = await this.write<{ server: { server_id: string }; channels: { channel_id: string }[] }>("server_create", { name });
    const id = made.server.server_id;
    const { code } = await this.write<{ code: string }>("invite_create", {}, id);
    for (const member of members) await member.write("invite_redeem", { code });
    return { id, name, channel: made.channels[0]?.channel_id ?? "" };
  }

  async say(server: Server, content: string, channel = server.channel): Promise<void> {
    await this.write("message_new", { channel_id: channel, content }, server.id);
  }

  /** Something that the browser will complain of, because this test makes it happen. */
  expects(complaint: RegExp): void {
    this.expected.push(complaint);
  }

  /** Fails if the browser complained of anything else. */
  async close(): Promise<void> {
    await this.context.close();
    const rest = this.complaints.filter((complaint) => !this.expected.some((expected) => expected.test(complaint)));
    expect(rest, `what the browser of ${this.name || "a stranger"} complained of`).toEqual([]);
  }

  private listen(page: Page): void {
    // Each violation of the page's policy is an error of its console, too.
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on("websocket", (socket) => {
      // The first frame names the gateway.
      socket.on("framereceived", ({ payload }) => {
        const [, number] = /gateway-(\d)/.exec(payload.toString("latin1")) ?? [];
        if (number !== undefined) this.gateway = Number(number);
      });
    });
    page.on("pageerror", (error) => this.complaints.push(error.stack ?? error.message));
  }

  private async post<Reply>(path: string, body: unknown): Promise<Reply> {
    const response = await this.attempt(() => this.context.request.post(path, { data: body, headers: { Origin: this.origin } }));
    const text = await response.text();
    if (!response.ok()) throw new Error(`${path}: ${response.status()} ${text}`);
    return JSON.parse(text) as Reply;
  }

  /** What a killed gateway did not answer is asked again, with the same nonce. */
  private async attempt<Answer>(ask: () => Promise<Answer>, tries = 5): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (tries === 0) throw error;
      return this.attempt(ask, tries - 1);
    }
  }
}
