// The open batch of a killed collector, back from its journal. See `journal.ts` for the format.

import * as v from "valibot";
import { crc32 } from "node:zlib";
import { type Batch, COLLECTOR_NAME, VERDICTS } from "../../shared/batch/batch.ts";
import { MAX_BATCH_RECEIPTS } from "../../shared/batch/body.ts";
import { decodeEvents } from "../../shared/batch/events.ts";
import { BatchFault } from "../../shared/batch/fault.ts";
import {
  type BatchHead,
  CHUNK_PREFIX_BYTES,
  ITEM,
  JSON_ITEM_BYTES,
  type Place,
  PLACED_ITEM_BYTES,
  RAW_ITEM_BYTES,
  RECEIPT_ITEM_BYTES,
  VERDICT_ITEM_BYTES,
} from "./journal.ts";
import { OpenBatch } from "./open_batch.ts";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const headSchema: v.GenericSchema<BatchHead> = v.strictObject({
  collector: v.pipe(v.string(), v.regex(COLLECTOR_NAME)),
  epoch: whole,
  number: whole,
  receiptsBefore: whole,
});

/**
 * The last batch of a journal, as far as its chunks are whole; null when it holds nothing.
 * @param places gets where logs were read up to.
 * @throws {BatchFault} when a chunk's CRC-32 fits but its items do not decode.
 */
export function readJournal(
  bytes: Uint8Array,
  places: Map<number, Place> = new Map(),
): Batch | null {
  const batch = new OpenBatch(MAX_BATCH_RECEIPTS);
  let head: BatchHead | null = null;
  let isEmpty = true;
  for (const payload of chunks(bytes)) {
    for (let at = 0; at < payload.length;) {
      const item = new Item(payload, at);
      at += item.length;
      isEmpty = false;
      if (item.kind === ITEM.head) {
        head = item.head();
        batch.take();
        isEmpty = true;
      } else {
        if (batch.isFull) throw new BatchFault("too_large", "journal: more than a batch may take");
        item.addTo(batch);
      }
    }
  }
  for (const [log, place] of batch.places) places.set(log, place);
  if (isEmpty) return null;
  if (head === null) throw new BatchFault("bad_value", "journal: items before any head");
  return { ...head, ...batch.take() };
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + CHUNK_PREFIX_BYTES <= bytes.length;) {
    const start = at + CHUNK_PREFIX_BYTES;
    const end = start + view.getUint32(at, true);
    if (end > bytes.length) return;
    const payload = bytes.subarray(start, end);
    if (crc32(payload) !== view.getUint32(at + 4, true)) return;
    yield payload;
    at = end;
  }
}

class Item {
  readonly kind: number;
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(payload: Uint8Array, at: number) {
    const rest = payload.subarray(at);
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    this.kind = rest[0];
    this.length = itemLength(this.kind, view);
    if (this.length > rest.length) {
      throw new BatchFault(
        "truncated",
        `journal: item of ${this.length} bytes, ${rest.length} left`,
      );
    }
    this.#bytes = rest.subarray(0, this.length);
    this.#view = view;
  }

  head(): BatchHead {
    try {
      return v.parse(headSchema, JSON.parse(new TextDecoder().decode(this.#json())));
    } catch (error) {
      throw new BatchFault("bad_value", "journal: its head does not parse", { cause: error });
    }
  }

  addTo(batch: OpenBatch): void {
    const view = this.#view;
    switch (this.kind) {
      case ITEM.receipt:
      case ITEM.placed: {
        const receivedAt = view.getFloat64(1, true);
        if (!Number.isSafeInteger(receivedAt) || receivedAt < 0) {
          throw new BatchFault("bad_value", `journal: ${receivedAt} is not an instant`);
        }
        const [message, session] = [view.getUint32(9, true), view.getUint32(13, true)];
        return batch.addReceipt(receivedAt, message, session, view.getUint8(17), this.#place());
      }
      case ITEM.raw:
        // A copy: the batch keeps it.
        return batch.addRaw(view.getUint32(1, true), this.#bytes.slice(RAW_ITEM_BYTES));
      case ITEM.verdict: {
        const code = view.getUint8(5);
        if (code >= VERDICTS.length) throw new BatchFault("bad_value", `journal: verdict ${code}`);
        return batch.addVerdict(view.getUint32(1, true), code);
      }
      default: {
        const json = this.#json();
        const [event] = decodeEvents(Uint8Array.of(BRACKET_OPEN, ...json, BRACKET_CLOSE));
        if (event) batch.addEvent(event, json);
      }
    }
  }

  #place(): Place | undefined {
    if (this.kind !== ITEM.placed) return undefined;
    const [log, file, offset] = [18, 26, 34].map((at) => this.#view.getFloat64(at, true));
    return { log, file, offset };
  }

  #json(): Uint8Array {
    return this.#bytes.subarray(JSON_ITEM_BYTES);
  }
}

/** `[` and `]`: events are read as lists. */
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

/** How long an item says it is; past what there is when it cannot even say that. */
function itemLength(kind: number, view: DataView): number {
  const u32 = (at: number) => at + 4 <= view.byteLength ? view.getUint32(at, true) : Infinity;
  switch (kind) {
    case ITEM.receipt:
      return RECEIPT_ITEM_BYTES;
    case ITEM.placed:
      return PLACED_ITEM_BYTES;
    case ITEM.verdict:
      return VERDICT_ITEM_BYTES;
    case ITEM.raw:
      return RAW_ITEM_BYTES + u32(5);
    case ITEM.head:
    case ITEM.event:
      return JSON_ITEM_BYTES + u32(1);
    default:
      throw new BatchFault("bad_value", `journal: item ${kind}`);
  }
}
