// The files of a fleet: a broker or a cluster of three, one archive host, N collectors.

import { readWishSubject, wishSubject } from "../../shared/fleet/wish.ts";
import {
  batchSubject,
  clockSubject,
  heartbeatSubject,
  nameSubject,
  resendSubject,
} from "../../shared/subjects.ts";

export interface Fleet {
  readonly collectors: readonly string[];
  /** Addresses: one, or three that form a cluster. */
  readonly brokers: readonly string[];
  /** A user's password: `archiver`, a collector's name, or {@link ROUTE}. */
  readonly passwords: ReadonlyMap<string, string>;
  /** Whether each collector has a list of peers, `peers.txt`. */
  readonly hasPeers: boolean;
}

export interface FleetFile {
  readonly path: string;
  readonly text: string;
  /** 0600. */
  readonly isSecret: boolean;
  /** Left alone where it exists: a secret, or a config that its owner may have changed. */
  readonly isKept: boolean;
}

const PORT = 4222;
const CLUSTER_PORT = 6222;
/** The user as which the brokers of a cluster know each other; no collector can have that name. */
export const ROUTE = "broker route";

/** All generated files but the units and install scripts, which are copied. */
export function fleetFiles(fleet: Fleet): FleetFile[] {
  const { collectors, brokers } = fleet;
  const made = (path: string, text: string) => ({ path, text, isSecret: false, isKept: false });
  const config = (path: string, text: string) => ({ path, text, isSecret: false, isKept: true });
  const secret = (path: string, text: string, isKept = true) => ({
    path,
    text,
    isSecret: true,
    isKept,
  });
  return [
    ...brokers.flatMap((broker) => [
      made(`${brokerFolder(brokers, broker)}/nats-server.conf`, serverConfig(collectors, broker)),
      secret(
        `${brokerFolder(brokers, broker)}/nats-passwords.conf`,
        passwordsConfig(fleet) + clusterConfig(fleet, broker),
        false,
      ),
    ]),
    ...brokers.length > 1 ? [secret(passwordPath(ROUTE), `${fleet.passwords.get(ROUTE)!}\n`)] : [],
    config("archive/archiver.yaml", archiverConfig(brokers)),
    secret("archive/archiver-password", `${fleet.passwords.get("archiver")!}\n`),
    made(
      "archive/broker.conf",
      dropIn(brokers, `Environment=BROKER=${brokers.map((one) => hostPort(one)).join()}\n`),
    ),
    ...collectors.flatMap((name) => [
      config(`collectors/${name}/collector.yaml`, collectorConfig(name, fleet)),
      secret(`collectors/${name}/nats-password`, `${fleet.passwords.get(name)!}\n`),
      made(`collectors/${name}/broker.conf`, dropIn(brokers)),
    ]),
  ];
}

/** Where a user's password is kept. */
export function passwordPath(user: string): string {
  if (user === ROUTE) return "broker/route-password";
  return user === "archiver" ? "archive/archiver-password" : `collectors/${user}/nats-password`;
}

/** Where a broker's files are. */
export function brokerFolder(brokers: readonly string[], broker: string): string {
  return brokers.length === 1 ? "broker" : `broker/${broker}`;
}

/** The broker as configs name it. */
export function natsUrl(broker: string): string {
  return `nats://${hostPort(broker)}`;
}

function hostPort(address: string, port = PORT): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function serverList(brokers: readonly string[]): string {
  return `[${brokers.map((broker) => quoted(natsUrl(broker))).join(", ")}]`;
}

/** A collector's account, and the variable of its password, in the broker's config. */
function account(collector: string): string {
  return `COLLECTOR_${collector.toUpperCase().replaceAll("-", "_")}`;
}

function passwordsConfig({ collectors, passwords }: Fleet): string {
  const line = (user: string, variable: string) => `${variable}: "${passwords.get(user)!}"`;
  return [
    "# Made by deno task fleet: the passwords that nats-server.conf names.",
    line("archiver", "ARCHIVER_PASSWORD"),
    ...collectors.map((name) => line(name, `${account(name)}_PASSWORD`)),
    "",
  ].join("\n");
}

/** What makes the brokers one: with their password, as whoever is let in here may do anything. */
function clusterConfig({ brokers, passwords }: Fleet, broker: string): string {
  if (brokers.length === 1) return "";
  const password = passwords.get(ROUTE)!;
  const routes = brokers.filter((one) => one !== broker)
    .map((one) => `    "nats-route://route:${password}@${hostPort(one, CLUSTER_PORT)}"`);
  return `
cluster {
  name: gossip
  listen: ${quoted(hostPort(broker, CLUSTER_PORT))}
  authorization { user: route, password: "${password}" }
  routes: [
${routes.join("\n")}
  ]
}
`;
}

