// Publishing as a part of a pass over the days.

import { readLakeSettings } from "../../query_results/archive/lake.ts";
import type { RootIndex } from "../../query_results/archive/published.ts";
import { logger } from "../../shared/log.ts";
import { readS3Keys } from "../../shared/s3/access.ts";
import { Bucket } from "../../shared/s3/bucket.ts";
import type { DayPublisher, DaysContext } from "../days/context.ts";
import type { DayFile } from "../days/day_files.ts";
import type { RolloverLine, RolloverPlan } from "../days/rollover.ts";
import { syncLake } from "../lake/sync.ts";
import type { PublishConfig } from "./config.ts";
import { publishDays, reasonUnpublished } from "./publish.ts";

const log = logger("archiver", "days");

/** Publishes in one pass; keeps what the bucket lists for the pass's retention. */
export class Publisher implements DayPublisher {
  /** Null until the bucket was read. */
  #root: RootIndex | null = null;

  constructor(private readonly config: PublishConfig) {}

  /** @throws {UserError} in one line when the bucket cannot be used. */
  async publish(
    context: DaysContext,
    { day, withdraw }: RolloverPlan,
    onLine: (line: RolloverLine) => void,
  ): Promise<void> {
    const config = this.config;
    const { bucket: name, prefix } = config;
    const keys = await readS3Keys(config);
    const bucket = new Bucket({ config, keys, bucket: name, prefix, signal: context.signal });
    this.#root = await publishDays(context, bucket, config.name, { day, withdraw }, onLine);
    if (config.lake === null) return;
    await syncLake(await readLakeSettings(config.lake), bucket, {
      signal: context.signal,
      onLine: (line) => log.info("{day}: {action} {files} files in the lake", { ...line }),
    });
  }

  /** Why a file must stay because its day is not published; null when it may go. */
  async reasonToKeep({ connection }: DaysContext, { day }: DayFile): Promise<string | null> {
    return this.config.before_drop ? await reasonUnpublished(connection, this.#root, day) : null;
  }
}

/** What makes a publisher for each pass; absent where days are not published. */
export function publisherOf(config: PublishConfig | undefined): (() => Publisher) | undefined {
  return config && (() => new Publisher(config));
}
