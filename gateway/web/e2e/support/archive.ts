// A server with more history than a client could write in the time of a test: made in the database, before any worker knows it.
import type { Cluster } from "./cluster.ts";
import type { Person, Server } from "./person.ts";

const DAY = 86_400_000;
/** Ids are milliseconds since 2026, a partition and a counter. These are of the summer, one a minute. */
const idAt = (moment: number, counter = 0): number => (200 * DAY + moment) * 4096 + counter;

/** VIEW_CHANNEL, SEND_MESSAGES and READ_HISTORY, which everyone has, and ADD_REACTIONS. */
const EVERYONE = 1 + 2 + 32 + 32_768;
const WORDS = "what was said here once, and **read** by nobody but a test; see https://example.org/ for `more` of it";

export interface Archive extends Server {
  /** The names of its channels. */
  names: string[];
}

/** A server whose channels have so many messages each. Its owner is a member. */
export async function makeArchive(cluster: Cluster, owner: Person, sizes: readonly number[]): Promise<Archive> {
  const { server: own } = await owner.write<{ server: { owner_id: string } }>("server_create", { name: "Own" });
  const author = own.owner_id;
  const id = idAt(0);
  const names = sizes.map((_, at) => `archive-${at + 1}`);
  const channel = (at: number): number => id + at + 1;
  const channels = sizes.map((size, at) => `(${channel(at)}, ${id}, '${names[at]}', ${at}, ${size}, ${idAt(size * 60_000, at)})`);
  const messages = sizes.map(
    (size, at) => `INSERT INTO messages (channel, seq, id, author, content)
      SELECT ${channel(at)}, n, ${idAt(0, at)} + n * 60000 * 4096, ${author}, n || ': ' || repeat('${WORDS} ', 1 + (n % 5)::int)
      FROM generate_series(1::int8, ${size}) AS n`,
  );
  const code = `archive${owner.name.replace(/\W/g, "")}`;
  await cluster.sql(`
    INSERT INTO servers (id, name, owner) VALUES (${id}, 'Archive', ${author});
    INSERT INTO topics (id) VALUES (${id});
    INSERT INTO roles (server, id, name, permissions) VALUES (${id}, ${id}, 'everyone', ${EVERYONE});
    INSERT INTO channels (id, server, name, position, last_seq, last_message_id) VALUES ${channels.join(", ")};
    ${messages.join("; ")};
    INSERT INTO invites (code, server, creator) VALUES ('${code}', ${id}, ${author});
    ANALYZE messages`);
  await owner.write("invite_redeem", { code });
  return { id: String(id), name: "Archive", channel: String(channel(0)), names };
}
