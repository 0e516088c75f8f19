import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { GraphFile } from "../../collector/gossip/graph/graph_file.ts";
import { LogSessions } from "../../collector/sources/log_sessions.ts";
import { NamedReceipts } from "../../collector/sources/named_receipts.ts";
import { describeLevel } from "../../collector/sources/level.ts";
import { Spool } from "../../collector/spool/spool.ts";
import { type Batch, RECEIPT_WARMUP, type SourceKind, VERDICTS } from "../../shared/batch/batch.ts";
import { decodeDigest } from "../../shared/batch/digest.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { systemClock } from "../../shared/clock.ts";
import { readRecords } from "../../shared/node_logs/gossip_store.ts";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import { lineTime, receiptLine, receiptLines } from "../support/fixtures/cln_log.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { freePort } from "../support/servers/free_port.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const METRICS_PORT = freePort();

/** A collector that reads sources and has no peers; nobody takes its batches. */
function startCollector(dir: TempDir, ...sources: Record<string, unknown>[]): Process {
  const config = {
    name: "test",
    network: "regtest",
    data_dir: dir.join("data"),
    peers: { target: 0 },
    sources: sources.map((source) => ({ name: "node", path: dir.join("logs", "log"), ...source })),
    batch: { max_age: "50ms" },
    uplink: {
      kind: "local",
      url: `http://127.0.0.1:${freePort()}`,
      token_file: dir.join("token"),
    },
    stop_timeout: "0s",
    metrics: { port: METRICS_PORT },
  };
  Deno.mkdirSync(dir.join("logs"), { recursive: true });
  Deno.writeTextFileSync(dir.join("collector.yaml"), JSON.stringify(config));
  return startProgram("collector/main.ts", ["--config", dir.join("collector.yaml")], [
    "--ignore-env",
    "--allow-net=127.0.0.0/8",
    `--allow-read=${dir.path}`,
    `--allow-write=${dir.join("data")}`,
  ]);
}

/** All batches that wait in its spool. */
async function spooled(dir: TempDir): Promise<Batch[]> {
  using spool = await Spool.open(dir.join("data", "spool"), {
    maxBytes: 1 << 30,
    segmentBytes: 1 << 24,
    onDropped: () => {},
  });
  const batches: Batch[] = [];
  for (let batch = spool.next(); batch; batch = spool.next()) {
    batches.push(decodeBatch(batch.bytes));
  }
  return batches;
}

const events = (batches: readonly Batch[], kind: string) =>
  batches.flatMap((batch) => batch.events).filter((event) => event.kind === kind);

/** Up to where it has stamped; closed batches only. */
async function stampedTo(dir: TempDir): Promise<number> {
  const text = await Deno.readTextFile(dir.join("data", "places.json")).catch(() => null);
  return text === null ? 0 : JSON.parse(text).places[0].offset;
}

async function sizeOf(path: string): Promise<number> {
  return (await Deno.stat(path)).size;
}

/** Ends it in order. */
async function stop(collector: Process): Promise<void> {
  collector.signal("SIGTERM");
  await collector.wait();
}

function sample(name: string): string {
  return new URL(`../vectors/node_logs/${name}`, import.meta.url).pathname;
}

