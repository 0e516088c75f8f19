import assert from "node:assert/strict";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { run } from "../../collector/run.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { parseConfig } from "../../shared/config.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { honest, lightning, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { writeToken } from "../support/servers/programs.ts";
import { filterMessage } from "../support/fixtures/wire.ts";

const graph = signedGraph({ nodes: 4, channels: 5, timestamp: Math.floor(Date.now() / 1000) - 60 });
const PEERS = 2;

async function configWith(dir: TempDir, peers: readonly ScriptedPeer[], port: number) {
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, peers.map(({ address }) => formatNodeAddress(address)).join("\n"));
  return {
    name: "test",
    network: "regtest",
    data_dir: dir.join("data"),
    peers: { file, target: PEERS, dials_per_second: 1000 },
    uplink: {
      kind: "local",
      url: `http://127.0.0.1:${freePort()}`,
      token_file: await writeToken(dir.path),
    },
    metrics: { port },
    stop_timeout: "0s",
  };
}

/** Values by name and labels. @throws {Error} for a line that is no comment and no sample. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    samples.set(name, Number(value));
  }
  return samples;
}

Deno.test("a running collector serves its metrics and its health on loopback, and answers nothing else", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  let taken = 0;
  const peers = Array.from(
    { length: PEERS },
    (_, i) => stack.use(new ScriptedPeer(`monitored ${i}`, honest(graph, () => taken++))),
  );
  const port = freePort();
  const config = parseConfig(
    JSON.stringify(await configWith(dir, peers, port)),
    CollectorConfigSchema,
    "test",
  );
  const stop = new AbortController();
  const running = run(config, { signal: stop.signal });
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => taken === PEERS);

  let samples = new Map<string, number>();
  const value = (name: string) => samples.get(`gossip_collector_${name}`);
  await until(async () => {
    const response = await fetch(`${url}/metrics`);
    assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    samples = samplesOf(text);
    const types = [...text.matchAll(/^# TYPE (\S+) (counter|gauge)$/gm)];
    assert.ok(types.length > 50);
    for (const [, name, type] of types) assert.equal(name.endsWith("_total"), type === "counter");
    return value(`verdicts_total{verdict="valid"}`) === graph.length;
  });
  assert.equal(value("peers_connected"), PEERS);
  assert.equal(value(`dial_outcomes_total{outcome="connected"}`), PEERS);
  assert.equal(value(`receipts_total{type="channel_announcement"}`), PEERS * 5);
  assert.equal(value(`receipts_total{type="channel_update"}`), PEERS * 10);
  assert.equal(value("messages_total"), graph.length);
  assert.equal(value(`withheld_messages_total{reason="spam"}`), 0);
  assert.equal(value("folded_receipts_total"), 0);
  assert.equal(
    value(`gossip_sent_messages_total{reason="own_filter",type="gossip_timestamp_filter"}`),
    PEERS,
  );
  assert.equal(value("graph_channels"), 5);
  assert.equal(value("problems"), 1);
  assert.ok(Number.isNaN(value("clock_offset_seconds")));

  const health = await fetch(`${url}/healthz`);
  const { ok, problems } = await health.json();
  // No archiver is there.
  assert.deepEqual([health.status, ok, problems.length], [503, false, 1]);
  assert.match(problems[0], /^nothing has been delivered yet(: unreachable: .*)?$/);
  const others = [
    await fetch(`${url}/metrics`, { method: "POST", body: "x".repeat(100_000) }),
    await fetch(`${url}/debug`),
  ];
  assert.deepEqual(others.map(({ status }) => status), [405, 404]);
  for (const other of others) await other.body?.cancel();
});

Deno.test("a broker that refuses the login is a problem from the first try on", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const broker = stack.use(await startNatsServer({ config: "authorization { token: secret }" }));
  const peer = stack.use(new ScriptedPeer("monitored", honest(graph)));
  const port = freePort();
  const keys = await configWith(dir, [peer], port);
  const uplink = { kind: "nats", servers: [broker.url] };
  const config = parseConfig(JSON.stringify({ ...keys, uplink }), CollectorConfigSchema, "test");
  const stop = new AbortController();
  const running = run(config, { signal: stop.signal });
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  await until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
    const { problems } = await response?.json() ?? { problems: [] };
    assert.equal(response?.status ?? 503, 503);
    return /^nothing has been delivered yet: refused: the server refuses these credentials/.test(
      problems[0],
    );
  });
});

Deno.test("what the config says of answers holds for peers that ask", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const asked = Promise.withResolvers<void>();
  const peer = stack.use(
    new ScriptedPeer(
      "asking",
      lightning(async (wire) => {
        const chain = chainHash("regtest");
        await wire.send(
          ...graph,
          filterMessage(0),
          { type: 18, numPongBytes: 0, ignored: new Uint8Array(0) },
        );
        await wire.nextOf(19);
        // Until all is verified, and in the graph.
        for (let scids = 0; scids < 2;) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          await wire.send({ type: 263, chainHash: chain, firstBlock: 0, numberOfBlocks: 1e6 });
          const reply = decodeMessage(await wire.nextOf(264));
          assert.ok(reply.known && reply.type === 264);
          scids = reply.scids.length;
          assert.ok(scids <= 2);
        }
        asked.resolve();
        await wire.untilClosed();
      }),
    ),
  );
  const port = freePort();
  const keys = {
    ...await configWith(dir, [peer], port),
    gossip: { answers: { past: false, max_channels: 2 } },
  };
  const stop = new AbortController();
  const config = parseConfig(JSON.stringify(keys), CollectorConfigSchema, "test");
  const running = run(config, { signal: stop.signal });
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  await asked.promise;
  const samples = samplesOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  assert.equal(samples.get(`gossip_collector_questions_total{outcome="refused"}`), 1);
  assert.ok(samples.get(`gossip_collector_questions_total{outcome="answering"}`)! > 0);
});

Deno.test("a collector that may not or cannot listen for metrics ends with 2 and says why", async () => {
  await using dir = await tempDir();
  const port = freePort();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using peer = new ScriptedPeer("unreached", honest([]));
  const cases: [port: number, net: string, message: RegExp][] = [
    [port, "127.0.0.1:1", /^The sandbox does not open .*\n {2}metrics: using 127.0.0.1:\d+\n/s],
    [
      (taken.addr as Deno.NetAddr).port,
      "127.0.0.1",
      /^Cannot serve metrics on 127\.0\.0\.1:\d+: .*in use.*$/m,
    ],
  ];
  const file = dir.join("collector.yaml");
  for (const [port, net, message] of cases) {
    await Deno.writeTextFile(file, JSON.stringify(await configWith(dir, [peer], port)));
    await using collector = startProgram("collector/main.ts", ["--config", file], [
      "--ignore-env",
      `--allow-net=${net}`,
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.path}`,
    ]);
    const { code } = await collector.wait();
    assert.equal(code, 2, collector.lines.join("\n"));
    assert.match(collector.lines.join("\n"), message);
  }
});
