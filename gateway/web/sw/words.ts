// What notifications say. Their sentences stand here and not with those of the page: what both would use would be a file of
// its own, and a service worker of one file starts also where nothing can be fetched.

/** As on the page, an English sentence is the id of the German one. */
export const GERMAN = {
  "A test: notifications reach this device.": "Ein Test: Benachrichtigungen erreichen dieses Gerät.",
  "Somebody calls everyone.": "Jemand ruft alle.",
  "Somebody mentions a role of yours.": "Jemand erwähnt eine deiner Rollen.",
  "Somebody mentions you.": "Jemand erwähnt dich.",
  "Somebody replies to you.": "Jemand antwortet dir.",
  "Somebody says one of your words.": "Jemand sagt eines deiner Wörter.",
  "There is a new message.": "Es gibt eine neue Nachricht.",
  "There is something new.": "Es gibt etwas Neues.",
  "{author} calls everyone in #{channel}": "{author} ruft alle in #{channel}",
  "{author} in #{channel}": "{author} in #{channel}",
  "{author} mentions a role of yours in #{channel}": "{author} erwähnt eine deiner Rollen in #{channel}",
  "{author} mentions you in #{channel}": "{author} erwähnt dich in #{channel}",
  "{author} replies to you in #{channel}": "{author} antwortet dir in #{channel}",
  "{author} says one of your words in #{channel}": "{author} sagt eines deiner Wörter in #{channel}",
} as const;

export type Sentence = keyof typeof GERMAN;
export type Say = (text: Sentence, values?: Readonly<Record<string, string>>) => string;

/** Says sentences in the first of these languages that we have. */
export function sayIn(languages: readonly string[]): Say {
  const known = languages.map((tag) => tag.toLowerCase().split("-")[0]).find((base) => base === "en" || base === "de");
  return (text, values = {}) => {
    const said: string = known === "de" ? GERMAN[text] : text;
    return said.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  };
}