Deno.test("a collector without peers records what another node's log shows, with its source", async () => {
  await using dir = await tempDir();
  await using collector = startCollector(dir, { kind: "cln_io_log" });
  await Deno.copyFile(sample("cln_io.log"), dir.join("logs", "log"));
  await until(async () => await stampedTo(dir) > 0);
  const metrics = await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`);
  assert.match(
    await metrics.text(),
    /^gossip_collector_source_receipts_total\{source="node"\} 53$/m,
  );
  await stop(collector);
  const batches = await spooled(dir);
  const receipts = batches.reduce((sum, { receipts }) => sum + receipts.flags.length, 0);
  assert.equal(receipts, 53);
  const opened = events(batches, "session_opened");
  assert.ok(opened.length > 0);
  for (const event of opened) {
    assert.ok(event.kind === "session_opened");
    assert.deepEqual(event.source, { name: "node", kind: "cln_io_log", uncertainty: 550_000 });
  }
  assert.equal(events(batches, "session_closed").length, opened.length);
  const verdicts = batches.flatMap(({ verdicts }) => [...verdicts.codes]);
  assert.ok(verdicts.every((code) => VERDICTS[code] !== "invalid"));
  assert.ok(verdicts.some((code) => VERDICTS[code] === "valid"));
});

Deno.test("what was rebuilt and is not proven is no invalid message, but a rebuilt one", async () => {
  await using dir = await tempDir();
  await using collector = startCollector(dir, { kind: "lnd_trace_log", zone: "UTC" });
  const logs = ["lnd_node_announcement.log", "lnd_na_odd_alias.log"].map((name) =>
    Deno.readTextFileSync(sample(name))
  );
  await Deno.writeTextFile(dir.join("logs", "log"), logs.join(""));
  await until(async () => await stampedTo(dir) > logs[0].length);
  await stop(collector);
  const batches = await spooled(dir);
  const verdicts = batches.flatMap(({ verdicts }) => [...verdicts.codes].map((c) => VERDICTS[c]));
  assert.deepEqual(verdicts, ["valid", "rebuilt"]);
});

Deno.test("what a log lost is a gap with the times around it", async () => {
  await using dir = await tempDir();
  const log = dir.join("logs", "log");
  {
    await using collector = startCollector(dir, { kind: "cln_io_log" });
    await Deno.writeTextFile(log, receiptLines(0, 2));
    await until(async () => await stampedTo(dir) > 0);
    await Deno.writeTextFile(log, receiptLine(90));
    await until(async () => events(await spooled(dir), "log_gap").length > 0);
    await stop(collector);
  }
  const [gap] = events(await spooled(dir), "log_gap");
  assert.ok(gap.kind === "log_gap");
  assert.deepEqual([gap.since, gap.at, gap.source.name], [lineTime(1), lineTime(90), "node"]);
  assert.match(gap.reason, /is gone/);
});

Deno.test("receipts that a log only names are recorded once another source has the message", async () => {
  await using dir = await tempDir();
  Deno.mkdirSync(dir.join("logs"));
  const trace = ["lnd_channel_announcement.log", "lnd_node_announcement.log"].map((name) =>
    Deno.readTextFileSync(sample(name))
  ).join("");
  // Without the update, whose message never comes: what follows it would wait with it for two minutes.
  const debug = trace.split("\n")
    .filter((line) => line.includes("[DBG] PEER") && !line.includes("ChannelUpdate"))
    .join("\n") + "\n";
  await Deno.writeTextFile(dir.join("logs", "log"), debug);
  const named = { kind: "lnd_debug_log", zone: "UTC" };
  {
    await using collector = startCollector(dir, named);
    await collector.waitForLine(/Reading lnd_debug_log/);
    await stop(collector);
    assert.ok(collector.lines.some((line) => /Source node: 0 receipts/.test(line)));
    assert.equal(await stampedTo(dir), 0, "what waits stays in the log");
  }
  await Deno.writeTextFile(dir.join("logs", "trace"), trace);
  const dumped = {
    kind: "lnd_trace_log",
    zone: "UTC",
    name: "trace",
    path: dir.join("logs", "trace"),
  };
  await using collector = startCollector(dir, named, dumped);
  const receiptsOf = (batches: readonly Batch[], name: string) => {
    const sessions = new Set(
      events(batches, "session_opened").flatMap((event) =>
        event.kind === "session_opened" && event.source?.name === name ? [event.session] : []
      ),
    );
    return batches.flatMap(({ receipts }) =>
      [...receipts.sessions].flatMap((session, i) =>
        sessions.has(session) ? [`${receipts.messages[i]} ${receipts.receivedAt[i]}`] : []
      )
    );
  };
  await until(async () => {
    const text = await Deno.readTextFile(dir.join("data", "places.json")).catch(() => "[]");
    return text.match(/"log"/g)?.length === 2;
  });
  await stop(collector);
  const batches = (await spooled(dir)).filter(({ epoch }, _, all) => epoch === all.at(-1)!.epoch);
  const found = receiptsOf(batches, "node");
  assert.deepEqual(found, receiptsOf(batches, "trace"));
  assert.equal(found.length, 2);
});

Deno.test("a message of which a log gives no more than the name is recorded by it, one for all its peers", async () => {
  const clock = new ManualClock();
  using recorded = new Recorded(clock);
  const source = { name: "node", kind: "lnd_debug_log", uncertainty: 2000 } as const;
  const graph = new Graph({ chain: chainHash("regtest"), clock });
  const named = new NamedReceipts(new LogSessions(recorded.pipeline, source, 0), graph.view, clock);
  const at = clock.now();
  const name = { scid: 2n ** 63n + 5n, direction: 1, timestamp: at / 1e6 - 7200 } as const;
  for (const peer of ["one", "two"]) named.opened(testKey(peer).id, at - 600_000_000, "");
  named.named(testKey("one").id, name, at, 10);
  named.named(testKey("two").id, name, at + 1, 20);
  named.named(testKey("two").id, { nodeId: testKey("three").id, timestamp: at / 1e6 }, at + 2, 30);
  named.pump();
  assert.equal(recorded.receipts().length, 0);
  await clock.advance(121_000);
  named.pump();
  const receipts = recorded.receipts();
  assert.deepEqual(receipts.map(({ receivedAt }) => receivedAt), [at, at + 1, at + 2]);
  const digests = receipts.map(({ message }) => decodeDigest(Uint8Array.fromHex(message))!);
  assert.deepEqual(digests[0], digests[1]);
  assert.deepEqual(digests.map(({ facts }) => facts.type), [258, 258, 257]);
  assert.equal(digests[0].facts.scid, -(2n ** 63n) + 5n);
  assert.equal(named.unresolved, 3);
  assert.equal(recorded.verdicts().size, 0, "nothing was checked");
  // Two hours old by its own time.
  assert.deepEqual(receipts.map(({ flags }) => flags & RECEIPT_WARMUP), [2, 2, 0]);
});

Deno.test("messages of a gossip_store go to the graph, and are nobody's receipts", async () => {
  await using dir = await tempDir();
  Deno.mkdirSync(dir.join("logs"));
  await Deno.copyFile(sample("gossip_store_v16_ended.bin"), dir.join("logs", "log"));
  await using collector = startCollector(dir, { kind: "cln_gossip_store" });
  await collector.waitForLine(/Source node: 9 messages of a gossip_store/);
  // It ends with a record that says so: the rest is in the new file.
  await Deno.copyFile(sample("gossip_store_v16_compacted.bin"), dir.join("logs", "new"));
  await Deno.rename(dir.join("logs", "new"), dir.join("logs", "log"));
  const graph = new Graph({ chain: chainHash("regtest"), clock: systemClock });
  await collector.waitForLine(/Source node: 18 messages of a gossip_store/);
  await stop(collector);
  await new GraphFile(dir.join("data", "graph"), graph, systemClock).load();
  const store = await Deno.readFile(sample("gossip_store_v16_compacted.bin"));
  const channels = readRecords(store.subarray(1), 16).messages.filter((raw) => raw[1] === 0);
  assert.ok(graph.counts.channels >= channels.length);
  assert.ok((await spooled(dir)).every(({ receipts }) => receipts.flags.length === 0));
});

Deno.test("nothing private of a node's log is in the spool, the log or anywhere in the data folder", async () => {
  await using dir = await tempDir();
  await using collector = startCollector(dir, { kind: "cln_io_log" });
  // update_add_htlc (128) and revoke_and_ack (133), in and out, whole, cut and as RPC text, with a mark in each.
  const mark = "5ec2e7b0d1a7a5ecc0deb10b";
  const secret = (type: string, direction: string) =>
    receiptLine(1, direction).replace(/0102[0-9a-f]+/, `${type}${mark.repeat(60)}`);
  const lines = ["[IN]", "[OUT]"].flatMap((way) => [secret("0080", way), secret("0085", way)]);
  const rpc = `2026-11-30T20:11:25.537Z jsonrpc#61: "pay"[IN] ${mark}\n`;
  const cut = secret("0102", "[IN]").trimEnd() + "0\n";
  await Deno.writeTextFile(
    dir.join("logs", "log"),
    lines.join("") + rpc + cut + receiptLines(0, 10) + lines[0].slice(0, 500),
  );
  await until(async () => await stampedTo(dir) > 0);
  await stop(collector);
  assert.equal(
    (await spooled(dir)).reduce((sum, { receipts }) => sum + receipts.flags.length, 0),
    10,
  );
  assert.ok(!collector.lines.some((line) => line.includes(mark)));
  for (const text of await filesUnder(dir.join("data"))) {
    assert.ok(!text.includes(mark) && !text.includes(rawText(mark)));
  }
});

