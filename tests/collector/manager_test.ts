import assert from "node:assert/strict";
import type { AddressBook } from "../../collector/addresses/address_book.ts";
import type { NodeAddress } from "../../collector/addresses/endpoint.ts";
import { GossipService } from "../../collector/gossip/service.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { type ManagerOptions, PeerManager } from "../../collector/peer/manager.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { loopbackBook, loopbackPolicy } from "../support/fixtures/dialling.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { honest, lightning, type Script, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

/** A port on loopback where nobody listens. */
function deadPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** Where a peer would be if it listened on that port. */
function elsewhere(peer: ScriptedPeer): NodeAddress["end"] {
  return { ...peer.address.end, port: deadPort() };
}

/** A running manager and its peers. */
class Managed implements AsyncDisposable {
  readonly recorded: Recorded;
  readonly log = new CapturedLog();
  readonly manager: PeerManager;
  readonly book: AddressBook;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    peers: readonly NodeAddress[],
    options: Partial<ManagerOptions> = {},
    { clock = systemClock, redial = Infinity, isSeeking, gossip }: {
      clock?: Clock;
      gossip?: GossipService;
      redial?: number;
      isSeeking?: () => boolean;
    } = {},
  ) {
    this.recorded = new Recorded(clock);
    this.manager = new PeerManager({
      privateKey: testKey("us").privateKey,
      network: "regtest",
      target: peers.length,
      dialsPerSecond: 1000,
      maxPending: 100,
      bootstrap: 0,
      lookbackMs: 3_600_000,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 5000,
      initTimeoutMs: 5000,
      ...options,
    }, {
      clock,
      random: seededRandom(1),
      sink: this.recorded.pipeline,
      book: this.book = loopbackBook(peers),
      isSeeking,
      policy: loopbackPolicy,
      gossip: gossip ?? new GossipService(chainHash("regtest"), clock, null),
      backoff: () => redial,
    });
    this.#running = this.manager.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.recorded[Symbol.dispose]();
    this.log[Symbol.dispose]();
  }
}

function peersOf(stack: AsyncDisposableStack, count: number, script: Script): ScriptedPeer[] {
  return Array.from({ length: count }, (_, i) => stack.use(new ScriptedPeer(`peer ${i}`, script)));
}

const addresses = (peers: ScriptedPeer[]) => peers.map((peer) => peer.address);

Deno.test("the target is reached and not passed, and stopping ends every session", async () => {
  await using stack = new AsyncDisposableStack();
  const peers = peersOf(stack, 6, honest([]));
  const managed = stack.use(new Managed(addresses(peers), { target: 4 }));
  await until(() => managed.manager.counts.connected === 4);
  assert.equal(managed.manager.counts.dials, 4);
  await managed.stop();
  assert.deepEqual(managed.manager.counts.connected, 0);
  const ends = managed.recorded.events("session_closed");
  assert.deepEqual(
    ends.map(({ by, reason }) => `${by}: ${reason}`),
    Array(4).fill("us: the collector stopped"),
  );
  assert.deepEqual(managed.log.lines(), []);
});

Deno.test("a peer that goes away is replaced, and dialled again after its back-off", async () => {
  await using stack = new AsyncDisposableStack();
  const [leaver] = peersOf(stack, 1, async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage());
    await wire.nextOf(265);
  });
  const stayer = stack.use(new ScriptedPeer("stayer", honest([])));
  const managed = stack.use(
    new Managed([leaver.address, stayer.address], { target: 2 }, { redial: 20 }),
  );
  await until(() => leaver.accepted >= 3 && managed.manager.counts.connected >= 1);
  assert.equal(stayer.accepted, 1);
  assert.ok(managed.manager.counts.ended.lost >= 2);
  const lines = managed.log.lines(leaver.address.nodeId);
  assert.equal(lines.length, 1, "what repeats is said once");
  assert.match(lines[0], /disconnected: it closed the connection$/);
});

Deno.test("an address where nobody listens is told once and the rest of the file used", async () => {
  await using stack = new AsyncDisposableStack();
  const [peer] = peersOf(stack, 1, honest([]));
  const dead = { nodeId: testKey("dead").id, end: elsewhere(peer) };
  const managed = stack.use(new Managed([dead, peer.address], { target: 2 }, { redial: 5 }));
  await until(() => managed.manager.counts.ended.unreachable >= 3);
  await until(() => managed.manager.counts.connected === 1);
  const lines = managed.log.lines(dead.nodeId);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /not connected: Connection refused/);
});

