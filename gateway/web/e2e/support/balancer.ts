// What stands before the gateways of a deployment: one address, and whoever of them is there behind it.
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class Balancer {
  private readonly open = new Set<Socket>();
  private turn = 0;
  private cut = false;

  private constructor(
    private readonly server: Server,
    private readonly ports: readonly number[],
  ) {}

  static async start(ports: readonly number[]): Promise<Balancer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const balancer = new Balancer(server, ports);
    server.on("connection", (client) => balancer.pass(client, ports.length));
    return balancer;
  }

  /** Where browsers go. */
  get origin(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all connections, and accepts none until `mend`. */
  sever(): void {
    this.cut = true;
    for (const socket of this.open) socket.destroy();
  }

  mend(): void {
    this.cut = false;
  }

  async stop(): Promise<void> {
    this.sever();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Passes a connection on to the next gateway that takes it. */
  private pass(client: Socket, tries: number): void {
    if (this.cut || tries === 0) {
      client.destroy();
      return;
    }
    const port = this.ports[this.turn++ % this.ports.length] as number;
    const gateway = connect(port, "127.0.0.1");
    const again = (): void => this.pass(client, tries - 1);
    gateway.once("error", again);
    gateway.once("connect", () => {
      gateway.off("error", again);
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
