// A gossip_store into an archive: texts for messages that have none, and keys for updates that nothing proved. Messages that
// no peer was heard to send stay out: the archive's messages are those of receipts.

import { createHash } from "node:crypto";
import { BLOB, LIST, listValue } from "@duckdb/node-api";
import type { Verdict } from "../../shared/batch/batch.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { readRecords, StoreReader, storeVersion } from "../../shared/node_logs/gossip_store.ts";
import { bytes } from "../store/rows.ts";
import { isUndecided } from "../store/sql.ts";
import { StagedChanges } from "../store/staged.ts";
import type { Store } from "../store/store.ts";

/** Messages looked up at once. */
const CHUNK_MESSAGES = 8192;

/** Whether a file that starts so is a store: its first record is whole, or it has none yet. */
export function isGossipStore(head: Uint8Array): boolean {
  try {
    const version = storeVersion(head[0]);
    return head.length === 1 || readRecords(head.subarray(1), version).used > 0;
  } catch {
    return false;
  }
}

/**
 * Imports one. @param judge a message's verdict; it remembers the channels that it has seen announced.
 * @returns a line on what became of it. @throws {UserError} when it cannot be read.
 */
export async function importStore(
  stream: ReadableStream<Uint8Array>,
  store: Store,
  judge: (raw: Uint8Array) => Verdict,
): Promise<string> {
  const counts = { messages: 0, valid: 0, known: 0, filled: 0, judged: 0 };
  let waiting: { raw: Uint8Array; verdict: Verdict }[] = [];
  const flush = async () => {
    await settle(store, waiting, counts);
    waiting = [];
  };
  const reader = new StoreReader();
  for await (const found of messagesIn(stream, reader)) {
    for (const view of found) {
      const raw = view.slice();
      const verdict = judge(raw);
      counts.messages++;
      if (verdict === "valid") counts.valid++;
      waiting.push({ raw, verdict });
      if (waiting.length >= CHUNK_MESSAGES) await flush();
    }
  }
  await flush();
  await judgeAgain(store, judge, counts);
  const { messages, valid, known, filled, judged } = counts;
  const { version, unread: left } = reader;
  const unread = left > 0 ? `, ${left} bytes at its end are no whole records` : "";
  return `gossip_store of version ${version}, ${messages} messages, ${valid} of them valid${unread}; ` +
    `${known} are in the archive, which got ${filled} texts and ${judged} verdicts`;
}

/** Of each chunk of a store. @throws {UserError} when it cannot be read. */
async function* messagesIn(stream: ReadableStream<Uint8Array>, reader: StoreReader) {
  try {
    for await (const chunk of stream) yield reader.push(chunk);
  } catch (error) {
    throw new UserError(`Cannot read the gossip_store: ${errorText(error)}`, { cause: error });
  }
}

interface Counts {
  known: number;
  filled: number;
  judged: number;
}

async function settle(
  store: Store,
  messages: readonly { raw: Uint8Array; verdict: Verdict }[],
  counts: Counts,
): Promise<void> {
  const byHash = new Map(
    messages.map((each) => [createHash("sha256").update(each.raw).digest("hex"), each]),
  );
  const hashes = listValue([...byHash.keys()].map((hex) => bytes(Uint8Array.fromHex(hex))));
  const rows = await store.read(
    `SELECT m.message_id, lower(hex(m.sha256)) AS sha256, m.raw IS NULL AS is_bare, ${
      isUndecided("m.verdict")
    } AS is_undecided
    FROM messages m WHERE m.sha256 IN (SELECT unnest($1))`,
    [hashes],
    [LIST(BLOB)],
  );
  const changes = new StagedChanges();
  for (const { message_id, sha256, is_bare, is_undecided } of rows) {
    const { raw, verdict } = byHash.get(String(sha256))!;
    counts.known++;
    if (is_bare) {
      changes.raw(Number(message_id), raw);
      counts.filled++;
    }
    if (is_undecided && verdict === "valid") {
      changes.verdict(Number(message_id), verdict);
      counts.judged++;
    }
  }
  await store.change((connection) => changes.apply(connection));
}

/** Updates whose channel nobody had announced, once the store has. */
async function judgeAgain(
  store: Store,
  judge: (raw: Uint8Array) => Verdict,
  counts: Counts,
): Promise<void> {
  for (let after = -1n;;) {
    const rows = await store.read(
      `SELECT message_id, raw FROM messages
      WHERE type = 258 AND ${isUndecided("verdict")} AND raw IS NOT NULL AND message_id > ${after}
      ORDER BY message_id LIMIT ${CHUNK_MESSAGES}`,
    );
    if (rows.length === 0) return;
    const changes = new StagedChanges();
    for (const { message_id, raw } of rows) {
      after = message_id as bigint;
      const verdict = judge((raw as { bytes: Uint8Array }).bytes);
      if (verdict !== "valid" && verdict !== "invalid") continue;
      changes.verdict(Number(message_id), verdict);
      counts.judged++;
    }
    await store.change((connection) => changes.apply(connection));
  }
}
