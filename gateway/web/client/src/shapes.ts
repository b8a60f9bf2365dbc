// What the tables of `protocol.generated.ts` are made of.

/** An id: a number here and in MessagePack, a string in JSON. Its type keeps kinds apart. */
export type Id<Kind extends string> = number & { readonly [kind]: Kind };
declare const kind: unique symbol;

/** A set of bits of `PERMISSIONS`, at most 52 of them: plain numbers hold it. */
export type Permissions = number;

/** What a value looks like; `Struct` names the structs there are. */
export type Shape<Struct extends string> =
  | "unit"
  | "bool"
  | "text"
  | { readonly int: number }
  | { readonly id: string }
  | { readonly flags: string }
  | { readonly optional: Shape<Struct> }
  | { readonly list: Shape<Struct> }
  | { readonly enum: string }
  | { readonly struct: Struct };

export interface Field<Struct extends string> {
  readonly name: string;
  readonly type: Shape<Struct>;
  readonly optional: boolean;
}

export interface RequestRow<Struct extends string> {
  readonly opcode: number;
  readonly request: Shape<Struct>;
  readonly reply: Shape<Struct>;
  /** Whether one may ask it who is not signed in. */
  readonly anyone?: true;
}

export interface Row<Struct extends string> {
  readonly opcode: number;
  readonly body: Shape<Struct>;
}
