import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { resolve } from "node:path";
import {
  bundle,
  compile as compileProgram,
  ELF_HEADER_BYTES,
  type Machine,
  machineOf,
  MACHINES,
} from "../../collector/deploy/build.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { UserError } from "../../shared/errors.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES, STREAM } from "../../shared/subjects.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const MACHINE = Deno.build.arch as Machine;
const MAX_ADDED_BYTES = 8 * 1024 * 1024;

const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
const set = config.permissions.collector;

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

/**
 * `deno task compile`, but into another folder. The slim runtime that Deno downloads for it may be out of reach; Deno
 * itself stands in, and only bytes are read.
 */
function compile(out: string, args: readonly string[], runtime: string = Deno.execPath()): Process {
  return startProgram("collector/deploy/compile.ts", ["--out", out, ...args], [
    "--quiet",
    "-P=compile",
    `--allow-read=deno.json,${out}`,
    `--allow-write=${out}`,
  ], { env: { DENORT_BIN: runtime, NO_COLOR: "1" } });
}

async function compiled(
  out: string,
  args: readonly string[],
  machine: Machine = MACHINE,
  runtime: string = Deno.execPath(),
): Promise<Uint8Array> {
  await using program = compile(out, ["--target", machine, ...args], runtime);
  const { success } = await program.wait(120_000);
  ok(success, program.lines.join("\n"));
  const name = `gossip-collector-linux-${machine}`;
  deepEqual(Array.from(Deno.readDirSync(out), (file) => file.name), [name]);
  return await Deno.readFile(`${out}/${name}`);
}

/** Deno adds its usual import servers, which nothing comes of: the set denies every import (`deny_import: []`). */
function permissionsOf(binary: Uint8Array) {
  const { allow_import: _, ...permissions } = metadataOf(binary).permissions;
  return permissions;
}

function permissionsWith(net: readonly string[], env: readonly string[] | null = null) {
  const absolute = (paths: string[]) => paths.map((path) => resolve(ROOT, path));
  return {
    allow_env: env,
    deny_env: null,
    ignore_env: [],
    allow_net: net,
    deny_net: set.net.deny,
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
    deny_import: [],
    prompt: false,
  };
}

Deno.test("a build runs deno, and writes to dist", () => {
  deepEqual(config.permissions.compile, {
    env: { ignore: true },
    import: { deny: true },
    run: ["deno"],
    read: ["deno.json", "dist"],
    write: ["dist"],
  });
});

Deno.test("the compiled collector carries the set it runs under, asks nothing, and is small", async () => {
  await using dir = await tempDir();
  const binary = await compiled(dir.path, []);
  deepEqual(permissionsOf(binary), permissionsWith(set.net.allow));
  const [, flags] = config.tasks.collect.command.match(/--v8-flags=(\S+)/);
  const { v8_flags: carried } = metadataOf(binary);
  for (const flag of flags.split(",")) ok(carried.includes(flag), `${flag} not among ${carried}`);
  const added = binary.length - (await Deno.stat(Deno.execPath())).size;
  ok(added < MAX_ADDED_BYTES, `${added} bytes on top of the runtime`);
});

Deno.test("a build's own NATS server and networks are opened, and the default server closed", async () => {
  await using dir = await tempDir();
  const wishes = ["--nats", "100.64.0.7:4222,nats.tail.ts.net:4222", "--allow-cidr", "10.8.0.0/24"];
  const permissions = permissionsOf(await compiled(dir.path, wishes));
  const net = set.net.allow.filter((entry: string) => entry !== "127.0.0.1:4222");
  deepEqual(
    permissions,
    permissionsWith([...net, "100.64.0.7:4222", "nats.tail.ts.net:4222", "10.8.0.0/24"]),
  );
});

Deno.test("a build sees the environment variables that it names, and no others", async () => {
  await using dir = await tempDir();
  const binary = await compiled(dir.path, ["--allow-env", "NATS_PASSWORD, NATS_TOKEN"]);
  deepEqual(permissionsOf(binary), permissionsWith(set.net.allow, ["NATS_PASSWORD", "NATS_TOKEN"]));
});

Deno.test("a build for the other machine carries the same set in that machine's runtime", async () => {
  await using dir = await tempDir();
  const other = MACHINES.find((machine) => machine !== MACHINE)!;
  // No such runtime is at hand: this machine's with the other's name in its header, of which nothing will be run.
  const runtime = dir.join("denort");
  await Deno.copyFile(Deno.execPath(), runtime);
  {
    using file = await Deno.open(runtime, { write: true });
    await file.seek(18, Deno.SeekMode.Start);
    await file.write(new Uint8Array([other === "aarch64" ? 183 : 62, 0]));
  }
  await Deno.mkdir(dir.join("dist"));
  const binary = await compiled(dir.join("dist"), [], other, runtime);
  equal(machineOf(binary.subarray(0, ELF_HEADER_BYTES)), other);
  deepEqual(permissionsOf(binary), permissionsWith(set.net.allow));
});

