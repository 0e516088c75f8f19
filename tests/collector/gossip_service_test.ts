import assert from "node:assert/strict";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { GraphFile } from "../../collector/gossip/graph/graph_file.ts";
import { GossipService } from "../../collector/gossip/service.ts";
import { ChannelKeys } from "../../collector/gossip/verify.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { systemClock } from "../../shared/clock.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";
import { StillClock } from "../support/still_clock.ts";
import { until } from "../support/until.ts";

const chain = chainHash("regtest");
const NODES = 4, CHANNELS = 5;

/** Brings verified gossip into a graph and saves it. */
async function collected(path: string, graph: readonly Uint8Array[]): Promise<void> {
  await using gossip = await GossipService.open(chain, systemClock, path);
  using recorded = new Recorded();
  recorded.onValid = (raw, signer, sourcePeer) => gossip.accept(raw, signer, sourcePeer);
  const session = recorded.pipeline.openSession({
    node_id: "02".padEnd(66, "0"),
    address: "127.0.0.1:1",
    dialled_at: 1,
    handshake_at: 1,
    filter_at: 1,
    filter_first: 0,
    features: "",
  });
  for (const raw of graph) recorded.pipeline.receive(session, raw, systemClock.now());
  await until(() => recorded.pipeline.verifier.counts.verdicts.valid === graph.length);
}

Deno.test("what was verified is in the graph, and in the next run's, whose keys it gives", async () => {
  await using dir = await tempDir();
  const path = dir.join("graph");
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ nodes: NODES, channels: CHANNELS, timestamp });
  await collected(path, graph);
  await using again = await GossipService.open(chain, systemClock, path);
  const { channels, updates, nodeAnnouncements } = again.graph.counts;
  assert.equal(channels, CHANNELS);
  assert.equal(channels + updates + nodeAnnouncements, graph.length);
  const keys = new ChannelKeys(undefined, (scid) => again.graph.view.nodesOf(scid));
  assert.equal(keys.get(scidOf({ block: 100, transaction: 1, output: 0 })).length, 1);
  assert.deepEqual(keys.get(1n), []);
});

Deno.test("a killed collector's next life knows the channels that came since the graph was saved", async () => {
  await using dir = await tempDir();
  const path = dir.join("graph");
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const messages = signedGraph({ nodes: NODES, channels: CHANNELS, timestamp });
  const announcements = messages.filter((raw) => raw[1] === 0);
  const channelsAt = async () => {
    await using next = new GossipService(chain, systemClock, null);
    await new GraphFile(path, next.graph, systemClock).load();
    return next.graph.counts.channels;
  };
  const killed = await GossipService.open(chain, systemClock, path);
  for (const raw of announcements.slice(0, 3)) killed.accept(raw, null, null);
  killed.accept(announcements[0], null, null);
  assert.equal(await channelsAt(), 3, "nothing was saved");
  await killed[Symbol.asyncDispose]();
  assert.equal(await channelsAt(), 3);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["graph"]);
});

Deno.test("channels that came since the last saving outlive savings that fail and a torn last write", async () => {
  await using dir = await tempDir();
  const path = dir.join("graph");
  const graph = new Graph({ chain, clock: systemClock });
  using file = new GraphFile(path, graph, systemClock);
  const announcements = signedGraph({ nodes: 9, channels: 9, timestamp: 1 })
    .filter((raw) => raw[1] === 0);
  const take = (raw: Uint8Array) => {
    graph.accept(raw, "valid");
    file.append(raw);
  };
  const channelsNow = async () => {
    const again = new Graph({ chain, clock: systemClock });
    using other = new GraphFile(path, again, systemClock);
    const { messages } = await other.load();
    assert.equal(messages, again.counts.channels);
    return messages;
  };
  take(announcements[0]);
  await Deno.mkdir(`${path}.new/in the way`, { recursive: true });
  for (let i = 1; i < 4; i++) {
    await assert.rejects(file.save(), /Cannot save/);
    take(announcements[i]);
    assert.equal(await channelsNow(), i + 1);
  }
  // A kill in the midst of a write costs that one alone, in the next life and the one after.
  const { size } = await Deno.stat(`${path}.recent`);
  await Deno.truncate(`${path}.recent`, size - 1);
  using next = new GraphFile(path, new Graph({ chain, clock: systemClock }), systemClock);
  assert.equal((await next.load()).messages, 3);
  next.append(announcements[4]);
  assert.equal(await channelsNow(), 4);

  await Deno.remove(`${path}.new`, { recursive: true });
  await file.save();
  take(announcements[5]);
  assert.equal(await channelsNow(), 6, "four saved, two since");
  await file.save();
  await file.save();
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["graph"]);
});

Deno.test("a graph file that cannot be used is told, and the graph begins empty", async () => {
  await using dir = await tempDir();
  using log = new CapturedLog();
  const path = dir.join("graph");
  await Deno.writeTextFile(path, "no graph");
  await using gossip = await GossipService.open(chain, systemClock, path);
  assert.equal(gossip.graph.counts.channels, 0);
  assert.equal(log.lines("Graph file").length, 1);
});

Deno.test("a graph from disk is not answered from before a peer listed its channels", async () => {
  await using dir = await tempDir();
  const path = dir.join("graph");
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  await collected(path, signedGraph({ nodes: NODES, channels: CHANNELS, timestamp }));
  await using gossip = await GossipService.open(chain, systemClock, path);
  assert.ok(gossip.answerer.heldUntil > systemClock.now());
  gossip.named([1n], systemClock.now());
  assert.equal(gossip.answerer.heldUntil, 0);
});

Deno.test("what one whole list lacks is answered no more, and what two lack is dropped", async () => {
  const clock = new StillClock();
  await using gossip = new GossipService(chain, clock, null);
  const { graph, answerer } = gossip;
  const messages = signedGraph({ nodes: NODES, channels: CHANNELS, timestamp: clock.seconds });
  for (const raw of messages) graph.restore(raw, clock.seconds);
  const scids = Array.from({ length: CHANNELS }, (_, i) => graph.view.scid(graph.view.at(i)));
  const list = (named: bigint[]) => {
    clock.advance(60);
    const askedAt = clock.now();
    clock.advance(10);
    gossip.named(named, askedAt);
    return [answerer.namedSince === Math.floor(askedAt / 1e6), graph.counts.channels];
  };
  assert.deepEqual(list(scids.slice(0, 1)), [false, CHANNELS], "its peer has a small graph");
  assert.deepEqual(list(scids), [true, CHANNELS]);
  assert.deepEqual(list(scids.slice(2)), [true, CHANNELS], "the list before still had them");
  assert.deepEqual(list(scids.slice(2)), [true, CHANNELS - 2]);
  assert.equal(graph.view.find(scids[0]), -1);
  // A message names a channel as well as a list does.
  const announcement = graph.view.announcement(graph.view.find(scids[2])).slice();
  assert.deepEqual(list(scids.slice(3)), [true, CHANNELS - 2]);
  assert.equal(graph.accept(announcement, "valid"), "known");
  assert.deepEqual(list(scids.slice(3)), [true, CHANNELS - 2]);
  assert.deepEqual(list(scids.slice(3)), [true, CHANNELS - 3]);
});
