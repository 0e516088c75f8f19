// Where several archivers share collectors, a key-value bucket says whose each is, since when, and which of its batches
// archives before have: the collector may not know that these arrived, and send them again.

import type { KV, NatsConnection } from "nats";
import * as v from "valibot";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { senderOf } from "../../shared/subjects.ts";
import { printable } from "../../shared/text.ts";
import { isoTime } from "../../shared/time.ts";
import { ClaimedByAnother, subjectsOf } from "./stream.ts";
import { type BatchRange, type Claimed, covers } from "../store/claimed.ts";

const CLAIMS = "GOSSIP_CLAIMS";
/** Per collector; the oldest make way. */
const MAX_RANGES = 1000;

const log = logger("archiver", "claims");

const whole = v.pipe(v.number(), v.safeInteger());
const entry = v.object({
  archive: v.string(),
  /** Whether it has let go. */
  isFree: v.boolean(),
  since: whole,
  elsewhere: v.array(v.tuple([whole, whole, whole])),
});
type Entry = Readonly<v.InferOutput<typeof entry>>;

export interface ClaimsOptions {
  readonly archive: string;
  readonly replicas: number;
  readonly clock: Clock;
  /** Filled by collector. */
  readonly claimed: Map<string, Claimed>;
  /** Collectors of which this archive has anything. */
  readonly known: () => Promise<readonly string[]>;
  /** What this archive has of a collector. */
  readonly archived: (collector: string) => Promise<readonly BatchRange[]>;
}

/** What this archive has claimed. A collector's consumer is its owner's, who may be away or make it anew. */
export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Collectors that are this archive's. @throws {NatsError} */
  async held(connection: NatsConnection): Promise<string[]> {
    const entries = await this.#entries(connection);
    return entries.filter(([, { archive, isFree }]) => archive === this.#options.archive && !isFree)
      .map(([collector]) => collector);
  }

  /** Of an archive that takes all collectors: reads what others had. @throws {ClaimedByAnother} @throws {NatsError} */
  async learn(connection: NatsConnection): Promise<void> {
    const { archive, claimed } = this.#options;
    for (const [collector, entry] of await this.#entries(connection)) {
      if (!entry.isFree && entry.archive !== archive) throw claimedBy(collector, entry);
      claimed.set(collector, entry);
    }
  }

  /** Of an archive that took all collectors: says what it has of those that it no longer takes. @throws {NatsError} */
  async tell(connection: NatsConnection, taken: readonly string[]): Promise<void> {
    const { archive, archived, clock, known } = this.#options;
    const bucket = await this.#bucket(connection);
    for (const collector of await known()) {
      const own = taken.includes(collector) ? [] : await archived(collector);
      if (own.length === 0) continue;
      const { entry, revision } = await read(bucket, collector);
      if (entry && own.every((range) => covers(entry.elsewhere, range))) continue;
      const free: Entry = { archive, isFree: true, since: clock.now(), elsewhere: [] };
      const told = { ...entry ?? free, elsewhere: together(entry, own) };
      await bucket.put(collector, JSON.stringify(told), { previousSeq: revision });
    }
  }

  async #entries(connection: NatsConnection): Promise<[collector: string, Entry][]> {
    const subjects = await subjectsOf(connection, `KV_${CLAIMS}`);
    if (subjects.length === 0) return [];
    const bucket = await this.#bucket(connection);
    const found = subjects.map(senderOf).map(async (collector) => {
      const { entry } = await read(bucket, collector);
      return entry ? [[collector, entry] as [string, Entry]] : [];
    });
    return (await Promise.all(found)).flat();
  }

  /** @throws {ClaimedByAnother} @throws {NatsError} */
  async claim(connection: NatsConnection, collector: string): Promise<void> {
    const { archive, clock, claimed } = this.#options;
    const bucket = await this.#bucket(connection);
    const { entry, revision } = await read(bucket, collector);
    if (entry?.archive === archive && !entry.isFree) {
      claimed.set(collector, entry);
      return;
    }
    if (entry?.isFree === false) {
      claimed.delete(collector);
      throw claimedBy(collector, entry);
    }
    const { elsewhere = [] } = entry ?? {};
    const own: Entry = { archive, isFree: false, since: clock.now(), elsewhere };
    await bucket.put(collector, JSON.stringify(own), { previousSeq: revision });
    claimed.set(collector, own);
    log.info("{collector} is this archive's from now on", { collector });
  }

  /** The archive that takes a collector's batches; null when none does. @throws {NatsError} */
  async owner(connection: NatsConnection, collector: string): Promise<string | null> {
    const { entry } = await read(await this.#bucket(connection), collector);
    return entry?.isFree === false ? entry.archive : null;
  }

  /**
   * Call it when all that the consumer brought is committed, and it is deleted.
   * @returns how many batches the next archive will refuse. @throws {NatsError}
   */
  async handOver(connection: NatsConnection, collector: string): Promise<number> {
    const { archive, archived, claimed, clock } = this.#options;
    const own = await archived(collector);
    const bucket = await this.#bucket(connection);
    const { entry, revision } = await read(bucket, collector);
    const elsewhere = together(entry, own);
    const since = entry?.since ?? clock.now();
    const free: Entry = { archive, isFree: true, since, elsewhere };
    await bucket.put(collector, JSON.stringify(free), { previousSeq: revision });
    claimed.delete(collector);
    return elsewhere.reduce((sum, [, first, last]) => sum + last - first + 1, 0);
  }

  /** Its leader answers: the next archive may ask at once. */
  async #bucket(connection: NatsConnection): Promise<KV> {
    const { replicas } = this.#options;
    const options = { history: 1, replicas, allow_direct: false };
    return await connection.jetstream().views.kv(CLAIMS, options);
  }
}

function claimedBy(collector: string, { archive, since }: Entry): ClaimedByAnother {
  return new ClaimedByAnother(
    `archive ${printable(archive)} has ${printable(collector)} since ${
      isoTime(since)
    }: name it in the ` +
      "nats.collectors of one archiver alone; if that archive is gone for good, run deno task archive release",
  );
}

/** What an entry names and an archive has. */
function together(entry: Entry | null, own: readonly BatchRange[]): BatchRange[] {
  const others = entry?.elsewhere.filter((range) => !covers(own, range)) ?? [];
  return [...others, ...own].slice(-MAX_RANGES);
}

async function read(
  bucket: KV,
  collector: string,
): Promise<{ entry: Entry | null; revision: number }> {
  const found = await bucket.get(collector);
  const revision = found?.revision ?? 0;
  try {
    return { entry: v.parse(entry, found?.json()), revision };
  } catch {
    return { entry: null, revision };
  }
}