function serverConfig(collectors: readonly string[], broker: string): string {
  // Of the archive's account: what a collector publishes to, and what it hears.
  const services = (name: string) =>
    [batchSubject, heartbeatSubject, clockSubject, readWishSubject].map((of) => of(name));
  const streams = (name: string) => [resendSubject, wishSubject].map((of) => of(name));
  const exports = collectors.flatMap((name) =>
    [
      ...services(name).map((subject) => `service: ${quoted(subject)}`),
      ...streams(name).map((subject) => `stream: ${quoted(subject)}`),
    ].map((what) => `      { ${what}, accounts: [${account(name)}] }`)
  );
  const accounts = collectors.map((name) => {
    const shared = (subject: string) => `{ account: ARCHIVE, subject: ${quoted(subject)} }`;
    const list = (subjects: readonly string[]) => subjects.map(quoted).join(", ");
    const imports = [
      ...services(name).map((subject) => `      { service: ${shared(subject)} }`),
      ...streams(name).map((subject) => `      { stream: ${shared(subject)} }`),
    ];
    return `  ${account(name)} {
    users: [{
      user: ${quoted(name)}
      password: $${account(name)}_PASSWORD
      permissions {
        publish: [${list([...services(name), nameSubject(name)])}]
        subscribe: [${list([...streams(name), nameSubject(name)])}, _INBOX.>]
      }
    }]
    imports: [
${imports.join("\n")}
    ]
  }`;
  });
  return `# Made by deno task fleet: run it again instead of editing. For nats-server 2.9.10 or newer.
#
# One account per collector, so that each writes to its own subjects and to nothing else, hears only what is meant for
# it, and cannot see the stream at all.

# The broker's address in the VPN. Never a public one: there is no TLS here.
listen: ${quoted(hostPort(broker))}
server_name: ${quoted(`gossip-${broker.replaceAll(/[.:]/g, "-")}`)}

# The server does not start without this file.
include "./nats-passwords.conf"

jetstream {
  store_dir: /var/lib/nats
  # The archiver bounds its stream by nats.max_batches, at most 1 MiB each: 16 GiB by default, though half a GiB as a
  # rule. This is the server's own, larger bound.
  max_file_store: 17GB
  max_memory_store: 16MB
}

# A batch is below 1 MiB.
max_payload: 1MB
# A client that reads too slowly is cut off.
max_pending: 32MB
max_connections: 1000
max_control_line: 4KB
max_subscriptions: 1000

accounts {
  ARCHIVE {
    # The only account with JetStream: the archiver makes the stream in it.
    jetstream: enabled
    users: [{ user: archiver, password: $ARCHIVER_PASSWORD }]
    # What each collector may reach in this account: services that it publishes to (a batch is answered by the stream's
    # acknowledgement, a clock question by the archiver's time), its resend requests, and its wish: its own key alone, and
    # only to read.
    exports: [
${exports.join("\n")}
    ]
  }

  # Permissions repeat what the account can reach, so that a wrong name is refused aloud rather than published to no one.
${accounts.join("\n\n")}
}
`;
}

function archiverConfig(brokers: readonly string[]): string {
  const state = "/var/lib/gossip-archiver";
  return `# The archiver on the archive host. archiver/archiver.example.yaml documents every key.
archive: ${state}/gossip.duckdb
snapshots:
  folder: ${state}/snapshots
days:
  folder: ${state}/days
analytics:
  work_folder: ${state}/analytics

nats:
  servers: ${serverList(brokers)}
  replicas: ${brokers.length}
  auth:
    user: archiver
    password_file: /etc/gossip-observer/archiver-password

log:
  # The journal gets JSON lines.
  format: json
`;
}

function collectorConfig(name: string, { brokers, hasPeers }: Fleet): string {
  const file = hasPeers ? "  file: /etc/gossip-observer/peers.txt\n" : "";
  return `# A collector on a VPS. collector/collector.example.yaml documents every key.

# The broker's account for it has the same name.
name: ${quoted(name)}

# The two folders that the program may use; they are baked into it.
data_dir: /var/lib/gossip-observer
peers:
${file}  target: 500

spool:
  # What waits here while the broker is away: at 2 GB a day for 1,000 peers, some days. Leave the disk some room.
  max_bytes: 4GiB

uplink:
  kind: nats
  # What the program is built for (deno task compile --nats).
  servers: ${serverList(brokers)}
  auth:
    user: ${quoted(name)}
    password_file: /etc/gossip-observer/nats-password

log:
  # The journal gets JSON lines.
  format: json
`;
}

function dropIn(brokers: readonly string[], more = ""): string {
  return `# Made by deno task fleet.\n[Service]\nIPAddressAllow=${brokers.join(" ")}\n${more}`;
}

/** A word that neither YAML nor NATS takes for a number. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
