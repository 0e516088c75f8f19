// Since when this archive has each collector, where several archivers share them: in a key-value bucket, so that a
// restart knows it, too.

import type { NatsConnection } from "nats";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";

const CLAIMS = "GOSSIP_CLAIMS";

const log = logger("archiver", "claims");

/** What this archive has claimed. */
export class Claims {
  readonly #since: Map<string, number>;
  readonly #archive: string;
  readonly #clock: Clock;

  /** @param since is filled by collector: when it came here, µs. What its runs sent before went elsewhere. */
  constructor(archive: string, clock: Clock, since: Map<string, number>) {
    this.#since = since;
    this.#archive = archive;
    this.#clock = clock;
  }

  /** Call it with the collector's consumer in hand: that is what excludes others. @throws {NatsError} */
  async note(connection: NatsConnection, collector: string, replicas: number): Promise<void> {
    const bucket = await connection.jetstream().views.kv(CLAIMS, { history: 1, replicas });
    const entry = await bucket.get(collector);
    const [archive, at] = entry?.string().split(" ") ?? [];
    if (archive === this.#archive && Number.isSafeInteger(Number(at))) {
      this.#since.set(collector, Number(at));
      return;
    }
    const now = this.#clock.now();
    await bucket.put(collector, `${this.#archive} ${now}`);
    this.#since.set(collector, now);
    log.info("{collector} is this archive's from now on", { collector });
  }
}
