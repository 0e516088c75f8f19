// What a collector sends and keeps: batches, their bodies and events, the journal, and the small JSON of the broker.

import { crc32 } from "node:zlib";
import { readJournal } from "../../../collector/receipt/journal_reader.ts";
import { Journal } from "../../../collector/receipt/journal.ts";
import { OpenBatch } from "../../../collector/receipt/open_batch.ts";
import type { Batch } from "../../../shared/batch/batch.ts";
import { decodeBody, encodeBody } from "../../../shared/batch/body.ts";
import { decodeBatch, encodeBatch } from "../../../shared/batch/codec.ts";
import { decodeDigest, encodeDigest } from "../../../shared/batch/digest.ts";
import { decodeEvents } from "../../../shared/batch/events.ts";
import { decodeResendRequest, encodeResendRequest } from "../../../shared/batch/resend_request.ts";
import {
  decodeClockReply,
  decodeHeartbeat,
  encodeMessage,
  MessageFault,
} from "../../../shared/nats/message.ts";
import { BatchMaker, plainMessage } from "../../support/fixtures/batch_maker.ts";
import { sessionFigures } from "../../support/fixtures/session_figures.ts";
import type { Fault } from "../../../shared/errors.ts";
import { batchRefusal, check, refusal, sameBytes, type Target, utf8 } from "../target.ts";

/** Where a batch's header has its CRC-32, and what that is of. */
const CHECKSUM_AT = 4;
const CHECKED_FROM = 8;

/** A batch of a few receipts, one of events and verdicts, and an empty one. */
function batches(): Batch[] {
  const maker = new BatchMaker();
  const at = maker.epoch;
  maker.event({ kind: "run_started", at, version: "1.0.0", target_peers: 3 });
  const sessions = [maker.session(1), maker.session(2)];
  for (let i = 0; i < 6; i++) {
    const message = maker.message(plainMessage(i, 20 + 10 * i));
    for (const session of sessions) maker.receipt(at + i * 1000, message, session);
    maker.verdict(message, i % 2 === 0 ? "valid" : "malformed");
  }
  const full = maker.close();
  maker.event({ kind: "batches_dropped", at, epoch: at, first: 3, last: 9 });
  maker.event({
    kind: "session_closed",
    session: 0,
    at,
    by: "peer",
    reason: "gone",
    ...sessionFigures({ receipts: 6, bytes_in: 1000, bytes_out: 10, first_gossip_at: at }),
  });
  const figures = sessionFigures({ pings_sent: 2, pings_answered: 2, rtt_min: 1, rtt_max: 3 });
  maker.event({ kind: "session_state", session: 1, at, ...figures });
  const dial = { outcome: "refused", address: "onion", count: 2 } as const;
  maker.event({ kind: "dial_outcomes", since: at, at: at + 9, dials: [dial] });
  maker.event({ kind: "stalled", since: at - 9, at });
  const source = { name: "node", kind: "cln_io_log", uncertainty: 9 } as const;
  maker.event({ kind: "log_gap", source, since: at - 9, at, reason: "gone" });
  maker.event({ kind: "clock_sample", at, offset: -5, uncertainty: 7 });
  maker.event({ kind: "run_ended", at, receipts: 12 });
  return [full, maker.close(), maker.close()];
}

/** A whole batch; its CRC-32 is put right, for it would stop every change. */
export function batchTarget(): Target {
  return {
    name: "batch",
    corpus: batches().map(encodeBatch),
    maxBytes: 1500,
    run(input) {
      if (input.length >= CHECKED_FROM) {
        const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
        view.setUint32(CHECKSUM_AT, crc32(input.subarray(CHECKED_FROM)), true);
      }
      let batch: Batch;
      try {
        batch = decodeBatch(input);
      } catch (error) {
        return batchRefusal(error);
      }
      const again = encodeBatch(batch);
      check(sameBytes(encodeBatch(decodeBatch(again)), again), "it is another one when sent again");
      return `ok ${batch.collector.length} ${batch.events.length}`;
    },
  };
}

/** A batch's body, uncompressed. */
export function bodyTarget(): Target {
  return {
    name: "batch_body",
    corpus: batches().map(encodeBody),
    maxBytes: 2500,
    run(input) {
      try {
        const body = decodeBody(input);
        const again = encodeBody(body);
        check(sameBytes(encodeBody(decodeBody(again)), again), "it is another one when sent again");
        const { messages, verdicts, receipts, events } = body;
        const counts = [messages.raws, verdicts.codes, receipts.flags, events];
        return `ok ${counts.map(({ length }) => Math.min(length, 4))}`;
      } catch (error) {
        return batchRefusal(error);
      }
    },
  };
}