Deno.test("no more dials are begun a second than allowed", async () => {
  await using stack = new AsyncDisposableStack();
  const peers = peersOf(stack, 8, honest([]));
  const clock = new ManualClock();
  const { manager } = stack.use(new Managed(addresses(peers), { dialsPerSecond: 2 }, { clock }));
  const begun: number[] = [];
  for (let i = 0; i < 4; i++) {
    await clock.advance(499);
    begun.push(manager.counts.dials);
    await clock.advance(1);
  }
  assert.deepEqual(begun, [1, 2, 3, 4]);
  await clock.advance(60_000);
  assert.equal(manager.counts.dials, 8);
});

Deno.test("no more handshakes are pending than allowed", async () => {
  await using stack = new AsyncDisposableStack();
  const silent: Script = async (conn) => {
    while (await conn.read(new Uint8Array(100)) !== null);
  };
  const peers = peersOf(stack, 6, silent);
  const clock = new ManualClock();
  const options = { maxPending: 3, handshakeTimeoutMs: 10_000 };
  const { manager } = stack.use(new Managed(addresses(peers), options, { clock }));
  await clock.advance(5000);
  assert.equal(manager.counts.pending, 3);
  assert.equal(manager.counts.dials, 3);
  await until(() => peers.filter((peer) => peer.accepted > 0).length === 3);
  await clock.advance(6000);
  await until(() => manager.counts.ended.handshake >= 3);
  await clock.advance(1000);
  assert.equal(manager.counts.dials, 6);
});

Deno.test("as many peers as told are asked for all they have, the others for the last hour", async () => {
  await using stack = new AsyncDisposableStack();
  const firsts: number[] = [];
  const peers = peersOf(stack, 5, async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage());
    const filter = decodeMessage(await wire.nextOf(265));
    assert.ok(filter.known && filter.type === 265);
    firsts.push(filter.firstTimestamp);
    await wire.untilClosed();
  });
  const before = Math.floor(systemClock.now() / 1e6);
  stack.use(new Managed(addresses(peers), { bootstrap: 2 }));
  await until(() => firsts.length === 5);
  firsts.sort((a, b) => a - b);
  assert.deepEqual(firsts.slice(0, 2), [0, 0]);
  for (const first of firsts.slice(2)) {
    assert.ok(first >= before - 3601 && first <= Math.ceil(systemClock.now() / 1e6) - 3600);
  }
});

Deno.test("when the peers that were asked for all have left, a later one is asked for what is missing", async () => {
  await using stack = new AsyncDisposableStack();
  const leave = Promise.withResolvers<void>();
  let asked = 0;
  const peers = peersOf(
    stack,
    2,
    lightning(async (wire) => {
      await wire.nextOf(263);
      if (++asked === 1) await leave.promise;
      else await wire.untilClosed();
    }),
  );
  // Waits take their time, so that pings are answered; the clock is put forward in between.
  let ahead = 0;
  const clock: Clock = {
    now: () => systemClock.now() + ahead,
    sleep: (milliseconds, signal) => systemClock.sleep(milliseconds, signal),
  };
  const options = { target: 1, bootstrap: 1 };
  const { manager } = stack.use(new Managed(addresses(peers), options, { clock }));
  await until(() => manager.counts.connected === 1);
  // It has sent all it has when it is quiet.
  ahead += 76_000_000;
  await until(() => asked === 1);
  // So long a peer has told all it has: nobody takes its place in that.
  ahead += 16 * 60_000_000;
  leave.resolve();
  await until(() => manager.counts.ended.lost === 1 && manager.counts.connected === 1);
  ahead += 60_000_000;
  await until(() => asked === 2);
});

Deno.test("peers that cut us off right after an answer are counted, and that is said", async () => {
  await using stack = new AsyncDisposableStack();
  const ask = { chainHash: chainHash("regtest"), firstBlock: 0, numberOfBlocks: 1000 };
  const asking = (answered: boolean) =>
    lightning(async (wire) => {
      if (answered) {
        await wire.send({ type: 263, ...ask });
        await wire.nextOf(264);
      }
    });
  const peers = [true, false].map((answered) =>
    stack.use(new ScriptedPeer(`asks: ${answered}`, asking(answered)))
  );
  const managed = stack.use(new Managed(addresses(peers)));
  await until(() => managed.manager.counts.ended.lost === 2);
  assert.equal(managed.manager.counts.cutAfterAnswer, 1);
  assert.equal(managed.log.lines("right after our answer").length, 1);
});

