// The collector's config file; `collector.example.yaml` documents each key.

import * as v from "valibot";
import { DEFAULT_TOKEN_FILE } from "../shared/api_token.ts";
import { COLLECTOR_NAME } from "../shared/batch/batch.ts";
import type { Flag } from "../shared/cli.ts";
import { duration, group, integer, oneOf, readConfig, size, text } from "../shared/config.ts";
import { NETWORKS } from "../shared/bolt/chains.ts";
import {
  nameServer,
  networkList,
  nodeAndNetworkList,
  proxy,
  seedList,
} from "./addresses/config.ts";
import { HOST_KINDS } from "./addresses/endpoint.ts";
import { sourceList } from "./sources/config.ts";
import { MAX_PEERS, share, STEERED } from "../shared/fleet/wish.ts";
import { FSYNC_POLICIES } from "./spool/syncer.ts";
import { LOG_LEVELS } from "../shared/log.ts";
import { natsServerEntries, STREAM_NAME } from "../shared/nats/access.ts";
import { STREAM } from "../shared/subjects.ts";
import { expectPermitted } from "../shared/sandbox.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 * 1024 * MIB;

/** The only port that the collector's permission set lets it listen on. */
export const METRICS_PORT = 8471;
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1)$/;

const path = text(/^[^\0]{1,4096}$/, "the path of a file or folder");

const localUplink = v.strictObject({
  kind: v.literal("local"),
  url: v.optional(
    text(/^http:\/\/[^\s/]+\/?$/, "the archiver's API, such as http://127.0.0.1:8470"),
    "http://127.0.0.1:8470",
  ),
  token_file: v.optional(path, DEFAULT_TOKEN_FILE),
});

const natsUplink = v.strictObject({
  kind: v.literal("nats"),
  ...natsServerEntries,
  stream: v.optional(text(STREAM_NAME, "letters, digits, _ and -"), STREAM),
  max_outstanding: v.optional(integer(1, 1024), 32),
});

const schema = v.strictObject({
  name: text(COLLECTOR_NAME, "1 to 63 lower-case letters, digits and dashes"),
  network: v.optional(oneOf(NETWORKS), "bitcoin"),
  data_dir: v.optional(path, "collector-data"),
  run_for: v.optional(duration(SECOND, 3650 * DAY)),
  peers: group({
    file: v.optional(path),
    seeds: v.optional(seedList),
    kinds: v.optional(STEERED.kinds, [...HOST_KINDS]),
    tor_share: v.optional(share(0), 0),
    proxy: v.optional(proxy),
    name_server: v.optional(nameServer),
    allow: v.optional(nodeAndNetworkList),
    deny: v.optional(nodeAndNetworkList, []),
    open_networks: v.optional(networkList),
    save_every: v.optional(duration(MINUTE, DAY), "10m"),
    rotate_every: v.optional(STEERED.rotate_every),
    rotate_share: v.optional(STEERED.rotate_share, 0.1),
    target: v.optional(STEERED.target, 500),
    dials_per_second: v.optional(integer(1, 1000), 10),
    max_pending: v.optional(integer(1, 1000), 64),
    bootstrap: v.optional(integer(0, 100), 3),
    connect_timeout: v.optional(duration(100, 5 * MINUTE), "10s"),
    handshake_timeout: v.optional(duration(100, 5 * MINUTE), "15s"),
    init_timeout: v.optional(duration(100, 5 * MINUTE), "15s"),
  }),
  sources: sourceList,
  gossip: group({
    lookback: v.optional(duration(0, 14 * DAY), "1h"),
    warmup: v.optional(duration(0, DAY), "10m"),
    sync: group({
      peers: v.optional(integer(1, 100), 3),
      every: v.optional(duration(10 * MINUTE, 30 * DAY), "6h"),
    }),
    answers: group({
      past: v.optional(v.boolean("should be true or false"), true),
      disabled_channels: v.optional(v.boolean("should be true or false"), false),
      max_channels: v.optional(integer(1, 100_000), 100_000),
      peer_rate: v.optional(size(KIB, 16 * MIB), "50KiB"),
      peer_burst: v.optional(size(64 * KIB, 64 * MIB), "1MiB"),
      total_rate: v.optional(size(KIB, 1024 * MIB), "1MiB"),
      total_burst: v.optional(size(64 * KIB, 1024 * MIB), "8MiB"),
    }),
  }),
  batch: group({
    max_receipts: v.optional(integer(1, 100_000), 16_384),
    max_bytes: v.optional(size(4 * KIB, 768 * KIB), "256KiB"),
    max_age: v.optional(duration(50, 10 * MINUTE), "2s"),
  }),
  spool: group({
    max_bytes: v.optional(size(MIB, 64 * TIB), "4GiB"),
    segment_bytes: v.optional(size(64 * KIB, 1024 * MIB), "16MiB"),
    fsync: v.optional(oneOf(FSYNC_POLICIES), "segment"),
  }),
  uplink: v.optional(
    v.variant("kind", [localUplink, natsUplink], "should have kind: local or kind: nats"),
    { kind: "local" },
  ),
  metrics: v.optional(group({
    host: v.optional(text(LOOPBACK, "an address of loopback: 127.0.0.1 or ::1"), "127.0.0.1"),
    port: v.optional(integer(1, 65_535), METRICS_PORT),
  })),
  stop_timeout: v.optional(duration(0, HOUR), "30s"),
  log: group({
    level: v.optional(oneOf(LOG_LEVELS), "info"),
    format: v.optional(oneOf(["auto", "text", "json"]), "auto"),
  }),
});

/** A collector's config, checked and with its defaults; see `collector.example.yaml`. Times in ms, sizes in bytes. */
export type CollectorConfig = v.InferOutput<typeof schema>;

export const CollectorConfigSchema: v.GenericSchema<unknown, CollectorConfig> = v.pipe(
  schema,
  v.forward(
    v.partialCheck(
      [["peers", "target"], ["sources"]],
      ({ peers, sources }) => peers.target > 0 || sources.length > 0,
      `should be an integer from 1 to ${MAX_PEERS}`,
    ),
    ["peers", "target"],
  ),
);

export const CONFIG_FLAG = {
  type: "string",
  value: "FILE",
  help: "the config file",
  default: "collector.yaml",
} as const satisfies Flag;

/** Reads a collector's config. @throws {UserError} when it cannot be read, or has faults: all of them. */
export function readCollectorConfig(path: string): Promise<CollectorConfig> {
  expectPermitted([{ kind: "read", key: "--config", value: path }], "collector");
  return readConfig(path, CollectorConfigSchema, "collector/collector.example.yaml");
}
