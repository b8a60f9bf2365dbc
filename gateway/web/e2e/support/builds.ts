// A deployment of the page: what the gateways serve is replaced by another build, while browsers hold the one before.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Deployment {
  origin: string;
  next: () => Promise<void>;
  stop: () => Promise<void>;
}

/** A gateway whose page is that of a folder, which a deployment replaces. */
export async function deploy(origin: string): Promise<Deployment> {
  const built = new URL("../../dist/", import.meta.url).pathname;
  const folder = await mkdtemp(join(tmpdir(), "confab-builds-"));
  await cp(built, folder, { recursive: true });
  const gateway = new URL(origin);
  const server = createServer((asked, answer) => {
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const passed = request({ host: gateway.hostname, port: gateway.port, path: asked.url, method: asked.method, headers }, async (got) => {
      const path = (asked.url ?? "/").split("?")[0] as string;
      const file = path.startsWith("/api") ? undefined : path === "/" || path.startsWith("/c/") ? "index.html" : path.slice(1);
      const text = file === undefined ? undefined : await readFile(join(folder, file)).catch(() => null);
      if (text === undefined) {
        answer.writeHead(got.statusCode ?? 500, got.headers);
        got.pipe(answer);
        return;
      }
      got.resume();
      const { etag: _, "content-length": __, ...rest } = got.headers;
      const type = path.endsWith(".js") ? "text/javascript" : path.endsWith(".css") ? "text/css" : rest["content-type"];
      answer.writeHead(text === null ? 404 : 200, { ...rest, "content-type": type ?? "text/html", "cache-control": "no-cache" });
      answer.end(text ?? "");
    });
    asked.pipe(passed);
  });
  server.on("upgrade", (asked, socket, head) => {
    const passed = request({ host: gateway.hostname, port: gateway.port, path: asked.url, headers: asked.headers });
    passed.on("upgrade", (got, other, early) => {
      const lines = Object.entries(got.headers).map(([name, value]) => `${name}: ${String(value)}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      socket.write(early);
      other.write(head);
      other.pipe(socket).pipe(other);
      for (const one of [socket, other]) one.on("error", () => one.destroy());
    });
    passed.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    /** The same page as another build: every script has another name, and none of the old ones is there. */
    async next() {
      const assets = (await readdir(join(folder, "assets"))).filter((name) => /\.(js|css)$/.test(name));
      const renamed = (text: string): string => assets.reduce((all, name) => all.replaceAll(name, name.replace("-", "-next")), text);
      for (const name of assets) {
        const text = renamed(await readFile(join(folder, "assets", name), "utf8"));
        await rm(join(folder, "assets", name));
        await writeFile(join(folder, "assets", name.replace("-", "-next")), text);
      }
      for (const name of ["index.html", "sw.js"]) {
        const text = await readFile(join(folder, name), "utf8");
        await writeFile(join(folder, name), renamed(text).replace(/VERSION=(["`])[0-9a-f]+/, "VERSION=$1next"));
      }
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
