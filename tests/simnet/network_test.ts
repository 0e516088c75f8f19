import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chainHash } from "../../shared/bolt/chains.ts";
import { systemClock } from "../../shared/clock.ts";
import { LEDGER_FILES } from "./ledger.ts";
import { SimulatedNetwork } from "./network.ts";
import { squeezedRun } from "./run_shape.ts";
import { startSimnet } from "./child.ts";
import { TestClient } from "./test_client.ts";
import { peerTimers, type TrafficOptions } from "./traffic.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** Half an hour of network time in half a second, 12 peers of all four kinds. */
const PLAN: TrafficOptions = {
  seed: "sockets",
  peers: 12,
  seconds: 1260,
  cutSeconds: 1800,
  compression: 3600,
  messages: 400,
};

/** Rows of one of a ledger's files. */
async function ledger(dir: string, file: keyof typeof LEDGER_FILES): Promise<string[][]> {
  const text = await Deno.readTextFile(`${dir}/${LEDGER_FILES[file]}`);
  return text.trim().split("\n").slice(1).map((line) => line.split(","));
}

/** What the ledger says each peer sent, as sorted lines of sha256. */
async function sentBy(dir: string): Promise<string[][]> {
  const sha256 = new Map((await ledger(dir, "messages")).map(([number, hash]) => [number, hash]));
  const sent: string[][] = (await ledger(dir, "peers")).map(() => []);
  for (const [peer, message, times] of await ledger(dir, "sent")) {
    for (let i = 0; i < Number(times); i++) sent[Number(peer)].push(sha256.get(message)!);
  }
  return sent.map((hashes) => hashes.sort());
}

function hashes(client: TestClient): string[] {
  return client.gossip.map(({ raw }) => createHash("sha256").update(raw).digest("hex")).sort();
}

Deno.test("every byte that a simulated network's ledger names arrives, in bursts, and nothing else", async () => {
  await using dir = await tempDir();
  await using network = new SimulatedNetwork({
    traffic: PLAN,
    ledgerDir: dir.path,
    clock: systemClock,
  });
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(network.addresses.map((address) => TestClient.dial(address)));
  clients.forEach((client) => stack.use(client));
  await Promise.all(clients.map((client) => client.subscribe()));
  await until(() => network.tally.subscribed === PLAN.peers);

  const { messages } = await network.run();
  const { sent } = network.tally;
  await until(() => clients.reduce((sum, client) => sum + client.gossip.length, 0) >= sent);

  assert.equal(messages, PLAN.messages);
  assert.ok(sent > 500, `${sent} sent`);
  const expected = await sentBy(dir.path);
  clients.forEach((client, peer) => assert.deepEqual(hashes(client), expected[peer]));
  const ledgerRaws = new Map(
    (await ledger(dir.path, "messages")).map(([, hash, raw]) => [hash, raw]),
  );
  for (const { raw } of clients[0].gossip) {
    const hash = createHash("sha256").update(raw).digest("hex");
    assert.equal(ledgerRaws.get(hash), raw.toHex());
  }
  const reads = new Set(
    clients.flatMap(({ gossip }, i) => gossip.map(({ read }) => `${i}/${read}`)),
  );
  assert.ok(reads.size < sent, "several messages come in one read");
  const { skipped, uncertain, forwarded, queued, reasons } = network.tally;
  assert.deepEqual({ skipped, uncertain, forwarded, queued, reasons }, {
    skipped: 0,
    uncertain: 0,
    forwarded: 0,
    queued: 0,
    reasons: [],
  });
});

Deno.test("a simulated peer sends gossip only to those that ask, and counts what it skips", async () => {
  await using dir = await tempDir();
  const plan = { ...PLAN, peers: 3, messages: 60 };
  await using network = new SimulatedNetwork({
    traffic: plan,
    ledgerDir: dir.path,
    clock: systemClock,
  });
  await using asks = await TestClient.dial(network.addresses[0]);
  await using silent = await TestClient.dial(network.addresses[1]);
  await asks.subscribe();
  await until(() => network.tally.subscribed === 1);
  await network.run();
  await until(() => asks.gossip.length >= network.tally.sent);
  assert.equal(silent.gossip.length, 0);
  assert.ok(network.tally.skipped > 0 && network.tally.sent > 0);
  const [first, second, third] = await sentBy(dir.path);
  assert.deepEqual(first, hashes(asks));
  assert.deepEqual([second, third], [[], []]);
});

Deno.test("equal seeds send the same bytes in the same order", async () => {
  const runs: string[][] = [];
  for (let run = 0; run < 2; run++) {
    await using dir = await tempDir();
    await using network = new SimulatedNetwork({
      traffic: { ...PLAN, peers: 2, messages: 80 },
      ledgerDir: dir.path,
      clock: systemClock,
      startedAt: 1_758_900_000,
    });
    await using client = await TestClient.dial(network.addresses[1]);
    await client.subscribe();
    await until(() => network.tally.subscribed === 1);
    await network.run();
    await until(() => client.gossip.length >= network.tally.sent);
    runs.push(client.gossip.map(({ raw }) => raw.toHex()));
  }
  assert.ok(runs[0].length > 0);
  assert.deepEqual(runs[0], runs[1]);
});

