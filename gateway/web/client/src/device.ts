// What a device keeps of the account that uses it: taken up when it comes, left when it goes.

import type { UserId } from "./codec.js";
import { type Cache } from "./cache.js";
import { type Clock } from "./clock.js";
import { type Outbox } from "./outbox/outbox.js";
import { memoryStorage, type Storage } from "./outbox/storage.js";
import { ALONE, type Tabs } from "./outbox/tabs.js";
import { type State } from "./state/state.js";

/** A storage that is not open by then, as when another tab holds back its newer version, may never be. */
const PATIENCE = 10_000;

export interface DeviceOptions {
  clock: Clock;
  mutate(change: (state: State) => void): void;
  cache: Cache;
  outbox: Outbox;
  storage: ((user: UserId) => Storage | Promise<Storage>) | undefined;
  tabs: ((user: UserId) => Tabs) | undefined;
  failed(error: unknown): void;
}

export class Device {
  private owner: UserId | null = null;
  private storage: Storage | null = null;
  /** Whether what the account saw may be shown: not once its session was ended. */
  private shows = true;

  constructor(private readonly options: DeviceOptions) {}

  /** Shows what is kept of an account, and takes up its outbox, in place of another one's. */
  async own(user: UserId): Promise<void> {
    const { cache, outbox, tabs } = this.options;
    if (this.owner === user) return outbox.follow();
    this.leave();
    this.owner = user;
    this.shows = true;
    const storage = await this.open(user);
    // Somebody else may have come meanwhile.
    if (this.owner !== user) return storage.close();
    this.storage = storage;
    // What cannot be read is fetched.
    await (this.shows ? cache.open(storage) : cache.forget(storage)).catch(this.options.failed);
    if (this.owner === user) await outbox.open(storage, String(user), tabs?.(user) ?? ALONE);
  }

  /** Leaves what is kept where it is; the state forgets it. */
  leave(): void {
    if (this.owner === null) return;
    this.release();
    this.options.mutate((state) => Object.assign(state, { sends: {}, drafts: {} }));
  }

  /** The session was ended: what it saw is forgotten, also where the storage is only being opened; what was to be sent stays. */
  async forget(): Promise<void> {
    this.shows = false;
    await this.options.cache.forget().catch(this.options.failed);
  }

  /** Forgets what is kept, for good. */
  async clear(): Promise<void> {
    const { storage } = this;
    this.storage = null;
    this.leave();
    await storage?.clear();
    storage?.close();
  }

  /** Ends; the state stays as it is. */
  release(): void {
    const { cache, outbox } = this.options;
    this.owner = null;
    outbox.close();
    cache.close();
    this.storage?.close();
    this.storage = null;
  }

  /** A device that keeps nothing, as in a private window, costs what survives a reload, nothing else. */
  private async open(user: UserId): Promise<Storage> {
    const { failed, storage } = this.options;
    try {
      return storage === undefined ? memoryStorage() : await this.inTime(storage(user));
    } catch (error) {
      failed(error);
      return memoryStorage();
    }
  }

  /** The storage that is being opened; one that comes too late is closed, as what was written meanwhile is not in it. */
  private inTime(opening: Storage | Promise<Storage>): Promise<Storage> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const callOff = this.options.clock.after(PATIENCE, () => {
        isLate = true;
        reject(new Error("the storage of this device does not open"));
      });
      const opened = (storage: Storage) => {
        callOff();
        if (isLate) storage.close();
        else resolve(storage);
      };
      const refused = (error: unknown) => {
        callOff();
        reject(error);
      };
      Promise.resolve(opening).then(opened, refused);
    });
  }
}
