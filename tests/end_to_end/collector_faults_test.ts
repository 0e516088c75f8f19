import assert from "node:assert/strict";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { archiveRows, archiveTotals } from "../support/fixtures/archive_check.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer, untilArchived } from "../support/servers/nats_server.ts";
import type { Process } from "../support/servers/process.ts";
import { startArchiver, startCollector } from "../support/servers/programs.ts";
import { lightning, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";
import { systemClock } from "../../shared/clock.ts";
import { until } from "../support/until.ts";

const NODES = 3;
const MESSAGES = signedGraph({ nodes: 5, channels: 8, timestamp: 1_758_844_800 });

/** Nodes that tell {@link MESSAGES} on every connection, and what a collector's config says of them. */
async function honestNodes(stack: AsyncDisposableStack, dir: string) {
  const heard = { times: 0 };
  const script = lightning(async (wire) => {
    await wire.send(...MESSAGES, { type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
    // The collector reads in order: with its pong it has taken all messages.
    await wire.nextOf(19);
    heard.times++;
    await wire.untilClosed();
  });
  const nodes = Array.from(
    { length: NODES },
    (_, i) => stack.use(new ScriptedPeer(`honest node ${i}`, script)),
  );
  const file = `${dir}/peers.txt`;
  const lines = nodes.map(({ address }) => `${formatNodeAddress(address)}\n`);
  await Deno.writeTextFile(file, lines.join(""));
  return { heard, keys: { name: "faults", network: "regtest", peers: { file, target: NODES } } };
}

const matching = (process: Process, pattern: RegExp) =>
  process.lines.filter((line) => pattern.test(line));

Deno.test("a collector without its broker says so once, keeps all, and delivers it in its next life", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  await server.stop();
  const nodes = await honestNodes(stack, dir.path);
  const keys = {
    ...nodes.keys,
    batch: { max_age: "100ms" },
    stop_timeout: "500ms",
    uplink: { kind: "nats", servers: [server.url] },
  };

  const first = stack.use(await startCollector(dir.path, keys));
  await first.waitForLine(/Batches wait in the spool/);
  await until(() => nodes.heard.times === NODES, () => first.lines.join("\n"));
  assert.equal((await first.terminate()).code, 3, first.lines.join("\n"));
  assert.equal(matching(first, /Batches wait in the spool/).length, 1);
  assert.equal(matching(first, /left in the spool for the next run/).length, 1);

  await server.restart();
  const archiver = stack.use(await startArchiver({ dir: dir.path, nats: server.url }));
  const second = stack.use(await startCollector(dir.path, { ...keys, stop_timeout: "30s" }));
  const told = () => [...second.lines, ...archiver.process.lines].join("\n");
  await until(() => nodes.heard.times === 2 * NODES, told);
  assert.equal((await second.terminate()).code, 0, told());
  await untilArchived(server, told);
  assert.equal((await archiver.process.terminate()).code, 0, told());

  const totals = await archiveTotals(archiver.archive);
  assert.equal(totals.receipts, 2 * NODES * MESSAGES.length);
  assert.deepEqual([totals.gaps, totals.unresolved, totals.deadLetters], [0, 0, 0]);
  const epochs = await archiveRows(
    archiver.archive,
    "SELECT stamped_receipts::INTEGER AS stamped FROM epochs",
  );
  const stamped = NODES * MESSAGES.length;
  assert.deepEqual(epochs.map((epoch) => epoch.stamped), [stamped, stamped]);
});

Deno.test("a data folder that another collector holds gives one clear line", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const nodes = await honestNodes(stack, dir.path);
  const keys = { ...nodes.keys, uplink: { kind: "local", url: `http://127.0.0.1:${freePort()}` } };
  const first = stack.use(await startCollector(dir.path, keys));
  await until(() => nodes.heard.times === NODES, () => first.lines.join("\n"));
  const second = stack.use(await startCollector(dir.path, keys));
  assert.equal((await second.wait()).code, 2);
  assert.equal(second.lines.length, 1, second.lines.join("\n"));
  assert.match(second.lines[0], /collector-faults/);
});

Deno.test("a collector that is frozen says from when to when, and what came meanwhile is stamped at its end", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const port = freePort();
  const archiver = stack.use(await startArchiver({ dir: dir.path, port }));
  const frozen = Promise.withResolvers<void>(), sent = Promise.withResolvers<void>();
  const nodes = [0, 1].map((i) =>
    stack.use(
      new ScriptedPeer(
        `node ${i}`,
        lightning(async (wire) => {
          await wire.send(...MESSAGES, { type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
          await wire.nextOf(19);
          await frozen.promise;
          await wire.send(...signedGraph({ nodes: 2, channels: 1, timestamp: 1_758_844_900 }));
          sent.resolve();
          await wire.untilClosed();
        }),
      ),
    )
  );
  const file = `${dir.path}/peers.txt`;
  const lines = nodes.map(({ address }) => `${formatNodeAddress(address)}\n`);
  await Deno.writeTextFile(file, lines.join(""));
  const collector = stack.use(
    await startCollector(dir.path, {
      ...{ name: "frozen", network: "regtest", peers: { file, target: 2 } },
      batch: { max_age: "100ms" },
      uplink: { kind: "local", url: `http://127.0.0.1:${port}` },
    }),
  );
  const told = () => [...collector.lines, ...archiver.process.lines].join("\n");
  await until(() => nodes.every(({ accepted }) => accepted > 0), told);
  await collector.waitForLine(/Batches are delivered/);

  collector.signal("SIGSTOP");
  const frozenAt = Date.now();
  frozen.resolve();
  await sent.promise;
  await systemClock.sleep(1500);
  const thawedAt = Date.now();
  const from = collector.lines.length;
  collector.signal("SIGCONT");
  await collector.waitForLine(/Held up for/, { from });
  assert.equal((await collector.terminate()).code, 0, told());
  assert.equal((await archiver.process.terminate()).code, 0, told());

  const [stall] = await archiveRows(
    archiver.archive,
    `SELECT epoch_us(max_by(from_at, to_at - from_at))::DOUBLE / 1000 AS from_ms,
       epoch_us(max_by(to_at, to_at - from_at))::DOUBLE / 1000 AS to_ms FROM stalls`,
  );
  assert.ok(Number(stall.from_ms) <= frozenAt && Number(stall.to_ms) >= thawedAt, told());
  const receipts = await archiveRows(
    archiver.archive,
    `SELECT count(*)::INTEGER AS receipts FROM receipts
     WHERE received_at BETWEEN make_timestamptz(${frozenAt * 1000 + 100_000})
       AND make_timestamptz(${thawedAt * 1000})`,
  );
  assert.equal(
    receipts[0].receipts,
    0,
    "none has a stamp of the time in which none could be given",
  );
});

Deno.test("after SIGKILL the channels that came before it still sign their updates", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const port = freePort();
  const archiver = stack.use(await startArchiver({ dir: dir.path, port }));
  const graph = signedGraph({ nodes: 5, channels: 8, timestamp: Math.floor(Date.now() / 1000) });
  const announcements = graph.filter((raw) => raw[1] === 0);
  const updates = graph.filter((raw) => raw[1] === 2);
  // The first life hears of the channels, the second only of their updates.
  const parts = [announcements, updates];
  let lives = 0;
  const taken = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const node = stack.use(
    new ScriptedPeer(
      "node",
      lightning(async (wire) => {
        const life = lives++;
        await wire.send(...parts[life], { type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
        await wire.nextOf(19);
        taken[life].resolve();
        await wire.untilClosed();
      }),
    ),
  );
  const file = `${dir.path}/peers.txt`;
  await Deno.writeTextFile(file, `${formatNodeAddress(node.address)}\n`);
  const keys = {
    ...{ name: "killed", network: "regtest", peers: { file, target: 1 } },
    batch: { max_age: "100ms" },
    uplink: { kind: "local", url: `http://127.0.0.1:${port}` },
  };
  const verdicts = async () => {
    const sql =
      "SELECT type, verdict, count(*)::INTEGER AS n FROM messages GROUP BY ALL ORDER BY ALL";
    return (await archiveRows(archiver.archive, sql)).map(({ type, verdict, n }) =>
      `${type} ${verdict} ${n}`
    );
  };

  const first = stack.use(await startCollector(dir.path, keys));
  await taken[0].promise;
  const told = () => [...first.lines, ...archiver.process.lines].join("\n");
  // Checked by then: the file is written with the check.
  const recent = `${dir.path}/collector-killed/graph.recent`;
  const bytes = announcements.reduce((sum, { length }) => sum + length, 0);
  await until(() => Deno.stat(recent).then(({ size }) => size > bytes, () => false), told);
  await first.kill();
  const second = stack.use(await startCollector(dir.path, keys));
  await taken[1].promise;
  assert.equal((await second.terminate()).code, 0, second.lines.join("\n"));
  assert.equal((await archiver.process.terminate()).code, 0, told());
  assert.deepEqual(await verdicts(), ["256 valid 8", "258 valid 16"]);
});
