import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { BLOCK_BYTES } from "../../collector/gossip/graph/graph_blocks.ts";
import {
  graphBlocks,
  GraphFile,
  GraphRestorer,
  type Restored,
} from "../../collector/gossip/graph/graph_file.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { crc32c } from "../../shared/bolt/checksum.ts";
import { UserError } from "../../shared/errors.ts";
import { StillClock } from "../support/still_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import {
  nodeId,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";

const chain = chainHash("regtest");
const clock = new StillClock();
const empty = (network = chain) => new Graph({ chain: network, clock });
const CHANNELS = 400, NODES = 60;

/** A graph of several blocks: some channels lack an update, some nodes an announcement. */
function someGraph(): Graph {
  const graph = empty();
  for (let i = 0; i < CHANNELS; i++) {
    // Neither all in order nor all in one block.
    const scid = BigInt(i * 7919 % CHANNELS) << 40n | 5n;
    const nodes = nodePair(i % NODES, (i + 1 + i % 7) % NODES);
    assert.equal(graph.accept(unsignedChannel({ scid, nodes }), "valid"), "added");
    for (const direction of [0, 1] as const) {
      if (i % 5 === direction) continue;
      const timestamp = clock.seconds - i;
      const update = unsignedUpdate({ scid, direction, timestamp, disabled: i % 3 === 0 });
      assert.equal(graph.accept(update, "valid", nodes[direction].toHex()), "added");
    }
  }
  for (let i = 0; i < NODES; i += 2) {
    const timestamp = clock.seconds - i;
    graph.accept(unsignedNode({ id: nodeId(i), timestamp }), "valid");
  }
  return graph;
}

/** All that a graph holds, as lines in order. */
function lines({ view }: Graph): string[] {
  const text = (raw: Uint8Array | null) => raw ? raw.toHex() : "-";
  const channels = Array.from({ length: view.channelCount }, (_, position) => {
    const slot = view.at(position);
    const updates = [view.update(slot, 0), view.update(slot, 1)].map(text);
    const state = [view.timestamp(slot, 0), view.timestamp(slot, 1), view.isDisabled(slot)];
    return [text(view.announcement(slot)), ...updates, view.addedAt(slot), ...state].join(" ");
  });
  const nodes = Array.from({ length: view.nodeCount }, (_, position) => {
    const node = view.nodeAt(position);
    return `${view.nodeId(node).toHex()} ${text(view.nodeAnnouncement(node))}`;
  });
  return [...channels, ...nodes];
}

const graph = someGraph();
const blocks = Array.from(graphBlocks(graph, clock.seconds), (block) => block.slice());
const whole = new Uint8Array(blocks.length * BLOCK_BYTES);
blocks.forEach((block, i) => whole.set(block, i * BLOCK_BYTES));
const messages = CHANNELS + graph.counts.updates + graph.counts.nodeAnnouncements;

/** What comes of a file with these bytes. */
function restored(bytes: Uint8Array, into = empty()): { graph: Graph; result: Restored } {
  const restorer = new GraphRestorer(into);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    if (!restorer.take(bytes.subarray(at, at + BLOCK_BYTES))) break;
  }
  return { graph: into, result: restorer.finish() };
}

Deno.test("a graph comes back from its file as it was", async () => {
  await using dir = await tempDir();
  const file = new GraphFile(dir.join("graph"), graph, clock);
  assert.ok(file.isStale);
  await Promise.all([file.save(), file.save()]);
  assert.ok(!file.isStale);
  const copy = empty();
  const other = new GraphFile(dir.join("graph"), copy, clock);
  assert.deepEqual(await other.load(), { messages, savedAt: clock.seconds, problem: null });
  assert.deepEqual(lines(copy), lines(graph));
  assert.deepEqual([copy.counts.channels, copy.counts.bytes], [CHANNELS, graph.counts.bytes]);
  assert.ok(!other.isStale);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["graph"]);
});

Deno.test("an empty graph comes back too, and no file is no problem", async () => {
  await using dir = await tempDir();
  const file = new GraphFile(dir.join("graph"), empty(), clock);
  assert.deepEqual(await file.load(), { messages: 0, savedAt: null, problem: null });
  await file.save();
  assert.equal((await file.load()).problem, null);
});

Deno.test("a channel that two files of an earlier run hold is named by no peer of this run", () => {
  const graph = empty();
  const raw = unsignedChannel({ scid: 5n << 40n, nodes: nodePair(1, 2) });
  // Saved, and still in the file of those that came since the saving before.
  assert.deepEqual([1, 2].map(() => graph.restore(raw, clock.seconds)), ["added", "known"]);
  const slot = graph.view.find(5n << 40n);
  assert.equal(graph.view.namedAt(slot), 0);
  assert.equal(graph.accept(raw, "valid"), "known");
  assert.equal(graph.view.namedAt(slot), clock.seconds);
});

