import assert from "node:assert/strict";
import { scidOf } from "../../shared/bolt/scid.ts";
import { archiveRows, archiveTotals } from "../support/fixtures/archive_check.ts";
import { type LdkNode, startLdk } from "../support/ldk/ldk_peer.ts";
import { startNatsServer, untilArchived } from "../support/servers/nats_server.ts";
import { startArchiver, startCollector } from "../support/servers/programs.ts";
import { channelUpdate, signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

/** Two LDK nodes with the same graph: each message comes from both. */
const NODES = 2;
/** Many times the 32 messages after which LDK waits for a pong. */
const GRAPH = { nodes: 12, channels: 40 };
const GOSSIP = "type IN (256, 257, 258)";

/** An update of the graph's first channel, which `node` learns from a third peer and passes on by itself. */
async function tellUpdate(node: LdkNode, timestamp: number): Promise<Uint8Array> {
  const nodes = [testKey("graph node 0"), testKey("graph node 1")] as const;
  const scid = scidOf({ block: 100, transaction: 1, output: 0 });
  const update = channelUpdate({ scid, nodes, direction: 0, timestamp });
  using teller = await Wire.dial(nodes[0], node.nodeId, node.port);
  await teller.send(initMessage());
  await teller.nextOf(16);
  // LDK reads in order: when it has answered the ping it has taken the update.
  await teller.send(update, { type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
  await teller.nextOf(19);
  return update;
}

Deno.test("what LDK tells the collector stands in DuckDB, byte for byte, once a receipt", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ ...GRAPH, timestamp });
  const nodes: LdkNode[] = [];
  for (let i = 0; i < NODES; i++) {
    const node = stack.use(await startLdk({ seed: testKey(`ldk ${i}`).privateKey }));
    for (const message of graph) node.learn(message);
    nodes.push(node);
  }
  const peers = nodes.map(({ nodeId, port }) => `${nodeId}@127.0.0.1:${port}\n`).join("");
  await Deno.writeTextFile(dir.join("peers.txt"), peers);

  const archiver = stack.use(await startArchiver({ dir: dir.path, nats: server.url }));
  const collector = stack.use(
    await startCollector(dir.path, {
      name: "ldk",
      network: "regtest",
      peers: { file: dir.join("peers.txt"), target: NODES, bootstrap: NODES },
      batch: { max_age: "200ms" },
      uplink: { kind: "nats", servers: [server.url] },
    }),
  );
  const told = () =>
    [...collector.lines, ...archiver.process.lines, ...nodes.flatMap(({ log }) => log)].join("\n");
  const receipts = async () =>
    (await archiver.get("/status") as { collectors: { receipts: number }[] } | null)
      ?.collectors[0]?.receipts ?? 0;
  await until(async () => await receipts() >= NODES * graph.length, told);
  const [ourKey] = nodes[0].peers();
  assert.deepEqual(nodes.map((node) => node.peers()), nodes.map(() => [ourKey]));

  const update = await tellUpdate(nodes[0], timestamp + 1);
  await until(async () => await receipts() >= NODES * graph.length + 1, told);
  assert.equal((await collector.terminate()).code, 0, told());
  await untilArchived(server, told);
  assert.equal((await archiver.process.terminate()).code, 0, told());

  const kept = await archiveRows(
    archiver.archive,
    `SELECT p.node_id, lower(hex(m.raw)) AS raw, m.verdict
    FROM receipts r JOIN messages m USING (message_id) JOIN peers p ON p.peer_id = r.peer_id
    WHERE ${GOSSIP}`,
  );
  const line = (node: LdkNode, raw: Uint8Array) => `${node.nodeId} ${raw.toHex()} valid`;
  assert.deepEqual(
    kept.map(({ node_id, raw, verdict }) => `${node_id} ${raw} ${verdict}`).sort(),
    [
      ...nodes.flatMap((node) => graph.map((raw) => line(node, raw))),
      line(nodes[0], update),
    ].sort(),
  );
  const totals = await archiveTotals(archiver.archive);
  assert.equal(totals.receipts, totals.stamped);
  assert.deepEqual([totals.gaps, totals.unresolved, totals.deadLetters], [0, 0, 0]);
});
