// IndexedDB: survives a reload, and being closed. One database for each account.

import { deleteDB, openDB } from "idb";

import type { UserId } from "../codec.js";
import type { Boxes, Key, Storage } from "../outbox/storage.js";

const BOXES = ["outbox", "drafts", "windows", "snapshot"] as const;
const VERSION = 1;

/** The storage of an account in this browser. */
export async function openStorage(user: UserId): Promise<Storage> {
  const name = `confab-${user}`;
  const database = await openDB(name, VERSION, {
    upgrade(database) {
      for (const box of BOXES) database.createObjectStore(box);
    },
    // Another tab clears it, or has a newer version: it must not wait for us.
    blocking: () => database.close(),
  });
  return {
    all: <Box extends keyof Boxes>(box: Box): Promise<Boxes[Box][]> => database.getAll(box),
    get: <Box extends keyof Boxes>(box: Box, key: Key): Promise<Boxes[Box] | undefined> => database.get(box, key),
    async put(box, key, value) {
      const transaction = database.transaction(box, "readwrite");
      const put = transaction.store.put(value, key);
      // A page that goes in this moment would not live to let it end by itself.
      transaction.commit();
      await Promise.all([put, transaction.done]);
    },
    delete: (box, key) => database.delete(box, key),
    async clear() {
      database.close();
      await deleteDB(name);
    },
    close: () => database.close(),
  };
}
