// Three real NATS servers with JetStream that form one cluster on loopback.

import type { Authenticator } from "nats";
import { connectNats } from "../../../shared/nats/connect.ts";
import { STREAM } from "../../../shared/subjects.ts";
import { startDebianServer } from "./debian_server.ts";
import { freePort } from "./free_port.ts";
import { NATS_SERVER } from "./nats_server.ts";
import type { Process } from "./process.ts";
import { tempDir } from "../temp_dir.ts";

export const CLUSTER_SIZE = 3;

/** How its servers are set up. */
export interface ClusterOptions {
  /** The text of a server's configuration. */
  readonly configOf: (index: number, address: ClusterAddress) => string;
  /** Who may ask for the archiver's stream; anybody when absent. */
  readonly authenticator?: Authenticator;
}

/** Where the servers of a cluster are, each `127.0.0.1:PORT`, and where one keeps its store. */
export interface ClusterAddress {
  readonly clients: readonly string[];
  readonly routes: readonly string[];
  readonly storeDir: string;
}

/** A running cluster; disposing kills its servers and removes their stores. */
export interface NatsCluster extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT` of each. */
  readonly urls: readonly string[];
  /** Ends one at once (SIGKILL). */
  kill(index: number): Promise<void>;
  /** Starts it again on its ports and store. */
  restart(index: number): Promise<void>;
  /** Which one leads the archiver's stream; null while none does, or no server answers. */
  leader(): Promise<number | null>;
  /** Which one leads what the cluster says of its streams and consumers; null while none does. */
  metadataLeader(): number | null;
  /** Whether all three run and hold all of the stream. */
  isWhole(): Promise<boolean>;
  /** Batches in the stream; null while no server says. */
  messages(): Promise<number | null>;
}

/** Starts it; a stream can be made once a leader is elected, which takes seconds. */
export async function startNatsCluster(
  { configOf, authenticator }: ClusterOptions = { configOf: openConfig },
): Promise<NatsCluster> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const ports = Array.from({ length: 2 * CLUSTER_SIZE }, freePort);
  if (new Set(ports).size < ports.length) {
    return await startNatsCluster({ configOf, authenticator });
  }
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const [clients, routes] = [addresses.slice(0, CLUSTER_SIZE), addresses.slice(CLUSTER_SIZE)];
  const running: (Process | null)[] = [];
  const start = async (index: number) => {
    const config = dir.join(`${index}.conf`);
    const address = { clients, routes, storeDir: dir.join(`store${index}`) };
    await Deno.writeTextFile(config, configOf(index, address));
    running[index] = await startDebianServer(NATS_SERVER, ["--config", config]);
    if (running[index] === null) throw new Error(`port ${ports[index]} is taken`);
  };
  stack.defer(async () => {
    await Promise.all(running.map((server) => server?.kill()));
  });
  await Promise.all(clients.keys().map((index) => start(index)));
  const urls = clients.map((address) => `nats://${address}`);
  const owned = stack.move();

  const streamState = async () => {
    const servers = urls.filter((_, index) => running[index] !== null);
    const connection = await connectNats({ servers, authenticator, name: "test" });
    try {
      const { streams } = await connection.jetstreamManager({ timeout: 1000 });
      return await streams.info(STREAM);
    } finally {
      await connection.close();
    }
  };
  return {
    urls,
    async kill(index) {
      const server = running[index];
      running[index] = null;
      await server?.kill();
    },
    restart: start,
    async leader() {
      const cluster = (await streamState().catch(() => undefined))?.cluster;
      return cluster?.leader ? Number(cluster.leader.slice(1)) : null;
    },
    metadataLeader() {
      const leader = running.findIndex((server) =>
        server?.lines.findLast((line) => line.includes("metadata leader"))?.includes("Self is new")
      );
      return leader === -1 ? null : leader;
    },
    async isWhole() {
      if (running.some((server) => server === null)) return false;
      const cluster = (await streamState().catch(() => undefined))?.cluster;
      const replicas = cluster?.replicas ?? [];
      return !!cluster?.leader && replicas.length === CLUSTER_SIZE - 1 &&
        replicas.every(({ current, offline }) => current && !offline);
    },
    async messages() {
      return (await streamState().catch(() => undefined))?.state.messages ?? null;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Without accounts. */
function openConfig(index: number, { clients, routes, storeDir }: ClusterAddress): string {
  return `listen: "${clients[index]}"
server_name: s${index}
jetstream { store_dir: "${storeDir}" }
cluster {
  name: test
  listen: "${routes[index]}"
  routes: [${routes.map((route) => `nats://${route}`).join(", ")}]
}
`;
}
