// Fetching while events go on, for what is kept outside of the client's state: what happened since the asking is applied
// again behind the reply.

export type Change<Value> = (value: Value) => void;

export class Meanwhile<Value> {
  private readonly logs = new Set<Change<Value>[]>();

  /** Something happened: whoever waits for a reply does it again behind that. */
  note(change: Change<Value>): void {
    for (const log of this.logs) log.push(change);
  }

  /** Waits for a reply; what is returned with it does again what happened meanwhile. */
  async during<Reply>(asking: Promise<Reply>): Promise<{ reply: Reply; again: Change<Value> }> {
    const log: Change<Value>[] = [];
    this.logs.add(log);
    try {
      const reply = await asking;
      return { reply, again: (value) => log.forEach((change) => change(value)) };
    } finally {
      this.logs.delete(log);
    }
  }
}