Deno.test("simulated peers answer pings and queries, and leave those that break the rules", async () => {
  await using dir = await tempDir();
  const plan = { ...PLAN, peers: 40 };
  const kinds = peerTimers(plan).map(({ implementation }) => implementation);
  await using network = new SimulatedNetwork({
    traffic: plan,
    ledgerDir: dir.path,
    clock: systemClock,
  });
  const address = (kind: string) => network.addresses[kinds.indexOf(kind as typeof kinds[number])];

  await using polite = await TestClient.dial(address("cln"));
  const hash = chainHash("bitcoin");
  await polite.send({ type: 18, numPongBytes: 5, ignored: new Uint8Array(3) });
  await polite.send({ type: 263, chainHash: hash, firstBlock: 1, numberOfBlocks: 100 });
  await polite.send({ type: 261, chainHash: hash, scids: [] });
  await until(() => [19, 264, 262].every((type) => polite.others.includes(type)));

  await using noFeatures = await TestClient.dial(address("ldk"), { features: [] });
  await noFeatures.ended;
  await using otherChain = await TestClient.dial(address("eclair"), { networks: ["regtest"] });
  await otherChain.ended;
  await using wrongPong = await TestClient.dial(address("lnd"), { pongExtra: 1 });
  await wrongPong.ended;
  assert.deepEqual(network.tally.failures, { handshake: 0, session: 3, complaint: 0 });
  const reasons = network.tally.reasons.join("\n");
  assert.match(reasons, /features 0, 8, 12, 14, 44 are not offered/);
  assert.match(reasons, /no chain in common/);
  assert.match(reasons, /a pong of \d+ bytes came where \d+ were awaited/);
  // LND without gossip_queries makes no syncer: the filter is dropped without a word.
  await using deaf = await TestClient.dial(address("lnd"), { features: [1, 9, 13, 15, 45] });
  await deaf.subscribe();
  await deaf.send({ type: 18, numPongBytes: 0, ignored: new Uint8Array(0) });
  await until(() => deaf.others.includes(19));
  assert.equal(network.tally.subscribed, 0);
});

Deno.test("LDK stops after 32 messages until its ping is answered", async () => {
  await using dir = await tempDir();
  const plan = { ...PLAN, peers: 40, messages: 2000 };
  const kinds = peerTimers(plan).map(({ implementation }) => implementation);
  await using network = new SimulatedNetwork({
    traffic: plan,
    ledgerDir: dir.path,
    clock: systemClock,
  });
  await using mute = await TestClient.dial(network.addresses[kinds.indexOf("ldk")], {
    pongExtra: null,
  });
  await mute.subscribe();
  await until(() => network.tally.subscribed === 1);
  const stop = new AbortController();
  const run = network.run(stop.signal).catch((error) => error);
  await until(() => network.tally.queued > 0 && mute.gossip.length === 32);
  await until(() => network.tally.queued > 32);
  assert.equal(mute.gossip.length, 32);
  stop.abort(new Error("enough"));
  assert.equal((await run).message, "enough");
});

Deno.test("the simulated network's process says ready, sends on start, writes its ledger and ends", async () => {
  await using dir = await tempDir();
  await using simnet = await startSimnet({ peers: 4, seconds: 1, seed: "p", dir: dir.path });
  const lines = (await Deno.readTextFile(simnet.ready.addresses)).trim().split("\n");
  assert.equal(lines.length, 4);
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(lines.map((line) => TestClient.dial(line)));
  clients.forEach((client) => stack.use(client));
  await Promise.all(clients.map((client) => client.subscribe()));
  await until(() => simnet.progress()?.subscribed === 4);
  await simnet.start();
  const done = await simnet.done(30_000);
  assert.equal(done.skipped + done.uncertain + done.forwarded, 0);
  await until(() => clients.reduce((sum, client) => sum + client.gossip.length, 0) >= done.sent);
  const expected = await sentBy(done.ledger);
  clients.forEach((client, peer) => assert.deepEqual(hashes(client), expected[peer]));
  assert.equal((await simnet.process.terminate()).signal, "SIGTERM");
});

Deno.test("a squeezed run stays within what two cores take, and long enough to show its timers", () => {
  for (const [peers, seconds] of [[1, 1], [20, 3], [200, 30], [978, 30], [978, 600]]) {
    const plan = squeezedRun({ peers, seconds, seed: 1 });
    assert.ok(Math.abs(plan.cutSeconds / plan.compression - seconds) < 1e-9);
    assert.ok(plan.seconds < plan.cutSeconds && plan.cutSeconds >= 900);
    assert.ok(plan.messages! * peers * 0.403 / seconds <= 12_600, `${peers} × ${seconds}`);
  }
});