/** A journal's payload in a chunk whose CRC-32 fits. */
export function journalTarget(): Target {
  const chunks: Uint8Array[] = [];
  const journal = new Journal({ append: (chunk) => chunks.push(chunk.slice()), clear() {} });
  const corpus = batches().map((batch) => {
    journal.begin(batch);
    journal.settle();
    const open = new OpenBatch(100, journal);
    batch.messages.raws.forEach((raw, i) => open.addRaw(batch.messages.numbers[i], raw));
    batch.receipts.receivedAt.forEach((at, i) => {
      const { messages, sessions, flags } = batch.receipts;
      open.addReceipt(at, messages[i], sessions[i], flags[i]);
    });
    batch.verdicts.numbers.forEach((number, i) => open.addVerdict(number, batch.verdicts.codes[i]));
    for (const event of batch.events) open.addEvent(event, utf8(JSON.stringify(event)));
    journal.flush();
    return (chunks.pop() ?? new Uint8Array(8)).subarray(8);
  });
  return {
    name: "journal",
    corpus,
    maxBytes: 2500,
    run(input) {
      const bytes = new Uint8Array(8 + input.length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, input.length, true);
      view.setUint32(4, crc32(input), true);
      bytes.set(input, 8);
      try {
        const batch = readJournal(bytes);
        if (batch === null) return "nothing";
        encodeBatch(batch);
        return `ok ${Math.min(batch.receipts.flags.length, 3)} ${batch.events.length}`;
      } catch (error) {
        return batchRefusal(error);
      }
    },
  };
}

/** A list of events. */
export function eventsTarget(): Target {
  return {
    name: "events",
    corpus: batches().map(({ events }) => utf8(JSON.stringify(events))),
    maxBytes: 1500,
    run(input) {
      try {
        return `ok ${decodeEvents(input).map(({ kind }) => kind)}`;
      } catch (error) {
        return batchRefusal(error);
      }
    },
  };
}

/** What an archive asks for. */
export function resendRequestTarget(): Target {
  const resend = { epoch: 1_758_844_800_000_000, messages: [1, 2, 70_000], sessions: [] };
  return {
    name: "resend_request",
    corpus: [resend, { ...resend, sessions: [4_294_967_295] }].map(encodeResendRequest),
    maxBytes: 500,
    run(input) {
      try {
        const { messages, sessions } = decodeResendRequest(input);
        return `ok ${Math.min(messages.length, 3)} ${Math.min(sessions.length, 3)}`;
      } catch (error) {
        return batchRefusal(error);
      }
    },
  };
}

/** What goes over core NATS beside the batches: heartbeats, and what time it is. */
export function heartbeatTarget(): Target {
  const at = 1_758_844_800_000_000;
  const heartbeat = { at, epoch: at, version: "1.0.0", peers: 9, receipts: 100, spool_bytes: 4096 };
  const refused = { revision: 4, reason: "no" };
  const steering = { revision: 3, listed: 9, refused, paused: false };
  return {
    name: "heartbeat",
    corpus: [heartbeat, { ...heartbeat, steering }, { at, archive: "x" }].map((message) =>
      new Uint8Array(encodeMessage(message))
    ),
    maxBytes: 500,
    run(input) {
      try {
        check(Number.isSafeInteger(decodeClockReply(input).at), "a time is no instant");
        return `ok ${Object.keys(decodeHeartbeat(input))}`;
      } catch (error) {
        return refusal(error, MessageFault as typeof Fault<string>);
      }
    },
  };
}

/** Digests of messages that are not stored. */
export function digestTarget(): Target {
  const facts = {
    type: 257,
    size: 170,
    scid: 7n,
    direction: 1 as const,
    nodeId: `02${"5".repeat(64)}`,
    ownTimestamp: 9,
    innerId: new Uint8Array(16),
  };
  const bare = { ...facts, scid: null, direction: null, nodeId: null, innerId: null };
  const sha256 = new Uint8Array(32).fill(3);
  return {
    name: "digest",
    corpus: [encodeDigest({ sha256, facts }), encodeDigest({ sha256, facts: bare })],
    maxBytes: 200,
    run(input) {
      const digest = decodeDigest(input);
      if (digest === null) return "none";
      check(digest.sha256.length === 32 && digest.facts.size <= 65_535, "a field is out of bounds");
      check(decodeDigest(encodeDigest(digest)) !== null, "it cannot be written as it was read");
      return `ok ${input[3]}`;
    },
  };
}
