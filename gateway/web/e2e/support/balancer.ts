// What stands before the gateways of a deployment: one address, and whoever of them is there behind it.
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

const UPGRADE = /^upgrade: *websocket/im;

export class Balancer {
  private readonly open = new Set<Socket>();
  private turn = 0;
  private passes: "all" | "no sockets" | "nothing" = "all";

  private constructor(
    private readonly server: Server,
    private readonly ports: readonly number[],
  ) {}

  static async start(ports: readonly number[]): Promise<Balancer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const balancer = new Balancer(server, ports);
    server.on("connection", (client) => {
      client.on("error", () => client.destroy());
      client.once("data", (first) => balancer.pass(client, first, ports.length));
    });
    return balancer;
  }

  /** Where browsers go. */
  get origin(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all connections, and accepts none until `mend`. */
  sever(): void {
    this.passes = "nothing";
    this.endAll();
  }

  /** Ends all connections; the page can be loaded until `mend`, but gets no socket. */
  severSockets(): void {
    this.passes = "no sockets";
    this.endAll();
  }

  mend(): void {
    this.passes = "all";
  }

  async stop(): Promise<void> {
    this.sever();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private endAll(): void {
    for (const socket of this.open) socket.destroy();
  }

  /** Passes a connection, of which this was read, on to the next gateway that takes it. */
  private pass(client: Socket, first: Buffer, tries: number): void {
    const refused = this.passes === "nothing" || (this.passes === "no sockets" && UPGRADE.test(first.toString("latin1")));
    if (refused || tries === 0) {
      client.destroy();
      return;
    }
    client.pause();
    const port = this.ports[this.turn++ % this.ports.length] as number;
    const gateway = connect(port, "127.0.0.1");
    const again = (): void => this.pass(client, first, tries - 1);
    gateway.once("error", again);
    gateway.once("connect", () => {
      gateway.off("error", again);
      gateway.write(first);
      this.join(client, gateway);
    });
  }

  private join(client: Socket, gateway: Socket): void {
    const pairs = [[client, gateway], [gateway, client]] as const;
    for (const [one, other] of pairs) {
      this.open.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        this.open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
