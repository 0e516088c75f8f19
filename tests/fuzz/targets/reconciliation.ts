// The reconciliation algorithms on bytes of a peer: sketches, coded symbols and range-based messages.

import {
  type ReconciliationCode,
  ReconciliationFault,
} from "../../../query_results/reconciliation/algorithms/fault.ts";
import {
  MIN_FRAME_BYTES,
  RangeReconciler,
} from "../../../query_results/reconciliation/algorithms/range_based.ts";
import {
  Decoder,
  DEFAULT_KEY,
  Encoder,
} from "../../../query_results/reconciliation/algorithms/riblt.ts";
import { RangeSet } from "../../../query_results/reconciliation/algorithms/range_set.ts";
import { Sketch } from "../../../query_results/reconciliation/algorithms/sketch.ts";
import { Fault } from "../../../shared/errors.ts";
import pinsketch from "../../vectors/pinsketch.json" with { type: "json" };
import { check, refusal, sameBytes, type Target } from "../target.ts";

function outcome(error: unknown): string {
  return refusal(error, ReconciliationFault as typeof Fault<ReconciliationCode>);
}

/** Sketches of 64 bits: what decodes has the same sums, and no more ids than sums. */
export function sketchTarget(): Target {
  return {
    name: "sketch",
    corpus: pinsketch.vectors
      .filter(({ field_bits, capacity }) => field_bits === 64 && capacity <= 16)
      .map(({ sketch_merged }) => Uint8Array.fromHex(sketch_merged)),
    maxBytes: 200,
    run(input) {
      let sketch: Sketch;
      try {
        sketch = Sketch.from(64, input);
      } catch (error) {
        return outcome(error);
      }
      const { ids, failure } = sketch.decode();
      if (failure) return failure;
      const again = new Sketch(64, sketch.capacity);
      again.addAll(ids!);
      check(sameBytes(again.serialize(), input), "decoded to a set that has other sums");
      check(ids!.length <= sketch.capacity, "more ids than sums");
      return `ok ${ids!.length}`;
    },
  };
}

/** Coded symbols of 17 bytes: sum, hash, and a signed count. A difference that is called whole has these symbols. */
export function codedSymbolsTarget(): Target {
  const own = [1n, 2n, 3n], limit = 12;
  const coded = (symbols: bigint[]) => {
    const encoder = new Encoder(symbols), bytes = new DataView(new ArrayBuffer(17 * limit));
    for (let at = 0; at < bytes.byteLength; at += 17) {
      const { sum, hash, count } = encoder.next()!;
      bytes.setBigUint64(at, sum);
      bytes.setBigUint64(at + 8, hash);
      bytes.setInt8(at + 16, count);
    }
    return new Uint8Array(bytes.buffer);
  };
  return {
    name: "coded_symbols",
    corpus: [coded(own), coded([2n, 3n, 4n]), coded([]), coded([7n, 8n, 9n, 10n, 11n])],
    maxBytes: 17 * (limit + 1),
    run(input) {
      const decoder = new Decoder(own, DEFAULT_KEY, limit);
      const bytes = new DataView(input.buffer, input.byteOffset, input.length);
      let state = "more", taken = 0;
      for (let at = 0; state === "more" && at + 17 <= input.length; at += 17, taken++) {
        state = decoder.add({
          sum: bytes.getBigUint64(at),
          hash: bytes.getBigUint64(at + 8),
          count: bytes.getInt8(at + 16),
        });
      }
      const { theirs, ours } = decoder;
      check(theirs.length + ours.length <= taken, "more symbols than coded symbols");
      return state === "done" ? `ok ${theirs.length} ${ours.length}` : state;
    },
  };
}

/** Range-based messages, to a responder and to an initiator with a limited frame. */
export function rangeTarget(): Target {
  const items = Array.from({ length: 90 }, (_, i) => ({
    timestamp: i >> 2,
    id: new Uint8Array(32).fill(i + 1),
  }));
  const set = new RangeSet(items), others = new RangeSet(items.slice(0, 70));
  const first = new RangeReconciler(new RangeSet(items.slice(20))).initiate();
  const few = new RangeReconciler(new RangeSet(items.slice(0, 3))).initiate();
  const answer = new RangeReconciler(others).reconcile(first).reply!;
  return {
    name: "range_message",
    corpus: [first, few, answer],
    maxBytes: 1200,
    run(input) {
      const responder = new RangeReconciler(set, MIN_FRAME_BYTES);
      const initiator = new RangeReconciler(set, MIN_FRAME_BYTES);
      initiator.initiate();
      try {
        const { reply } = responder.reconcile(input);
        check(reply !== null && reply.length <= MIN_FRAME_BYTES, "no reply, or a long one");
        const { have, need } = initiator.reconcile(input);
        check(have.length <= items.length, "more ids to have than items");
        return `ok ${Math.sign(have.length)} ${Math.sign(need.length)}`;
      } catch (error) {
        return outcome(error);
      }
    },
  };
}
