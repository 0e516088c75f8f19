/** What becomes of dials, from real sockets to the event that the archive gets. */
import assert from "node:assert/strict";
import { type NodeAddress, parseEndpoint } from "../../collector/addresses/endpoint.ts";
import { GossipService } from "../../collector/gossip/service.ts";
import { dial } from "../../collector/peer/dialer.ts";
import { PeerManager } from "../../collector/peer/manager.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { loopbackBook, loopbackPolicy } from "../support/fixtures/dialling.ts";
import { startLdk } from "../support/ldk/ldk_peer.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { honest, type Script, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { until } from "../support/until.ts";
import { Wire } from "../support/fixtures/wire.ts";

/** A port where nobody listens. */
function deadPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

const closesBeforeInit: Script = async (conn, key) => {
  using _wire = await Wire.accept(key, conn);
};
const silentInHandshake: Script = async (conn) => {
  await conn.read(new Uint8Array(50));
};
const answersWithoutKey: Script = async (conn) => {
  await conn.read(new Uint8Array(50));
  await conn.write(new Uint8Array(50));
  await conn.read(new Uint8Array(1));
};
const notAnInit: Script = async (conn, key) => {
  using wire = await Wire.accept(key, conn);
  await wire.send({ type: 18, numPongBytes: 0, ignored: new Uint8Array(0) });
  await wire.untilClosed();
};
const noInit: Script = async (conn, key) => {
  using wire = await Wire.accept(key, conn);
  await wire.untilClosed();
};
const brokenFrame: Script = async (conn, key) => {
  using _wire = await Wire.accept(key, conn);
  await conn.write(new Uint8Array(100));
  await conn.read(new Uint8Array(1));
};

Deno.test("each dial counts once, by what became of it and what was dialled", async () => {
  await using stack = new AsyncDisposableStack();
  let made = 0;
  const peer = (script: Script) => stack.use(new ScriptedPeer(`peer ${made++}`, script)).address;
  const at = (end: string): NodeAddress => ({
    nodeId: testKey(`peer ${made++}`).id,
    end: parseEndpoint(end),
  });
  const addresses = [
    peer(honest([])),
    peer(honest([])),
    at(`127.0.0.1:${deadPort()}`),
    // Asked for under another key than its own it closes, as nodes do.
    { ...peer(honest([])), nodeId: testKey("somebody else").id },
    peer(answersWithoutKey),
    peer(closesBeforeInit),
    peer(silentInHandshake),
    peer(notAnInit),
    peer(noInit),
    peer(brokenFrame),
  ];
  const recorded = new Recorded();
  stack.defer(() => recorded[Symbol.dispose]());
  const stop = new AbortController();
  const clock = new ManualClock();
  const manager = new PeerManager({
    privateKey: testKey("us").privateKey,
    network: "regtest",
    target: addresses.length,
    dialsPerSecond: 1000,
    maxPending: 100,
    bootstrap: 0,
    lookbackMs: 3_600_000,
    connectTimeoutMs: 5000,
    handshakeTimeoutMs: 5000,
    initTimeoutMs: 5000,
  }, {
    clock,
    random: seededRandom(1),
    sink: recorded.pipeline,
    book: loopbackBook(addresses),
    policy: loopbackPolicy,
    gossip: new GossipService(chainHash("regtest"), systemClock, null),
    onDials: (event) => recorded.pipeline.recorder.note(event),
    backoff: () => Infinity,
  });
  const begun = clock.now();
  const running = manager.run(stop.signal);
  await clock.advance(1000);
  // However slow the machine, only the one without an init is left to time.
  await until(() => manager.counts.dials === addresses.length && manager.counts.pending === 1);
  await clock.advance(5000);
  await until(() => manager.counts.pending === 0);
  stop.abort();
  await running;

  const [event, ...more] = recorded.events("dial_outcomes");
  assert.deepEqual(more, []);
  assert.ok(event.since === begun && event.since < event.at);
  assert.deepEqual(
    event.dials.map(({ outcome, address, count }) => `${outcome} ${address} ${count}`),
    [
      "connected ipv4 2",
      "refused ipv4 1",
      "handshake ipv4 2",
      "wrong_key ipv4 1",
      "closed_before_init ipv4 1",
      "no_init ipv4 1",
      "incompatible ipv4 1",
      "protocol_error ipv4 1",
    ],
  );
  const { unanswered, wrong_key, handshake } = manager.counts.ended;
  assert.deepEqual({ unanswered, wrong_key, handshake }, {
    unanswered: 2,
    wrong_key: 1,
    handshake: 1,
  });
});

Deno.test("LDK under another key than the address says leaves act one unanswered", async () => {
  await using ldk = await startLdk({ seed: testKey("ldk").privateKey });
  const to = (nodeId: string) =>
    dial({ nodeId, end: parseEndpoint(`127.0.0.1:${ldk.port}`) }, {
      ...loopbackPolicy,
      privateKey: testKey("us").privateKey,
      clock: systemClock,
      random: seededRandom(1),
      signal: new AbortController().signal,
      timeoutMs: 5000,
      handshakeTimeoutMs: 5000,
    });
  await assert.rejects(to(testKey("somebody else").id), { code: "unanswered" });
  (await to(ldk.nodeId)).connection.close();
});
