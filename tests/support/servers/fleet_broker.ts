// A real NATS server with the accounts that `deno task fleet init` writes.

import { type NatsConnection, usernamePasswordAuthenticator } from "nats";
import { fleetFiles } from "../../../archiver/deploy/fleet.ts";
import type { NatsAccess } from "../../../shared/nats/access.ts";
import { connectNats } from "../../../shared/nats/connect.ts";
import { type NatsServer, startNatsServer } from "./nats_server.ts";

/** The generated files of a fleet on loopback, by path. Passwords are 48 digits. */
export function fleetOf(
  collectors: readonly string[],
): { files: Map<string, string>; passwords: Map<string, string> } {
  const users = ["archiver", ...collectors];
  const passwords = new Map(users.map((user, i) => [user, String(i).padStart(48, "0")]));
  const fleet = { collectors, brokers: ["127.0.0.1"], passwords, hasPeers: true };
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
  const config = files.get("broker/nats-server.conf")!
    .replace(/^include "\.\/nats-passwords\.conf"$/m, files.get("broker/nats-passwords.conf")!)
    .replace(/^ *store_dir: .*$/m, "");
  if (/^include|^ *store_dir:/m.test(config)) throw new Error("the generated config has changed");
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