Deno.test("a runtime that cannot be downloaded ends a build with where to get it", async () => {
  await using dir = await tempDir();
  const program = dir.join("program.mjs");
  await Deno.writeTextFile(program, "");
  // No runtime in Deno's cache, and nobody at the way out.
  const changes = {
    DENO_DIR: dir.join("cache"),
    HTTPS_PROXY: "http://127.0.0.1:1",
    DENORT_BIN: "",
  };
  const before = Object.keys(changes).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") Deno.env.delete(name);
    else Deno.env.set(name, value);
  }
  try {
    for (const machine of MACHINES) {
      const output = dir.join(machine);
      await rejects(
        compileProgram({ bundle: program, machine, net: set.net.allow, env: [], output }),
        (error) =>
          error instanceof UserError &&
          error.message.startsWith(`Cannot build for ${machine}: Deno's slim runtime for it`) &&
          error.message.includes(`/denort-${machine}-unknown-linux-gnu.zip on a machine that`),
      );
      await rejects(Deno.stat(output), Deno.errors.NotFound);
    }
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

Deno.test("a wrong wish, or a runtime for another machine, ends a build with one line and no file", async () => {
  await using dir = await tempDir();
  const other = MACHINES.find((machine) => machine !== MACHINE)!;
  const cases: [string[], RegExp][] = [
    [["--target", other], new RegExp(`^Cannot build for ${other}: .*/denort-${other}-.*\\.zip `)],
    [["--target", "mips"], /^Cannot build for "mips"; --target takes x86_64 and aarch64$/],
    [["--nats", "localhost"], /^Cannot open --nats "localhost": it should be host:port/],
    [["--allow-cidr", "2000::/3"], /^Cannot open --allow-cidr .*single IPv6 addresses only/],
    [
      ["--allow-env", "NATS_*"],
      /^Cannot open --allow-env "NATS_\*": it should be a variable's name/,
    ],
  ];
  for (const [args, message] of cases) {
    await using program = compile(dir.path, args);
    const { code } = await program.wait(120_000);
    equal(code, 2, program.lines.join("\n"));
    equal(program.lines.length, 1, program.lines.join("\n"));
    match(program.lines[0], message);
    deepEqual([...Deno.readDirSync(dir.path)], []);
  }
});

Deno.test("what is put into the binary runs without packages, and delivers what a peer told", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const program = dir.join("gossip-collector.mjs");
  await bundle(program);
  // The set but for where it reaches: a test has its own folder, and its peer is on loopback.
  const sandbox = [
    ...["--config=deno.json", "--no-lock", "--no-npm", "--no-remote", "-P=collector"],
    ...["--allow-net=127.0.0.1", `--allow-read=${dir.path}`, `--allow-write=${dir.path}`],
  ];
  await using help = startProgram(program, ["--help"], sandbox);
  ok((await help.wait()).success, help.lines.join("\n"));
  ok(help.lines.some((line) => /^Usage: /.test(line)), help.lines.join("\n"));

  const nats = stack.use(await startNatsServer());
  const connection = await connectNats({ servers: [nats.url], name: "test" });
  stack.defer(() => connection.close());
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name: STREAM, subjects: [BATCHES] });

  const graph = signedGraph({ nodes: 3, channels: 2, timestamp: 1_758_844_000 });
  const told = Promise.withResolvers<void>();
  const port = freePort();
  const peer = stack.use(new ScriptedPeer("bundle", honest(graph, () => told.resolve())));
  await Deno.writeTextFile(dir.join("peers.txt"), formatNodeAddress(peer.address));
  await Deno.writeTextFile(
    dir.join("collector.yaml"),
    JSON.stringify({
      name: "bundled",
      network: "regtest",
      data_dir: dir.join("data"),
      peers: { file: dir.join("peers.txt"), target: 1 },
      uplink: { kind: "nats", servers: [nats.url] },
      metrics: { port },
    }),
  );
  await using collector = startProgram(program, ["--config", dir.join("collector.yaml")], sandbox);
  await Promise.race([told.promise, collector.wait(60_000)]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  match(metrics, /^gossip_collector_peers_connected 1$/m);
  collector.signal("SIGTERM");
  equal((await collector.wait()).code, 0, collector.lines.join("\n"));

  const { state } = await streams.info(STREAM);
  const texts = new Set<string>();
  let receipts = 0;
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const batch = decodeBatch((await streams.getMessage(STREAM, { seq })).data);
    receipts += batch.receipts.sessions.length;
    for (const raw of batch.messages.raws) texts.add(raw.toString());
  }
  equal(receipts, graph.length);
  deepEqual(texts, new Set(graph.map((raw) => raw.toString())));
});
