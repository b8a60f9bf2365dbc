// English sentences that depend on a number.

export interface Forms {
  readonly one: string;
  readonly other: string;
}

export const PLURALS = {
  "A test is on its way to {count} devices.": { one: "A test is on its way to {count} device.", other: "A test is on its way to {count} devices." },
  "{count} new messages": { one: "{count} new message", other: "{count} new messages" },
  "{count} new": { one: "{count} new", other: "{count} new" },
  "{count} messages": { one: "{count} message", other: "{count} messages" },
  "{count} members": { one: "{count} member", other: "{count} members" },
  "{count} entries": { one: "{count} entry", other: "{count} entries" },
  "{count} people": { one: "{count} person", other: "{count} people" },
  "{names} ended without a word. The others go on; the log of the node says why.": {
    one: "{names} ended without a word. The others go on; the log of the node says why.",
    other: "{names} ended without a word. The others go on; the logs of these nodes say why.",
  },
  "{count} connections": { one: "{count} connection", other: "{count} connections" },
  "{count} partitions": { one: "{count} partition", other: "{count} partitions" },
  "{count} mentions": { one: "{count} mention", other: "{count} mentions" },
  "{count} reactions": { one: "{count} reaction", other: "{count} reactions" },
  "{count} messages will be sent when you are back.": {
    one: "{count} message will be sent when you are back.",
    other: "{count} messages will be sent when you are back.",
  },
  "Not sent: {count} characters too long.": { one: "Not sent: {count} character too long.", other: "Not sent: {count} characters too long." },
  "{count} characters left": { one: "{count} character left", other: "{count} characters left" },
  "the roles {roles}": { one: "the role {roles}", other: "the roles {roles}" },
  "You own {servers}. Hand them over or delete them before.": {
    one: "You own {servers}. Hand it over or delete it before.",
    other: "You own {servers}. Hand them over or delete them before.",
  },
  "{count} characters too long": { one: "{count} character too long", other: "{count} characters too long" },
} as const satisfies Record<string, Forms>;

export type Plural = keyof typeof PLURALS;
