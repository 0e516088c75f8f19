import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RECEIPT_REPEAT, RECEIPT_WARMUP } from "../../shared/batch/batch.ts";
import { decodeDigest } from "../../shared/batch/digest.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { systemClock } from "../../shared/clock.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { unsignedUpdate } from "../support/fixtures/unsigned_gossip.ts";
import { until } from "../support/until.ts";

const HOUR = 3_600_000_000;

/** A session of a peer, its warm-up over. */
function open(recorded: Recorded, peer: number): number {
  const at = systemClock.now() - HOUR;
  return recorded.pipeline.openSession({
    node_id: `02${peer.toString(16).padStart(64, "0")}`,
    address: "127.0.0.1:9735",
    dialled_at: at,
    handshake_at: at,
    filter_at: at,
    filter_first: 1,
    features: "",
  });
}

const scid = scidOf({ block: 1, transaction: 1, output: 1 });
const now = () => Math.floor(Date.now() / 1000);
const updates = (count: number) =>
  Array.from(
    { length: count },
    (_, i) => unsignedUpdate({ scid, direction: 0, timestamp: now(), feeBaseMsat: i }),
  );

Deno.test("of spam updates some texts are stored, and every receipt is, marked so that no delay counts it", () => {
  using log = new CapturedLog();
  using recorded = new Recorded(systemClock, {
    subject: { burst: 5, intervalSeconds: 3600 },
    peerSpam: { burst: 2, perSecond: 1e-6 },
    subjectDigests: { burst: 0, intervalSeconds: 3600 },
  });
  const spammer = open(recorded, 1), other = open(recorded, 2);
  const spam = updates(100);
  for (const raw of spam) recorded.pipeline.receive(spammer, raw, systemClock.now());
  // What somebody else brings is judged anew: its share lasts for the first two.
  for (const raw of spam.slice(50)) recorded.pipeline.receive(other, raw, systemClock.now());
  const receipts = recorded.receipts();
  assert.equal(receipts.length, 150);
  const standIn = new Uint8Array([
    255,
    255,
    ...new TextEncoder().encode("channel_update not stored: spam"),
  ]).toHex();
  const own = receipts.filter(({ message }) => message !== standIn);
  assert.deepEqual(
    own.map(({ message }) => message),
    [...spam.slice(0, 7), ...spam.slice(50, 52)].map((bytes) => bytes.toHex()),
  );
  assert.equal(recorded.pipeline.quotas.withheld.spam, 150 - own.length);
  assert.deepEqual(log.lines("not stored"), [
    "Quota exceeded: channel_update not stored: spam; still recording receipts",
  ]);
  assert.equal(recorded.messages().size, own.length + 1, "each text and one stand-in, once");
  for (const { message, flags } of receipts) {
    assert.equal(flags, message === standIn ? RECEIPT_WARMUP : 0);
  }
});

Deno.test("past the quota a message keeps its identity, its repeats and its delay: only its bytes are not stored", () => {
  using _log = new CapturedLog();
  using recorded = new Recorded(systemClock, {
    subject: { burst: 5, intervalSeconds: 3600 },
    peerSpam: { burst: 0.5, perSecond: 1e-9 },
  });
  const peers = [open(recorded, 1), open(recorded, 2)];
  const all = updates(20);
  for (const peer of [...peers, peers[0]]) {
    for (const raw of all) recorded.pipeline.receive(peer, raw, systemClock.now());
  }
  const receipts = recorded.receipts();
  assert.equal(receipts.length, 60);
  assert.equal(recorded.messages().size, 20, "each message has a row of its own");
  for (const [i, raw] of all.entries()) {
    const bytes = Uint8Array.fromHex(receipts[i].message);
    const digest = decodeDigest(bytes);
    assert.equal(digest === null, i < 5);
    if (digest === null) continue;
    assert.deepEqual(digest.facts, gossipFacts(raw));
    assert.equal(digest.sha256.toHex(), createHash("sha256").update(raw).digest("hex"));
    assert.equal(receipts[i].message, receipts[20 + i].message, "whichever peer brings it");
  }
  const repeat = (from: number) => receipts.slice(from, from + 20).map(({ flags }) => flags);
  assert.deepEqual(repeat(0), Array(20).fill(0));
  assert.deepEqual(repeat(20), Array(20).fill(0));
  assert.deepEqual(repeat(40), Array(20).fill(RECEIPT_REPEAT));
});

Deno.test("what found no room in the verifier's queue is checked when it comes again", async () => {
  using recorded = new Recorded();
  const peer = open(recorded, 1);
  const [announcement] = signedGraph({ nodes: 3, channels: 3, timestamp: now() });
  const filler = Array.from({ length: 600 }, (_, i) => {
    // With its bookkeeping 64 KiB, so that so many fill the queue of 32 MiB to the last byte.
    const raw = new Uint8Array(65_536 - 128);
    raw.set([1, 1, i >> 8, i & 255]);
    raw.set([255, 255], 66); // features that run past the end
    return raw;
  });
  for (const raw of [...filler, announcement]) {
    recorded.pipeline.receive(peer, raw, systemClock.now());
  }
  const { verifier } = recorded.pipeline;
  assert.ok(verifier.counts.verdicts.unchecked > 0);
  await verifier.idle();
  assert.equal(verifier.counts.verdicts.valid, 0);
  recorded.pipeline.receive(peer, announcement, systemClock.now());
  recorded.pipeline.receive(peer, announcement, systemClock.now());
  await until(() => verifier.counts.verdicts.valid > 0);
  assert.equal(verifier.counts.verdicts.valid, 1);
});
