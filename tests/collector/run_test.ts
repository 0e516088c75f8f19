import assert from "node:assert/strict";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { run } from "../../collector/run.ts";
import { parseConfig } from "../../shared/config.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProgram } from "../support/servers/process.ts";
import { startArchiver, writeToken } from "../support/servers/programs.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const graph = signedGraph({ nodes: 4, channels: 5, timestamp: 1_758_844_000 });
const PEERS = 3;

/** Three honest peers, and the config of a collector that listens to them; `onTaken` tells when one has told all. */
async function network(
  stack: AsyncDisposableStack,
  dir: TempDir,
  more: Record<string, unknown> = {},
  onTaken: () => void = () => {},
): Promise<Record<string, unknown>> {
  const peers = Array.from(
    { length: PEERS },
    (_, i) => stack.use(new ScriptedPeer(`run peer ${i}`, honest(graph, onTaken))),
  );
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, peers.map(({ address }) => formatNodeAddress(address)).join("\n"));
  return {
    name: "test",
    network: "regtest",
    data_dir: dir.join("data"),
    peers: { file, target: 2 * PEERS, dials_per_second: 1000 },
    batch: { max_age: "50ms" },
    ...more,
  };
}

const parsed = (config: Record<string, unknown>) =>
  parseConfig(JSON.stringify(config), CollectorConfigSchema, "test");

interface Status {
  collectors: { receipts: number; name: string }[];
}

Deno.test("a run delivers every receipt, and what it could not deliver the next one does", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const port = freePort();
  let taken = 0, stop = new AbortController();
  const config = await network(stack, dir, {
    uplink: { kind: "local", url: `http://127.0.0.1:${port}`, token_file: dir.join("token") },
    stop_timeout: "300ms",
  }, () => ++taken % PEERS === 0 && stop.abort());

  // Nobody takes batches: all stay.
  const first = await run(parsed(config), { signal: stop.signal });
  assert.equal(first.receipts, PEERS * graph.length);
  assert.equal(first.delivered, 0);
  assert.ok(first.left > 0);

  // Now somebody does: what was left goes first.
  const archiver = stack.use(await startArchiver({ dir: dir.path, port }));
  await until(async () => await archiver.get("/healthz") !== null);
  stop = new AbortController();
  const second = await run(parsed({ ...config, stop_timeout: "20s" }), { signal: stop.signal });
  assert.equal(second.left, 0);
  assert.equal(second.receipts, PEERS * graph.length);
  assert.ok(second.delivered > first.left);
  const status = await archiver.get("/status") as Status;
  const archived = status.collectors.reduce((sum, { receipts }) => sum + receipts, 0);
  assert.equal(archived, first.receipts + second.receipts);
});

Deno.test("a run ends by itself when its time is over", async () => {
  await using stack = new AsyncDisposableStack();
  const log = stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const config = await network(stack, dir, { run_for: "1s", stop_timeout: "0s" });
  await run(parsed(config), { signal: new AbortController().signal });
  assert.deepEqual(log.lines("Stopping"), ["Stopping: run_for is over"]);
});

Deno.test("the process needs loopback, its config and its data folder, and ends in order on SIGTERM", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const token_file = await writeToken(dir.path);
  const uplink = { kind: "local", url: `http://127.0.0.1:${freePort()}`, token_file };
  const config = await network(stack, dir, { uplink, stop_timeout: "100ms" });
  const elsewhere = ["localhost:9735", "[::1]:9735"].map((host, i) =>
    `${testKey(`${i}`).id}@${host}`
  );
  await Deno.writeTextFile(dir.join("peers.txt"), `\n${elsewhere.join("\n")}\n`, { append: true });
  await Deno.writeTextFile(dir.join("collector.yaml"), JSON.stringify(config));
  await using collector = startProgram("collector/main.ts", [
    "--config",
    dir.join("collector.yaml"),
  ], [
    "--ignore-env",
    "--allow-net=127.0.0.0/8",
    `--allow-read=${[
      dir.join("collector.yaml"),
      dir.join("peers.txt"),
      dir.join("data"),
      token_file,
    ]}`,
    `--allow-write=${dir.join("data")}`,
  ]);
  await collector.waitForLine(/Collector .* keeps/);
  await collector.waitForLine(/Batches wait in the spool/);
  await collector.waitForLine(/localhost:9735.* not connected: .*this process is not permitted/);
  await collector.waitForLine(/\[::1\]:9735.* not connected: .*this process is not permitted/);
  collector.signal("SIGTERM");
  const { code } = await collector.wait();
  assert.equal(code, 3, collector.lines.join("\n"));
  assert.match(collector.lines.at(-1)!, /batches are left in the spool/);
  assert.ok(!collector.lines.some((line) => /NotCapable|Requires|Uncaught/.test(line)));
});

Deno.test("what its user must mend ends the collector with 2 and one clear text", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const uplink = { kind: "local", token_file: dir.join("token") };
  const config = await network(stack, dir, { uplink });
  const cases: [Record<string, unknown> | null, RegExp][] = [
    [null, /^Cannot read config .*: no such file; start from collector\/collector\.example\.yaml$/],
    [{ ...config, peers: { target: 0, file: 7 } }, /^Cannot use config .*: 2 faults$/],
    [{ ...config, peers: { file: dir.join("none") } }, /^Cannot read peer file .*no such file$/],
    [
      { ...config, peers: { file: dir.join("1.yaml") } },
      /^Cannot use peer file .*no line is a peer$/,
    ],
  ];
  for (const [i, [keys, message]] of cases.entries()) {
    const file = dir.join(`${i}.yaml`);
    if (keys) await Deno.writeTextFile(file, JSON.stringify(keys));
    await using collector = startProgram("collector/main.ts", ["--config", file], [
      "--ignore-env",
      "--allow-net=127.0.0.0/8",
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.join("data")}`,
    ]);
    const { code } = await collector.wait();
    assert.equal(code, 2, collector.lines.join("\n"));
    assert.match(collector.lines[0], message);
    assert.ok(!collector.lines.some((line) => /^\s+at /.test(line)), "no stack");
  }
});
