// The demo's config files. They say what differs from the defaults, so that they read as examples.

import { dirname, join } from "node:path";

/** Where the batches go. */
export type DemoUplink =
  | { readonly kind: "local"; readonly url: string; readonly tokenFile: string }
  | { readonly kind: "nats"; readonly server: string };

/** What the collector's config says. */
export interface CollectorSettings {
  /** The simulated nodes' addresses. */
  readonly peersFile: string;
  /** How many they are: it connects to all. */
  readonly peers: number;
  /** When it ends by itself, should nobody be left to stop it. */
  readonly longestSeconds: number;
  /** For its key and its spool. */
  readonly dataDir: string;
  /** Where its batches go. */
  readonly uplink: DemoUplink;
}

/** What the archiver's config says. */
export interface ArchiverSettings {
  /** The archive's file. */
  readonly archive: string;
  /** Its API's port. */
  readonly port: number;
  /** Where batches come from beside the API; null: from nowhere else. */
  readonly natsServer: string | null;
}

/** The collector's name in the archive and on the broker. */
export const DEMO_COLLECTOR = "demo";
/** All peers connect within a few seconds. */
const LEAST_DIALS_PER_SECOND = 100;

/** The collector's YAML. */
export function collectorConfig(settings: CollectorSettings): string {
  const { peersFile, peers, dataDir, uplink, longestSeconds } = settings;
  const destination = uplink.kind === "local"
    ? `  kind: local\n  url: ${text(uplink.url)}\n  token_file: ${text(uplink.tokenFile)}`
    : `  kind: nats\n  servers: [${text(uplink.server)}]`;
  return `name: ${DEMO_COLLECTOR}
data_dir: ${text(dataDir)}
run_for: ${longestSeconds}s
peers:
  file: ${text(peersFile)}
  seeds: []
  target: ${peers}
  # Whatever addresses simulated nodes announce, nothing leaves this host.
  allow: [127.0.0.0/8]
  open_networks: [127.0.0.0/8]
  dials_per_second: ${Math.min(1000, Math.max(LEAST_DIALS_PER_SECOND, Math.ceil(peers / 3)))}
gossip:
  # Simulated peers have no backlog to tell first.
  warmup: 0s
batch:
  max_age: 1s
uplink:
${destination}
log:
  format: text
`;
}

/** The archiver's YAML. */
export function archiverConfig({ archive, port, natsServer }: ArchiverSettings): string {
  const nats = natsServer === null ? "" : `nats:\n  servers: [${text(natsServer)}]\n`;
  return `archive: ${text(archive)}
days:
  folder: ${text(join(dirname(archive), "days"))}
api:
  port: ${port}
  viewers: 16
${nats}log:
  format: text
`;
}

/** Any text as YAML: JSON's strings are YAML's too. */
function text(value: string): string {
  return JSON.stringify(value);
}
