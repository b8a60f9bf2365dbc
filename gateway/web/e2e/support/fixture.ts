// What every story begins with: `import { expect, test } from "./support/fixture.ts"`.
import { test as base, type BrowserContextOptions } from "@playwright/test";
import { Cluster } from "./cluster.ts";
import { Person } from "./person.ts";

export { expect } from "@playwright/test";
export { axe, axeInThemes, THEMES } from "./axe.ts";
export { PASSWORD, Person, type Server } from "./person.ts";

interface Options {
  /** Whether the test needs a deployment on which nobody signed up yet. */
  empty: boolean;
}

interface Fixtures {
  /** Two gateways, two workers, behind one address. Tests share it until one of them harms it. */
  cluster: Cluster;
  /** Opens a browser that nobody is signed in with. */
  stranger: (options?: BrowserContextOptions) => Promise<Person>;
  /** Signs somebody up, whose browser has nothing open yet. */
  newcomer: (name: string, options?: BrowserContextOptions) => Promise<Person>;
  /** An account of this test alone, and its browser. */
  alice: Person;
  /** Another one. */
  bob: Person;
}

interface Shared {
  clusters: Clusters;
}

/** The cluster that tests share. */
class Clusters {
  private current: Cluster | null = null;
  private used = false;

  async get(empty: boolean): Promise<Cluster> {
    if (this.current !== null && (this.current.harmed || (empty && this.used))) await this.stop();
    this.used = true;
    return (this.current ??= await Cluster.start());
  }

  async stop(): Promise<void> {
    await this.current?.stop();
    this.current = null;
  }
}

export const test = base.extend<Options & Fixtures, Shared>({
  empty: [false, { option: true }],
  clusters: [
    async ({}, use) => {
      const clusters = new Clusters();
      await use(clusters);
      await clusters.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  cluster: [
    async ({ clusters, empty }, use) => {
      await use(await clusters.get(empty));
      // Who makes a deployment also sets what holds on it: the next test gets none of that.
      if (empty) await clusters.stop();
    },
    { timeout: 120_000 },
  ],
  stranger: async ({ browser, cluster }, use) => {
    const opened: Person[] = [];
    await use(async (options) => {
      const person = await Person.stranger(browser, cluster.origin, options);
      opened.push(person);
      return person;
    });
    await closeAll(opened);
  },
  newcomer: async ({ browser, cluster }, use) => {
    const opened: Person[] = [];
    await use(async (name, options) => {
      const person = await Person.signUp(browser, cluster.origin, name, options);
      opened.push(person);
      return person;
    });
    await closeAll(opened);
  },
  alice: async ({ newcomer }, use) => {
    await use(await newcomer("alice"));
  },
  bob: async ({ newcomer }, use) => {
    await use(await newcomer("bob"));
  },
});

async function closeAll(people: readonly Person[]): Promise<void> {
  for (const person of people) await person.close();
}
