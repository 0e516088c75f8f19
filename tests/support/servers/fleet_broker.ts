// Real NATS servers, one or a cluster, with the accounts that `deno task fleet init` writes.

import { type NatsConnection, usernamePasswordAuthenticator } from "nats";
import { fleetFiles, ROUTE } from "../../../archiver/deploy/fleet.ts";
import type { NatsAccess } from "../../../shared/nats/access.ts";
import { connectNats } from "../../../shared/nats/connect.ts";
import { type NatsCluster, startNatsCluster } from "./nats_cluster.ts";
import { type NatsServer, startNatsServer } from "./nats_server.ts";

/** The generated files of a fleet on loopback, by path. Passwords are 48 digits. */
export function fleetOf(
  collectors: readonly string[],
  brokers: readonly string[] = ["127.0.0.1"],
): { files: Map<string, string>; passwords: Map<string, string> } {
  const users = ["archiver", ROUTE, ...collectors];
  const passwords = new Map(users.map((user, i) => [user, String(i).padStart(48, "0")]));
  const fleet = { collectors, brokers, passwords, hasPeers: true };
  const files = new Map(fleetFiles(fleet).map(({ path, text }) => [path, text]));
  return { files, passwords };
}

/** The running broker. */
export interface FleetBroker extends AsyncDisposable {
  readonly server: NatsServer;
  /** How a user logs in. */
  access(user: string): NatsAccess;
  /** A connection of a user, closed with the broker. */
  connect(user: string): Promise<NatsConnection>;
}

/** Starts it with the generated config, but for its folder and port, which are the test's own. */
export async function startFleetBroker(collectors: readonly string[]): Promise<FleetBroker> {
  await using stack = new AsyncDisposableStack();
  const { files, passwords } = fleetOf(collectors);
  const config = configIn(files, "broker", "");
  const server = stack.use(await startNatsServer({ config }));
  const access = (user: string): NatsAccess => ({
    servers: [server.url],
    authenticator: usernamePasswordAuthenticator(user, passwords.get(user)!),
  });
  const owned = stack.move();
  return {
    server,
    access,
    async connect(user) {
      const connection = await connectNats({ ...access(user), name: user });
      owned.defer(() => connection.close());
      return connection;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The addresses that stand in the generated configs of a cluster. */
const BROKERS = ["127.77.0.1", "127.77.0.2", "127.77.0.3"];

/** Three brokers that form a cluster. */
export interface FleetCluster extends AsyncDisposable {
  readonly cluster: NatsCluster;
  /** How a user logs in at one of them. */
  access(user: string, index: number): NatsAccess;
}

/** Starts them with the generated configs, but for folders, addresses and ports. */
export async function startFleetCluster(collectors: readonly string[]): Promise<FleetCluster> {
  const { files, passwords } = fleetOf(collectors, BROKERS);
  const authenticatorOf = (user: string) =>
    usernamePasswordAuthenticator(user, passwords.get(user)!);
  const cluster = await startNatsCluster({
    authenticator: authenticatorOf("archiver"),
    configOf(index, { clients, routes, storeDir }) {
      const config = configIn(files, `broker/${BROKERS[index]}`, `store_dir: "${storeDir}"`);
      return BROKERS.reduce(
        (text, broker, i) =>
          text.replaceAll(`${broker}:4222`, clients[i]).replaceAll(`${broker}:6222`, routes[i]),
        config,
      );
    },
  });
  return {
    cluster,
    access: (user, index) => ({
      servers: [cluster.urls[index]],
      authenticator: authenticatorOf(user),
    }),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** A broker's generated config as one text, with another folder for its store. */
function configIn(files: ReadonlyMap<string, string>, folder: string, storeDir: string): string {
  const config = files.get(`${folder}/nats-server.conf`)!
    .replace(/^include "\.\/nats-passwords\.conf"$/m, files.get(`${folder}/nats-passwords.conf`)!)
    .replace(/^ *store_dir: \/var\/lib\/nats$/m, storeDir);
  if (/^include|\/var\/lib/m.test(config)) throw new Error("the generated config has changed");
  return config;
}
