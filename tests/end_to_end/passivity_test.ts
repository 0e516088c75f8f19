import assert from "node:assert/strict";
import type { NodeAddress } from "../../collector/addresses/endpoint.ts";
import { GossipService } from "../../collector/gossip/service.ts";
import { PeerManager } from "../../collector/peer/manager.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { loopbackBook, loopbackPolicy } from "../support/fixtures/dialling.ts";
import { type LdkNode, startLdk } from "../support/ldk/ldk_peer.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { channelUpdate, signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

const GRAPH = { nodes: 8, channels: 20 };
const GOSSIP = ["channel_announcement", "node_announcement", "channel_update"];

const addressOf = ({ nodeId, port }: LdkNode): NodeAddress => ({
  nodeId,
  end: { kind: "ipv4", host: "127.0.0.1", port },
});

/** News of the graph's first channel, which a third peer tells a node. */
async function tellNews(node: LdkNode, timestamp: number): Promise<void> {
  const nodes = [testKey("graph node 0"), testKey("graph node 1")] as const;
  const scid = scidOf({ block: 100, transaction: 1, output: 0 });
  using teller = await Wire.dial(nodes[0], node.nodeId, node.port);
  await teller.send(initMessage());
  await teller.nextOf(16);
  await teller.send(
    channelUpdate({ scid, nodes, direction: 0, timestamp }),
    { type: 18, numPongBytes: 1, ignored: new Uint8Array(0) },
  );
  await teller.nextOf(19);
}

Deno.test("nothing that one LDK node tells reaches another until that one asks for it", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ ...GRAPH, timestamp });
  const teller = stack.use(await startLdk({ seed: testKey("teller").privateKey }));
  const asker = stack.use(await startLdk({ seed: testKey("asker").privateKey }));
  for (const message of graph) teller.learn(message);

  const recorded = stack.use(new Recorded());
  // What came a moment ago is no past: the graph's clock is put forward before the question.
  let aheadUs = 0;
  const clock: Clock = { now: () => systemClock.now() + aheadUs, sleep: systemClock.sleep };
  const gossip = new GossipService(chainHash("regtest"), clock, null);
  recorded.onValid = (raw, signer) => gossip.graph.accept(raw, "valid", signer);
  const book = loopbackBook([addressOf(asker)]);
  const us = testKey("us");
  const manager = new PeerManager({
    privateKey: us.privateKey,
    network: "regtest",
    target: 2,
    dialsPerSecond: 1000,
    maxPending: 2,
    bootstrap: 2,
    lookbackMs: 3_600_000,
    connectTimeoutMs: 5000,
    handshakeTimeoutMs: 5000,
    initTimeoutMs: 5000,
  }, {
    clock: systemClock,
    random: seededRandom(1),
    sink: recorded.pipeline,
    book,
    policy: loopbackPolicy,
    gossip,
    backoff: () => 50,
  });
  const stop = new AbortController();
  const running = manager.run(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  const sent = () => gossip.ledger.entries().filter(({ type }) => GOSSIP.includes(type));

  // It asks for the past when it is connected, and there is none yet.
  await until(() => gossip.answerer.counts.answering > 0);
  const { nodeId, end } = addressOf(teller);
  book.learn(nodeId, end, "file", systemClock.now());
  manager.lookAgain();
  await until(() => gossip.graph.counts.channels === GRAPH.channels);
  await until(() => recorded.pipeline.verifier.counts.verdicts.valid === graph.length);
  await tellNews(teller, timestamp + 1);
  await until(() => recorded.pipeline.verifier.counts.verdicts.valid === graph.length + 1);
  assert.deepEqual(sent(), []);
  assert.deepEqual([asker.channels(), asker.nodes()], [[], []]);

  aheadUs = 61_000_000;
  asker.disconnect(us.id);
  await until(() => asker.channels().length === GRAPH.channels);
  assert.deepEqual(asker.channels(), teller.channels());
  assert.deepEqual(
    new Set(sent().map(({ reason }) => reason)),
    new Set(["gossip_timestamp_filter"]),
  );
});
