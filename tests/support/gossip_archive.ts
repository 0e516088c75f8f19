/**
 * A small archive that two collectors filled with gossip, so that each figure can be worked out on paper.
 *
 * | message | receipts: peer and seconds after {@link START} |
 * |---|---|
 * | channel | alpha: 1 at 1 s (warm-up); beta: 4 at 3 s |
 * | update | alpha: 1 at 10 s, 2 at 12 s, 3 at 20 s, 1 again at 25 s; beta: 3 at 14 s, 4 at 18 s |
 * | laterUpdate | alpha: 1 at 30 s |
 * | node | alpha: 2 at 40 s |
 * | other, which is no gossip | alpha: 1 at 50 s |
 *
 * @module
 */
import { openArchive } from "./archive.ts";
import { BatchMaker, plainMessage } from "./batch_maker.ts";
import {
  nodeId,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "./unsigned_gossip.ts";

/** Second 0 of both collectors, µs since the Unix epoch. */
export const START = 1_758_844_800_000_000;

const scid = 0x0d_0b48_0004_e3_0000n;
const timestamp = START / 1_000_000;

/** The messages, by name; they all have other lengths, types or own timestamps. */
export const MESSAGES = {
  channel: unsignedChannel({ scid, nodes: nodePair(1, 2) }),
  update: unsignedUpdate({ scid, direction: 1, timestamp }),
  laterUpdate: unsignedUpdate({ scid, direction: 1, timestamp: timestamp + 20 }),
  node: unsignedNode({ id: nodeId(7), timestamp: timestamp + 5 }),
  other: plainMessage(1),
} as const;

/** The channel of {@link MESSAGES}. */
export const SCID: bigint = scid;

const REPEAT = 1;
const WARMUP = 2;

/** Makes the archive described above. */
export async function makeGossipArchive(path: string): Promise<void> {
  await using store = await openArchive(path);
  const alpha = new BatchMaker("alpha", START);
  const at = (seconds: number) => START + seconds * 1_000_000;
  const peers = [1, 2, 3].map((peer) => alpha.session(peer));
  const channel = alpha.message(MESSAGES.channel);
  const update = alpha.message(MESSAGES.update);
  alpha.receipt(at(1), channel, peers[0], WARMUP);
  alpha.receipt(at(10), update, peers[0]);
  alpha.receipt(at(12), update, peers[1]);
  alpha.receipt(at(20), update, peers[2]);
  alpha.receipt(at(25), update, peers[0], REPEAT);
  const first = alpha.close();
  alpha.receipt(at(30), alpha.message(MESSAGES.laterUpdate), peers[0]);
  alpha.receipt(at(40), alpha.message(MESSAGES.node), peers[1]);
  alpha.receipt(at(50), alpha.message(MESSAGES.other), peers[0]);
  const beta = new BatchMaker("beta", START);
  const [third, fourth] = [beta.session(3), beta.session(4)];
  beta.receipt(at(3), beta.message(MESSAGES.channel), fourth);
  const again = beta.message(MESSAGES.update);
  beta.receipt(at(14), again, third);
  beta.receipt(at(18), again, fourth);
  await store.commit([first, alpha.close(), beta.close()]);
}
