import assert from "node:assert/strict";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import { startLdk } from "../support/ldk/ldk_peer.ts";
import { channelUpdate, signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { until } from "../support/until.ts";
import { filterMessage, initMessage, OFFERED_FEATURES, Wire } from "../support/fixtures/wire.ts";

const OURS = testKey("our key");
const LDK_SEED = testKey("ldk").privateKey;
/** Many times the 32 messages after which LDK waits for a pong, and past the rotation of keys at 500. */
const GRAPH = { nodes: 40, channels: 200 };
const nowSeconds = () => Math.floor(Date.now() / 1000);
const hexes = (messages: readonly Uint8Array[]) => messages.map((bytes) => bytes.toHex()).sort();

/** Answers pings until `count` gossip messages came; gives them and the number of pings. */
async function collect(
  wire: Wire,
  count: number,
): Promise<{ gossip: Uint8Array[]; pings: number }> {
  const gossip: Uint8Array[] = [];
  let pings = 0;
  while (gossip.length < count) {
    const raw = await wire.next();
    assert.ok(raw, `LDK closed after ${gossip.length} messages`);
    const message = decodeMessage(raw);
    if (message.known && message.type === 18) {
      pings++;
      await wire.send({ type: 19, ignored: new Uint8Array(message.numPongBytes) });
    } else if ([256, 257, 258].includes(message.type)) gossip.push(raw);
  }
  return { gossip, pings };
}

Deno.test("LDK takes our handshake and init and streams exactly its graph for our pongs", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  const graph = signedGraph({ ...GRAPH, timestamp: nowSeconds() });
  for (const message of graph) ldk.learn(message);
  using wire = await Wire.dial(OURS, ldk.nodeId, ldk.port);
  await wire.send(initMessage());
  const init = decodeMessage(await wire.nextOf(16));
  assert.ok(init.known && init.type === 16);
  await wire.send(filterMessage(0));

  const { gossip, pings } = await collect(wire, graph.length);
  assert.deepEqual(hexes(gossip), hexes(graph));
  assert.ok(pings >= graph.length / 33 - 1, `${pings} pings`);
  assert.deepEqual(ldk.peers(), [OURS.id]);

  await wire.send({ type: 18, numPongBytes: 7, ignored: new Uint8Array(3) });
  const pong = decodeMessage(await wire.nextOf(19));
  assert.ok(pong.known && pong.type === 19);
  assert.equal(pong.ignored.length, 7);
});

Deno.test("LDK forwards to us what another peer tells it after our filter", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  const timestamp = nowSeconds() - 60;
  for (const message of signedGraph({ nodes: 3, channels: 3, timestamp })) ldk.learn(message);
  using listener = await Wire.dial(OURS, ldk.nodeId, ldk.port);
  await listener.send(initMessage());
  await listener.nextOf(16);
  await listener.send(filterMessage(0));
  await collect(listener, 12);

  using teller = await Wire.dial(testKey("graph node 0"), ldk.nodeId, ldk.port);
  await teller.send(initMessage());
  await teller.nextOf(16);
  const update = channelUpdate({
    scid: scidOf({ block: 100, transaction: 1, output: 0 }),
    nodes: [testKey("graph node 0"), testKey("graph node 1")],
    direction: 0,
    timestamp: timestamp + 1,
  });
  await teller.send(update);
  const { gossip } = await collect(listener, 1);
  assert.deepEqual(gossip, [update]);
});

Deno.test("LDK closes on an init that lacks any feature it demands", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  for (const offered of [1, 9, 13, 15]) {
    using wire = await Wire.dial(OURS, ldk.nodeId, ldk.port);
    await wire.send(initMessage(OFFERED_FEATURES.filter((bit) => bit !== offered)));
    await wire.untilClosed();
    const refusal = `features unknown to our peer ${OURS.id}: [${offered - 1}]`;
    assert.ok(ldk.log.at(-1)!.endsWith(refusal), ldk.log.join("\n"));
  }
});

Deno.test("LDK keeps a peer that answers its pings and drops one that does not", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  using wire = await Wire.dial(OURS, ldk.nodeId, ldk.port);
  await wire.send(initMessage());
  await wire.nextOf(16);
  await until(() => ldk.peers().length === 1, () => ldk.log.join("\n"));
  for (let i = 0; i < 10; i++) {
    ldk.tick();
    const ping = decodeMessage(await wire.nextOf(18));
    assert.ok(ping.known && ping.type === 18);
    await wire.send({ type: 19, ignored: new Uint8Array(ping.numPongBytes) });
    // What LDK answers to our ping tells that it has read our pong.
    await wire.send({ type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
    await wire.nextOf(19);
  }
  assert.equal(ldk.peers().length, 1);
  for (let i = 0; i < 10 && ldk.peers().length > 0; i++) ldk.tick();
  assert.equal(ldk.peers().length, 0);
  await wire.untilClosed();
});

Deno.test("LDK dials us, and our side of the handshake and our init satisfy it", async () => {
  await using ldk = await startLdk({ seed: LDK_SEED });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept().then((conn) => Wire.accept(OURS, conn));
  await ldk.connect(OURS.id, listener.addr.port);
  using wire = await accepting;
  assert.equal(wire.connection.remotePublicKey.toHex(), ldk.nodeId);
  await wire.send(initMessage());
  assert.equal(messageType(await wire.nextOf(16)), 16);
  await until(() => ldk.peers().includes(OURS.id), () => ldk.log.join("\n"));
});
