// What the writer keeps in memory: names and numbers already given, and the epochs in use. It copies what the archive
// holds; after a failed commit it is discarded and read anew.

import type { DuckDBBlobValue, DuckDBConnection } from "@duckdb/node-api";
import type { Random } from "../../shared/random.ts";
import { rowsOf } from "./database.ts";
import { addAllKeys } from "./cold.ts";
import { Epoch, loadEpoch } from "./epoch.ts";
import { KeyFilter } from "./key_filter.ts";
import { MessageIndex } from "./message_index.ts";

/** Messages remembered by their SHA-256 for certain: more than a day of the real network, 44 MiB at most. */
const INDEXED_MESSAGES = 2 ** 19;
/** The filter of keys is sized for this many times the messages there are. */
const GROWTH = 2;
/** Epochs in memory; the one longest out of use goes first. */
const MAX_EPOCHS = 64;
/** Cold ones included, whether or not their files are there. */
const ALL_MESSAGE_IDS =
  "(SELECT message_id FROM hot_messages UNION ALL SELECT message_id FROM cold_messages)";
/** 8 MiB. */
const MAX_DIGESTS = 2 ** 18;
/** Ids are kept in 32-bit arrays. */
const MAX_ID = 2 ** 31 - 1;

/** Counts up from the largest id given. */
export class IdSequence {
  next: number;

  /** @param what is counted, for the error. */
  constructor(private readonly what: string, next: number) {
    this.next = next;
  }

  /** A new id. @throws {Error} when all are given. */
  take(): number {
    if (this.next > MAX_ID) throw new Error(`the archive is full: ${MAX_ID} ${this.what}`);
    return this.next++;
  }
}

/** What the writer keeps in memory of the archive. */
export class ArchiveState {
  readonly collectors: Map<string, number> = new Map();
  readonly peers: Map<string, number> = new Map();
  /** Hot messages known by their digests alone; the newest ones. */
  readonly digests: Set<number> = new Set();
  readonly ids: {
    readonly collector: IdSequence;
    readonly epoch: IdSequence;
    readonly peer: IdSequence;
    readonly session: IdSequence;
    readonly message: IdSequence;
  };
  readonly #epochs = new Map<string, Epoch>();

  private constructor(readonly messages: MessageIndex, ids: ArchiveState["ids"]) {
    this.ids = ids;
  }

  /**
   * Reads all but the epochs, which are read when first used.
   * @param indexedMessages see {@link MessageIndex}.
   * @param keys the filter of an earlier state of the same archive, unless another process wrote to it since: reading
   * all keys takes seconds. Extra keys, of what was not committed, do no harm.
   */
  static async load(
    connection: DuckDBConnection,
    random: Random,
    indexedMessages: number = INDEXED_MESSAGES,
    keys: KeyFilter | null = null,
  ): Promise<ArchiveState> {
    const next = async (what: string, table: string, column: string) => {
      const [row] = await rowsOf(connection, `SELECT max(${column}) AS last FROM ${table}`);
      return new IdSequence(what, Number(row.last ?? 0) + 1);
    };
    const ids = {
      collector: await next("collectors", "collectors", "collector_id"),
      epoch: await next("epochs", "epochs", "epoch_id"),
      peer: await next("peers", "peers", "peer_id"),
      session: await next("sessions", "sessions", "session_id"),
      message: await next("messages", ALL_MESSAGE_IDS, "message_id"),
    };
    const [counts] = await rowsOf(
      connection,
      "SELECT (SELECT count(*) FROM hot_messages) AS hot, (SELECT count(*) FROM cold_messages) AS cold",
    );
    const isTooSmall = Number(counts.hot) > indexedMessages;
    const forgetful = isTooSmall || Number(counts.cold) > 0;
    const count = Number(counts.hot) + Number(counts.cold);
    const isKept = keys?.isGoodFor(count) ?? false;
    const all = isKept ? keys! : new KeyFilter(GROWTH * (count + indexedMessages));
    if (forgetful && !isKept) await addAllKeys(connection, all);
    const index = new MessageIndex(indexedMessages, random, forgetful, all);
    const state = new ArchiveState(index, ids);
    // An index too small for all hot messages fills with those asked for.
    const messages = isTooSmall
      ? []
      : await rowsOf(connection, "SELECT message_id, sha256 FROM hot_messages");
    for (const { message_id, sha256 } of messages) {
      state.messages.set((sha256 as DuckDBBlobValue).bytes, Number(message_id));
    }
    const digests = await rowsOf(
      connection,
      `SELECT message_id FROM hot_messages WHERE raw IS NULL ORDER BY message_id DESC LIMIT ${MAX_DIGESTS}`,
    );
    for (const { message_id } of digests) state.digests.add(Number(message_id));
    for (const row of await rowsOf(connection, "SELECT collector_id, name FROM collectors")) {
      state.collectors.set(String(row.name), Number(row.collector_id));
    }
    for (const row of await rowsOf(connection, "SELECT peer_id, node_id FROM peers")) {
      state.peers.set(String(row.node_id), Number(row.peer_id));
    }
    return state;
  }

  epochs(): Iterable<Epoch> {
    return this.#epochs.values();
  }

  /** Takes note of a message whose bytes are not stored. */
  addDigest(messageId: number): void {
    if (this.digests.size < MAX_DIGESTS) this.digests.add(messageId);
  }

  /** An epoch in memory. @throws {Error} when {@link loadEpoch} was not called for it. */
  epoch(collector: string, startedAt: number): Epoch {
    const epoch = this.#epochs.get(epochKey(collector, startedAt));
    if (epoch === undefined) throw new Error(`epoch ${collector}/${startedAt} is not loaded`);
    return epoch;
  }

  /** Loads an epoch from the archive, or makes a new one. @returns the epoch, and whether its collector is new too. */
  async loadEpoch(
    connection: DuckDBConnection,
    collector: string,
    startedAt: number,
  ): Promise<{ epoch: Epoch; newCollector: boolean }> {
    const key = epochKey(collector, startedAt);
    let collectorId = this.collectors.get(collector);
    const newCollector = collectorId === undefined;
    if (collectorId === undefined) {
      collectorId = this.ids.collector.take();
      this.collectors.set(collector, collectorId);
    }
    const epoch = this.#epochs.get(key) ??
      await loadEpoch(connection, collectorId, collector, startedAt) ??
      new Epoch(this.ids.epoch.take(), collectorId, collector, startedAt);
    this.#epochs.delete(key);
    this.#epochs.set(key, epoch);
    return { epoch, newCollector };
  }

  shrink(): void {
    for (const epoch of this.#epochs.values()) epoch.shrink();
    for (const key of this.#epochs.keys()) {
      if (this.#epochs.size <= MAX_EPOCHS) break;
      this.#epochs.delete(key);
    }
  }
}

function epochKey(collector: string, startedAt: number): string {
  return `${collector}/${startedAt}`;
}
