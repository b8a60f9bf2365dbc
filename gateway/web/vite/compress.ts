// Each file of the page as gateways send it: compressed once, as far as it goes, and never again for a request.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

/** What compresses. Pictures and fonts are compressed already. */
const TEXT = /\.(html|js|css|svg|json|webmanifest|txt|wasm|map)$/;
/** Less is not worth a header. */
const LEAST_BYTES = 512;

/** Writes `x.br` and `x.gz` beside every `x` that gets smaller by it. */
export function compressed(): Plugin {
  let folder = "";
  return {
    name: "confab-compressed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    // Behind all others: what is in `public/` is copied by then, too.
    closeBundle: { order: "post", sequential: true, handler: () => compressAll(folder) },
  };
}

async function compressAll(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true });
  await Promise.all(entries.filter((name) => TEXT.test(name)).map((name) => compress(join(folder, name))));
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  if (bytes.length < LEAST_BYTES) return;
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const forms = [
    [".br", await promisify(brotliCompress)(bytes, { params })],
    [".gz", await promisify(gzip)(bytes, { level: 9 })],
  ] as const;
  for (const [suffix, form] of forms) {
    if (form.length < bytes.length) await writeFile(path + suffix, form);
  }
}
