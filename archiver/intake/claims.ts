// Where several archivers share collectors, a key-value bucket says for each since when its archive has it, and which of its
// batches archives before have: the collector may not know that these arrived, and send them again.

import type { KV, NatsConnection } from "nats";
import * as v from "valibot";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { type BatchRange, type Claimed, covers } from "../store/claimed.ts";

const CLAIMS = "GOSSIP_CLAIMS";
/** Per collector; the oldest make way. */
const MAX_RANGES = 1000;

const log = logger("archiver", "claims");

const whole = v.pipe(v.number(), v.safeInteger());
const entry = v.object({
  archive: v.string(),
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
  /** What this archive has of a collector. */
  readonly archived: (collector: string) => Promise<readonly BatchRange[]>;
}

/** What this archive has claimed. */
export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Call it with the collector's consumer in hand: that is what excludes others. @throws {NatsError} */
  async note(connection: NatsConnection, collector: string): Promise<void> {
    const { archive, clock, claimed } = this.#options;
    const bucket = await this.#bucket(connection);
    let found = await read(bucket, collector);
    if (found?.archive !== archive) {
      found = { archive, since: clock.now(), elsewhere: found?.elsewhere ?? [] };
      await bucket.put(collector, JSON.stringify(found));
      log.info("{collector} is this archive's from now on", { collector });
    }
    claimed.set(collector, found);
  }

  /** Call it when all that the consumer brought is committed, before it is deleted. @throws {NatsError} */
  async handOver(connection: NatsConnection, collector: string): Promise<void> {
    const { archive, archived, clock } = this.#options;
    const own = await archived(collector);
    const bucket = await this.#bucket(connection);
    const found = await read(bucket, collector);
    const others = found?.elsewhere.filter((range) => !covers(own, range)) ?? [];
    const elsewhere = [...others, ...own].slice(-MAX_RANGES);
    const since = found?.since ?? clock.now();
    await bucket.put(collector, JSON.stringify({ archive, since, elsewhere }));
  }

  /** Its leader answers: the next archive may ask at once. */
  async #bucket(connection: NatsConnection): Promise<KV> {
    const { replicas } = this.#options;
    const options = { history: 1, replicas, allow_direct: false };
    return await connection.jetstream().views.kv(CLAIMS, options);
  }
}

async function read(bucket: KV, collector: string): Promise<Entry | null> {
  const found = await bucket.get(collector);
  try {
    return v.parse(entry, found?.json());
  } catch {
    return null;
  }
}
