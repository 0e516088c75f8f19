import { deepEqual, equal, ok } from "node:assert/strict";
import { resolve } from "node:path";
import { tempDir } from "./support/temp_dir.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** What a compiled binary says of itself: the JSON that Deno puts at its end. */
// deno-lint-ignore no-explicit-any -- Deno's own format, of which only a few keys are looked at
function metadataOf(binary: Uint8Array): any {
  const marker = new TextEncoder().encode('{"argv":');
  let at = binary.length - marker.length;
  while (at >= 0 && !marker.every((byte, i) => binary[at + i] === byte)) at--;
  ok(at >= 0, "no metadata in the binary");
  const text = new TextDecoder().decode(binary.subarray(at));
  let depth = 0, inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return JSON.parse(text.slice(0, i + 1));
  }
  throw new Error("the binary's metadata does not end");
}

Deno.test("the compiled collector carries the set it runs under, asks nothing, and leaves DuckDB out", async () => {
  await using dir = await tempDir();
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const out = dir.join("gossip-collector");
  const [program, ...args] = config.tasks.compile.command.split(" ");
  equal(program, "deno");
  args[args.indexOf("--output") + 1] = out;
  // The slim runtime that Deno downloads for this may be out of reach; Deno itself stands in, and only bytes are read.
  const { success, stderr } = await new Deno.Command("deno", {
    args,
    cwd: ROOT,
    env: { DENORT_BIN: Deno.execPath(), NO_COLOR: "1" },
  }).output();
  ok(success, new TextDecoder().decode(stderr));

  const { permissions } = metadataOf(await Deno.readFile(out));
  const set = config.permissions.collector;
  const absolute = (paths: string[]) => paths.map((path) => resolve(ROOT, path));
  deepEqual(permissions, {
    allow_env: null,
    deny_env: null,
    ignore_env: [],
    allow_net: set.net,
    deny_net: null,
    allow_ffi: null,
    deny_ffi: null,
    allow_read: absolute(set.read),
    deny_read: null,
    ignore_read: null,
    allow_run: null,
    deny_run: null,
    allow_sys: null,
    deny_sys: null,
    allow_write: absolute(set.write),
    deny_write: null,
    allow_import: null,
    deny_import: [],
    prompt: false,
  });

  const added = (await Deno.stat(out)).size - (await Deno.stat(Deno.execPath())).size;
  ok(added < 8 * 1024 * 1024, `${added} bytes on top of the runtime`);
});
