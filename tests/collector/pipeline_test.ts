import assert from "node:assert/strict";
import { RECEIPT_WARMUP } from "../../shared/batch/batch.ts";
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