const rawText = (hex: string) => latin1(Uint8Array.fromHex(hex));

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

async function filesUnder(folder: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) texts.push(...await filesUnder(path));
    else texts.push(latin1(await Deno.readFile(path)));
  }
  return texts;
}

Deno.test("killed at 20 points of a log that is written, rotated and compressed: 0 lost, 0 doubled", async () => {
  await using dir = await tempDir();
  const random = seededRandom("kill");
  Deno.mkdirSync(dir.join("logs"), { recursive: true });
  const log = dir.join("logs", "log");
  let written = 0;
  let rotations = 0;
  const writeSome = async () => {
    const from = written;
    written += 1 + randomInteger(random, 400);
    await Deno.writeTextFile(log, receiptLines(from, written), { append: true });
  };
  const rotate = async () => {
    const rotated = `${log}.${++rotations}`;
    await Deno.rename(log, rotated);
    if (rotations % 2 === 0) return;
    await Deno.writeFile(`${rotated}.gz`, gzipSync(await Deno.readFile(rotated)));
    await Deno.remove(rotated);
  };
  await writeSome();
  for (let life = 0; life < 20; life++) {
    await using collector = startCollector(dir, { kind: "cln_io_log" });
    await collector.waitForLine(/Reading cln_io_log/);
    // Until the first place is written, a log begins for a collector with the file that is there.
    if (life === 0) await until(async () => await stampedTo(dir) === await sizeOf(log));
    for (let step = 0; step < 5; step++) {
      await writeSome();
      if (randomInteger(random, 4) === 0) {
        await rotate();
        await writeSome();
      }
      await new Promise((resolve) => setTimeout(resolve, randomInteger(random, 40)));
    }
    await collector.kill();
    if (life % 5 === 0) {
      await rotate();
      await writeSome();
    }
  }
  await using last = startCollector(dir, { kind: "cln_io_log" });
  await until(async () => await stampedTo(dir) === await sizeOf(log));
  await stop(last);
  const counts = new Map<number, number>();
  for (const { receipts } of await spooled(dir)) {
    for (const at of receipts.receivedAt) counts.set(at, (counts.get(at) ?? 0) + 1);
  }
  const lost = Array.from({ length: written }, (_, i) => lineTime(i)).filter((at) =>
    !counts.has(at)
  );
  const doubled = [...counts.values()].filter((count) => count > 1);
  assert.deepEqual({ lost: lost.length, doubled: doubled.length }, { lost: 0, doubled: 0 });
  assert.equal(counts.size, written);
  assert.ok(rotations >= 4, `${rotations} rotations`);
});