Deno.test("after a restart a peer that asks at once is answered once it has listed what is still open", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ nodes: 4, channels: 6, timestamp });
  const chain = chainHash("regtest");
  {
    await using last = await GossipService.open(chain, systemClock, dir.join("graph"));
    for (const raw of graph) {
      const message = decodeMessage(raw);
      const signer = message.known && message.type === 258
        ? last.graph.view.nodesOf(message.scid)![message.channelFlags & 1]
        : null;
      assert.equal(last.accept(raw, signer, null), "added");
    }
  }
  const gossip = stack.use(await GossipService.open(chain, systemClock, dir.join("graph")));
  const { view } = gossip.graph;
  const scids = Array.from({ length: view.channelCount }, (_, i) => view.scid(view.at(i)));
  const open = [scids[4], scids[0], scids[2], scids[3]];
  const all = { chainHash: chain, firstBlock: 0, numberOfBlocks: 0xffff_ffff } as const;
  const answered = Promise.withResolvers<bigint[]>();
  const came: number[] = [];
  // As LND asks within milliseconds, and as Core Lightning answers: in the order of its store.
  const peer = stack.use(
    new ScriptedPeer(
      "asks",
      lightning(async (wire) => {
        await wire.send({ type: 263, ...all });
        for (;;) {
          const raw = await wire.next();
          if (raw === null) return;
          const message = decodeMessage(raw);
          came.push(message.type);
          if (message.type === 263) {
            await wire.send({ type: 264, ...all, syncComplete: 1, scids: open });
          } else if (message.known && message.type === 264) answered.resolve([...message.scids]);
        }
      }),
    ),
  );
  stack.use(new Managed(addresses([peer]), {}, { gossip }));
  assert.deepEqual(await answered.promise, [scids[0], scids[2], scids[3], scids[4]]);
  assert.ok(came.indexOf(263) < came.indexOf(264), "we asked before we answered");
});

Deno.test("when no peer is left to dial, that is said", async () => {
  await using stack = new AsyncDisposableStack();
  const [peer] = peersOf(stack, 1, (conn) => conn.write(new Uint8Array(50)).then(() => {}));
  const managed = stack.use(new Managed(addresses([peer])));
  await until(() => managed.log.lines("No peer is left").length > 0);
  assert.match(managed.log.lines(peer.address.nodeId)[0], /not connected: handshake: act two/);
});

Deno.test("nothing is said of the last peer while more are being looked for", async () => {
  let isSeeking = true;
  await using managed = new Managed([], { target: 1 }, { isSeeking: () => isSeeking });
  managed.manager.lookAgain();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(managed.log.lines("No peer is left"), []);
  isSeeking = false;
  await until(() => {
    managed.manager.lookAgain();
    return managed.log.lines("No peer is left").length > 0;
  });
});

Deno.test("when the network is away, no peer's wait grows", async () => {
  await using stack = new AsyncDisposableStack();
  const peer = new ScriptedPeer("gone", honest([]));
  const managed = stack.use(new Managed([peer.address], {}, { redial: 1 }));
  await until(() => managed.manager.counts.connected === 1);
  await peer[Symbol.asyncDispose]();
  await until(() => managed.manager.counts.ended.our_side >= 3);
  assert.equal(managed.manager.counts.ended.unreachable, 0);
  assert.deepEqual([...managed.book.records()].map(({ addresses }) => addresses[0].failures), [1]);
});

Deno.test("two addresses of one node get one connection", async () => {
  await using stack = new AsyncDisposableStack();
  const [peer] = peersOf(stack, 1, honest([]));
  const twin = { ...peer.address, end: elsewhere(peer) };
  const managed = stack.use(new Managed([peer.address, twin], {}, { redial: 5 }));
  await until(() => managed.manager.counts.connected === 1);
  await until(() => managed.manager.counts.pending === 0);
  assert.equal(managed.manager.counts.dials, managed.manager.counts.ended.unreachable + 1);
  assert.equal(peer.accepted, 1);
});

Deno.test("a rotation lets peers go when there are others, and the others take their place", async () => {
  await using stack = new AsyncDisposableStack();
  const peers = peersOf(stack, 3, honest([]));
  const rotation = { target: 2, rotateEveryMs: 50, rotateShare: 0.5 };
  const managed = stack.use(new Managed(addresses(peers), rotation));
  await until(() => peers.every(({ accepted }) => accepted === 1));
  // Nobody is left to take another's place, so it is the last one.
  await until(() => managed.manager.counts.connected === 2);
  assert.equal(managed.manager.counts.ended.rotated, 1);
  assert.equal(managed.log.lines("Rotating out 1 peers").length, 1);
});
