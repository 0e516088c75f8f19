// The demo's guest right on a NATS server: it uses one only when nobody else's batches are there, and leaves it as it
// was.

import type { JetStreamManager, NatsConnection } from "nats";
import { errorText, UserError } from "../../shared/errors.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { printable } from "../../shared/text.ts";
import { batchSubject } from "../../shared/subjects.ts";
import { DEMO_COLLECTOR } from "./configs.ts";

/** A checked server; disposing removes the stream that the demo's archiver made on it. */
export interface Broker extends AsyncDisposable {
  /** Where it is. */
  readonly url: string;
  /** `host:port`, for permissions. */
  readonly address: string;
}

/**
 * Connects to a server and sees that nobody else uses it for batches.
 *
 * @throws {UserError} when it cannot be reached, has no JetStream, or already has a stream for batches.
 */
export async function useBroker(asked: string): Promise<Broker> {
  const { url, address } = parseServer(asked);
  let connection: NatsConnection;
  let manager: JetStreamManager;
  try {
    connection = await connectNats({ servers: [url], name: "gossip demo" });
  } catch (error) {
    // The demo's own permissions end at loopback, and the socket says no more than EPERM.
    const hint = address.startsWith("127.0.0.1:")
      ? ""
      : `; for another host than 127.0.0.1 run deno run --quiet --no-prompt -P=demo --allow-net=127.0.0.1,${address} ` +
        `tests/demo/main.ts --nats ${url}`;
    throw new UserError(`Cannot reach NATS at ${url}: ${errorText(error)}${hint}`, {
      cause: error,
    });
  }
  try {
    manager = await connection.jetstreamManager();
    const stream = await streamOf(manager);
    if (stream !== null) {
      throw new UserError(
        `Cannot use NATS at ${url}: its stream ${stream} takes batches, so another archiver may be at work there; ` +
          "give a server of its own, or remove that stream",
      );
    }
  } catch (error) {
    await connection.close();
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot use NATS at ${url}: ${errorText(error)}`, { cause: error });
  }
  return {
    url,
    address,
    async [Symbol.asyncDispose]() {
      try {
        const stream = await streamOf(manager);
        if (stream !== null) await manager.streams.delete(stream);
      } finally {
        await connection.close();
      }
    },
  };
}

async function streamOf(manager: JetStreamManager): Promise<string | null> {
  try {
    return await manager.streams.find(batchSubject(DEMO_COLLECTOR));
  } catch (error) {
    if (errorText(error).includes("no stream matches subject")) return null;
    throw error;
  }
}

function parseServer(asked: string): { url: string; address: string } {
  try {
    const { hostname, port } = new URL(asked.includes("://") ? asked : `nats://${asked}`);
    if (hostname === "") throw new TypeError("no host");
    // Permissions go by address: the demo may use 127.0.0.1, not a name for it.
    const address = `${hostname === "localhost" ? "127.0.0.1" : hostname}:${port || 4222}`;
    return { url: `nats://${address}`, address };
  } catch (error) {
    throw new UserError(
      `--nats is "${printable(asked)}"; it should look like nats://127.0.0.1:4222`,
      { cause: error },
    );
  }
}