Deno.test("check-config says whether a log shows what is needed, and the one command that makes it", async () => {
  await using dir = await tempDir();
  const level = (kind: SourceKind, name: string) =>
    describeLevel({ name: "node", kind, path: sample(name), zone: "UTC" });
  assert.match(await level("cln_io_log", "cln_io.log"), /shows what cln_io_log needs$/);
  assert.match(
    await level("lnd_trace_log", "lnd_extra_tlv.log"),
    /shows what lnd_trace_log needs$/,
  );
  assert.match(await level("lnd_debug_log", "lnd_debug.log"), /shows what lnd_debug_log needs$/);
  assert.match(
    await level("lnd_trace_log", "lnd_debug.log"),
    /run: lncli debuglevel --level=PEER=trace$/,
  );
  assert.match(
    await level("cln_io_log", "cln_io_jsonrpc.log"),
    /restart lightningd with .* --log-level=io:connectd:/,
  );
  assert.match(await level("cln_gossip_store", "gossip_store_v16_ended.bin"), /version 16$/);
  assert.match(await level("cln_gossip_store", "cln_io.log"), /cannot be read: .* from 9 to 16$/);
  assert.match(
    await describeLevel({ name: "a", kind: "cln_io_log", path: dir.join("none"), zone: "UTC" }),
    /^Source a, .*none: cannot be read: /,
  );
});

Deno.test("a log whose clock was set back gives sessions that agree with themselves", async () => {
  await using dir = await tempDir();
  await using collector = startCollector(dir, { kind: "cln_io_log" });
  await Deno.writeTextFile(dir.join("logs", "log"), receiptLines(300, 330) + receiptLines(0, 30));
  await until(async () => await stampedTo(dir) > 0);
  await stop(collector);
  const closed = events(await spooled(dir), "session_closed");
  assert.equal(closed.length, 3);
  for (const event of closed) {
    assert.ok(event.kind === "session_closed");
    assert.ok(event.first_gossip_at! < event.last_gossip_at!);
    assert.equal(event.at, event.last_gossip_at);
  }
});
