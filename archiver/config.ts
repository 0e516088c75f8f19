// The archiver's config file; `archiver.example.yaml` documents each key.

import * as v from "valibot";
import type { ReaderOptions } from "../query_results/archive/open.ts";
import { COLLECTOR_NAME } from "../shared/batch/batch.ts";
import { duration, group, integer, oneOf, size, text } from "../shared/config.ts";
import { LOG_LEVELS } from "../shared/log.ts";
import { natsServerEntries, STREAM_NAME } from "../shared/nats/access.ts";
import { STREAM } from "../shared/subjects.ts";
import { DAY_MS } from "../shared/time.ts";
import { AnalyticsConfigSchema } from "./analytics/config.ts";
import { PostgresConfigSchema } from "./postgres/config.ts";
import { publishSchema } from "./publish/config.ts";
import type { LimitOptions } from "./intake/limits.ts";

const MINUTE_MS = 60_000;
const MAX_KEEP_MS = 36_500 * DAY_MS;
const MIB = 1024 ** 2;
const TIB = 1024 ** 4;

/**
 * Receipts per transaction: four of DuckDB's row groups. Full row groups leave no remainder for the next checkpoint to
 * rewrite: compared with two, 16 million receipts took 5 % less time and 6 % less disk.
 */
/** Where snapshots go by default. */
export const SNAPSHOTS_FOLDER = "archive/snapshots";

export const DEFAULT_MAX_RECEIPTS = 491_520;

/** At most 16 GiB (1 MiB each); at the usual 10 to 30 KiB less than 1 GiB. */
const DEFAULT_MAX_BATCHES = 16_384;

const nats = v.strictObject({
  ...natsServerEntries,
  stream: v.optional(text(STREAM_NAME, "letters, digits, _ and -"), STREAM),
  max_batches: v.optional(integer(1, 100_000_000), DEFAULT_MAX_BATCHES),
  replicas: v.optional(integer(1, 5), 1),
  collectors: v.optional(v.pipe(
    v.array(text(COLLECTOR_NAME, "a collector's name"), "should be a list of collectors' names"),
    v.maxLength(500, "should name at most 500 collectors"),
  )),
}, "should be a group of keys with servers, or be left out");

const path = text(/^[^\0]{1,4096}$/, "the path of a file");

const quack = v.strictObject({
  listen: v.optional(
    text(/^([0-9.]+|\[[0-9A-Fa-f:]+\]|localhost):\d{1,5}$/, "an address and a port"),
    "127.0.0.1:9494",
  ),
  extensions: v.optional(v.nullable(path), null),
  token_file: v.optional(v.nullable(path), null),
}, "should be a group of keys such as listen, or be left out");

const schema = v.strictObject({
  archive: v.optional(
    text(/^[^\0:]{1,4096}$/, "the path of a file, without colons"),
    "archive/gossip.duckdb",
  ),
  memory_limit: v.optional(size(64 * MIB, 64 * TIB), "1GiB"),
  threads: v.optional(integer(1, 256), 2),
  api: group({
    host: v.optional(
      text(/^[0-9A-Fa-f:.]{2,45}$|^localhost$/, "an address of this host, such as 127.0.0.1"),
      "127.0.0.1",
    ),
    port: v.optional(integer(0, 65_535), 8470),
    token_file: v.optional(v.nullable(path), null),
    names: v.optional(v.array(text(/^[A-Za-z0-9.-]{1,253}$/, "a host name")), []),
    viewers: v.optional(integer(0, 1000), 0),
  }),
  nats: v.optional(nats),
  quack: v.optional(quack),
  commit: group({
    max_receipts: v.optional(integer(1, 10_000_000), DEFAULT_MAX_RECEIPTS),
    max_wait: v.optional(duration(0, MINUTE_MS), "50ms"),
  }),
  limits: group({
    bytes_per_hour: v.optional(size(MIB, 64 * TIB), "32GiB"),
    messages_per_hour: v.optional(integer(1, 1_000_000_000), 1_000_000),
    sessions_per_hour: v.optional(integer(1, 1_000_000_000), 100_000),
    ahead: v.optional(duration(1000, 366 * DAY_MS), "1d"),
  }),
  snapshots: group({
    folder: v.optional(text(/^[^\0]{1,4096}$/, "the path of a folder"), SNAPSHOTS_FOLDER),
    max_files: v.optional(integer(1, 10_000), 3),
  }),
  days: group({
    folder: v.optional(
      text(/^[^\0*?[\]]{1,4096}$/, "the path of a folder, without * ? [ ]"),
      "archive/days",
    ),
    after: v.optional(duration(0, 30 * DAY_MS), "6h"),
    keep_hot: v.optional(v.nullable(duration(0, MAX_KEEP_MS)), "7d"),
    keep_files: v.optional(v.nullable(duration(0, MAX_KEEP_MS)), null),
    apply: v.optional(v.boolean("should be true or false"), false),
    publish: v.optional(publishSchema),
  }),
  analytics: AnalyticsConfigSchema,
  postgres: PostgresConfigSchema,
  log: group({
    level: v.optional(oneOf(LOG_LEVELS), "info"),
    format: v.optional(oneOf(["auto", "text", "json"]), "auto"),
  }),
});

/** An archiver's config, checked and with its defaults; see `archiver.example.yaml`. Times in ms, sizes in bytes. */
export type ArchiverConfig = v.InferOutput<typeof schema>;

export const ArchiverConfigSchema: v.GenericSchema<unknown, ArchiverConfig> = schema;

/** What one collector may bring. */
export function limitOptions({ limits }: ArchiverConfig): LimitOptions {
  return {
    bytesPerHour: limits.bytes_per_hour,
    messagesPerHour: limits.messages_per_hour,
    sessionsPerHour: limits.sessions_per_hour,
    aheadMs: limits.ahead,
  };
}

/** The config's limits for a command that opens the archive by itself. */
export function readerLimits({ memory_limit, threads }: ArchiverConfig): ReaderOptions {
  return { memoryLimit: `${Math.ceil(memory_limit / 1024)}KiB`, threads };
}
