import type { Forms, Plural } from "../plurals.ts";

export const plurals: Record<Plural, Forms> = {
  "A test is on its way to {count} devices.": { one: "Ein Test ist an {count} Gerät unterwegs.", other: "Ein Test ist an {count} Geräte unterwegs." },
  "{count} new messages": { one: "{count} neue Nachricht", other: "{count} neue Nachrichten" },
  "{count} new": { one: "{count} neue", other: "{count} neue" },
  "{count} messages": { one: "{count} Nachricht", other: "{count} Nachrichten" },
  "{count} members": { one: "{count} Mitglied", other: "{count} Mitglieder" },
  "{count} entries": { one: "{count} Eintrag", other: "{count} Einträge" },
  "{count} people": { one: "{count} Person", other: "{count} Leute" },
  "{names} ended without a word. The others go on; the log of the node says why.": {
    one: "{names} hat ohne ein Wort geendet. Die anderen laufen weiter; warum, steht im Protokoll des Knotens.",
    other: "{names} haben ohne ein Wort geendet. Die anderen laufen weiter; warum, steht in den Protokollen dieser Knoten.",
  },
  "{count} connections": { one: "{count} Verbindung", other: "{count} Verbindungen" },
  "{count} partitions": { one: "{count} Partition", other: "{count} Partitionen" },
  "{count} mentions": { one: "{count} Erwähnung", other: "{count} Erwähnungen" },
  "{count} reactions": { one: "{count} Reaktion", other: "{count} Reaktionen" },
  "{count} messages will be sent when you are back.": {
    one: "{count} Nachricht wird gesendet, sobald du zurück bist.",
    other: "{count} Nachrichten werden gesendet, sobald du zurück bist.",
  },
  "Not sent: {count} characters too long.": { one: "Nicht gesendet: {count} Zeichen zu lang.", other: "Nicht gesendet: {count} Zeichen zu lang." },
  "{count} characters left": { one: "noch {count} Zeichen", other: "noch {count} Zeichen" },
  "the roles {roles}": { one: "die Rolle {roles}", other: "die Rollen {roles}" },
  "You own {servers}. Hand them over or delete them before.": {
    one: "Dir gehört {servers}. Gib das vorher ab oder lösche es.",
    other: "Dir gehören {servers}. Gib sie vorher ab oder lösche sie.",
  },
  "{count} characters too long": { one: "{count} Zeichen zu lang", other: "{count} Zeichen zu lang" },
};