Deno.test("what grew too old while the collector was away is pruned at once", async () => {
  await using dir = await tempDir();
  await new GraphFile(dir.join("graph"), graph, clock).save();
  const later = new StillClock();
  later.advance(14 * 86_400 - CHANNELS / 2);
  const copy = new Graph({ chain, clock: later });
  const file = new GraphFile(dir.join("graph"), copy, later);
  assert.equal((await file.load()).messages, messages);
  assert.ok(copy.counts.channels > 0 && copy.counts.channels < CHANNELS);
  assert.ok(file.isStale);
});

Deno.test("a new file takes the old one's place even when a draft was left behind", async () => {
  await using dir = await tempDir();
  await Deno.writeFile(dir.join("graph.new"), whole.subarray(0, 100_000));
  await Deno.writeFile(dir.join("graph"), whole.subarray(0, BLOCK_BYTES));
  await new GraphFile(dir.join("graph"), graph, clock).save();
  const written = await Deno.readFile(dir.join("graph"));
  assert.ok(Buffer.from(written).equals(whole));
});

Deno.test("a file that cannot be written leaves the old one and no draft, and says so", async () => {
  await using dir = await tempDir();
  // A folder of that name is in the way of the rename.
  await Deno.mkdir(dir.join("graph", "full"), { recursive: true });
  const file = new GraphFile(dir.join("graph"), graph, clock);
  await assert.rejects(() => file.save(), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /^Cannot save graph file .*graph: /);
    return true;
  });
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["graph"]);
  await assert.rejects(() => file.load(), /Cannot read graph file/);
});

Deno.test("a file that changes hands, its version or its network is not used, and why is said", () => {
  // The version is the low byte behind the eight of the magic; a block is only read when its checksum holds.
  const later = whole.slice();
  later[20] = 2;
  new DataView(later.buffer).setUint32(0, crc32c(later.subarray(4, BLOCK_BYTES)));
  assert.match(restored(later).result.problem!, /^it has version 2, and 1 is read here; starting/);
  const other = whole.slice();
  assert.match(restored(whole, empty(chainHash("signet"))).result.problem!, /another network/);
  assert.match(restored(new TextEncoder().encode("x,y\n")).result.problem!, /first block is damag/);
  assert.match(restored(new Uint8Array(0)).result.problem!, /^it is empty; starting with an empty/);
  other[20] ^= 1;
  const { graph: none, result } = restored(other);
  assert.deepEqual([none.counts.channels, result.savedAt], [0, null]);
});

Deno.test("damage costs the blocks it is in and no others", () => {
  assert.ok(blocks.length >= 7, "enough blocks to lose some");
  const known = new Set(lines(graph));
  for (let number = 1; number < blocks.length; number++) {
    const bytes = whole.slice();
    bytes[number * BLOCK_BYTES + 40_000] ^= 0x10;
    const { graph: rest, result } = restored(bytes);
    const last = number === blocks.length - 1;
    assert.match(result.problem!, new RegExp(`^1 of its ${blocks.length} blocks are damaged`));
    assert.equal(/end is missing/.test(result.problem!), last);
    assert.match(result.problem!, new RegExp(`starting with the ${result.messages} messages`));
    if (last) assert.equal(result.messages, messages);
    else assert.ok(result.messages < messages && result.messages > messages / 3);
    for (const line of lines(rest).filter((line) => line.startsWith("0100"))) {
      assert.ok(known.has(line), "a channel is whole or not there");
    }
  }
});

Deno.test("blocks that are whole but not in their places are damage too", () => {
  const bytes = whole.slice();
  bytes.set(blocks[3], 2 * BLOCK_BYTES);
  const { result } = restored(bytes);
  assert.match(result.problem!, /^1 of its/);
});

Deno.test("a file cut off anywhere gives what is before the cut", () => {
  let last = -1;
  for (let length = 0; length < whole.length; length += 9973) {
    const { result } = restored(whole.subarray(0, length));
    assert.ok(result.problem, `cut at ${length}`);
    assert.ok(result.messages >= last);
    last = result.messages;
  }
  assert.ok(last > messages / 2);
});

Deno.test("whatever the bytes, loading gives messages that were saved, or none", () => {
  const known = new Set(lines(graph).flatMap((line) => line.split(" ")));
  const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
  const spoilt = fc.tuple(fc.array(change, { maxLength: 6 }), fc.nat(whole.length), fc.boolean())
    .map(([changes, cut, isCut]) => {
      const bytes = whole.slice(0, isCut ? cut : whole.length);
      for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  const junk = fc.uint8Array({ maxLength: 2000 });
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: spoilt }, junk), (bytes) => {
      const { graph: rest } = restored(bytes);
      for (const line of lines(rest)) {
        for (const text of line.split(" ")) if (text.length > 100) assert.ok(known.has(text));
      }
    }),
    { numRuns: 60 },
  );
});
