import assert from "node:assert/strict";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { Answerer } from "../../collector/gossip/queries/answerer.ts";
import { PeerSync } from "../../collector/gossip/queries/peer_sync.ts";
import type { Question } from "../../collector/gossip/queries/question.ts";
import { SentLedger } from "../../collector/gossip/queries/sent_ledger.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import { systemClock } from "../../shared/clock.ts";
import { startLdk } from "../support/ldk/ldk_peer.ts";
import { signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

const OURS = testKey("our key");
const LDK_SEED = testKey("ldk").privateKey;
const chain = chainHash("regtest");
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A graph with messages whose signatures are true, taken in two minutes ago. */
function graphOf(messages: readonly Uint8Array[]): Graph {
  const clock = { now: () => systemClock.now() - 120_000_000, sleep: systemClock.sleep };
  const graph = new Graph({ chain, clock });
  for (const raw of messages) {
    const message = decodeMessage(raw);
    assert.ok(message.known);
    const signer = message.type === 258
      ? graph.view.nodesOf(message.scid)?.[message.channelFlags & 1]
      : undefined;
    assert.equal(graph.accept(raw, "valid", signer), "added");
  }
  return graph;
}

/** Answers pings until a message of `type` comes. */
async function nextOf(wire: Wire, type: number): Promise<Uint8Array> {
  for (;;) {
    const raw = await wire.next();
    assert.ok(raw, "LDK closed");
    const message = decodeMessage(raw);
    if (message.known && message.type === 18) {
      await wire.send({ type: 19, ignored: new Uint8Array(message.numPongBytes) });
    }
    if (message.type === type) return raw;
  }
}

Deno.test("LDK's own filter gets our whole graph, and it takes every message of it", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  const messages = signedGraph({ nodes: 20, channels: 60, timestamp: nowSeconds() - 60 });
  const graph = graphOf(messages);
  const ledger = new SentLedger();
  using answers = new Answerer({ view: graph.view, chain, clock: systemClock, ledger }).open();
  using wire = await Wire.dial(OURS, ldk.nodeId, ldk.port);
  await wire.send(initMessage());
  await wire.nextOf(16);
  const filter = decodeMessage(await nextOf(wire, 265)) as Question;
  assert.equal(answers.take(filter), "answering");
  for (let again: number | null = 0; again !== null;) {
    const pulled = answers.pull(systemClock.now());
    await wire.send(...pulled.messages);
    again = pulled.again;
  }
  await until(() => ldk.channels().length === 60, () => ldk.log.join("\n"));
  assert.deepEqual(ldk.nodes().length, 20);
  assert.deepEqual(ldk.peers(), [OURS.id]);
  const sent = ledger.entries().map(({ reason, messages }) => [reason, messages]);
  assert.deepEqual(sent, [
    ["gossip_timestamp_filter", 60],
    ["gossip_timestamp_filter", 20],
    ["gossip_timestamp_filter", 120],
  ]);
});

Deno.test("LDK tells its channels when asked, and no more of them", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  for (const raw of signedGraph({ nodes: 5, channels: 30, timestamp: nowSeconds() - 60 })) {
    ldk.learn(raw);
  }
  const { view } = graphOf([]);
  using wire = await Wire.dial(OURS, ldk.nodeId, ldk.port);
  await wire.send(initMessage());
  await wire.nextOf(16);
  const start = systemClock.now();
  const sync = new PeerSync({ view, chain, extended: false }, start);
  await wire.send(sync.first);
  const query = sync.receive(await nextOf(wire, 264), start);
  assert.ok(query);
  const asked = decodeMessage(query);
  assert.ok(asked.known && asked.type === 261);
  assert.deepEqual(asked.scids, ldk.channels());

  await wire.send(query, { type: 18, numPongBytes: 9, ignored: new Uint8Array(0) });
  let raw: Uint8Array | null;
  do {
    raw = await wire.next();
    assert.ok(raw && ![256, 258, 262].includes(messageType(raw)), "LDK answers by now");
  } while (messageType(raw) !== 19);
  assert.equal(sync.tick(start + 60e6), null);
  assert.deepEqual([sync.end, sync.timeouts], ["silent", 1]);
});
