/**
 * The demo's guest right on a NATS server: it uses one only when nobody else's batches are there, and leaves it as it
 * was.
 *
 * @module
 */
import { connect, type JetStreamManager, type NatsConnection } from "nats";
import { errorText, UserError } from "../../shared/errors.ts";
import { batchSubject } from "../../shared/subjects.ts";
import { DEMO_COLLECTOR } from "./configs.ts";

const CONNECT_MILLISECONDS = 5000;

/** A checked server; disposing removes the stream that the demo's archiver made on it. */
export interface Broker extends AsyncDisposable {
  /** `host:port`, for permissions. */
  readonly address: string;
}

/**
 * Connects to a server and sees that nobody else uses it for batches.
 *
 * @throws {UserError} when it cannot be reached, has no JetStream, or already has a stream for batches.
 */
export async function useBroker(url: string): Promise<Broker> {
  const address = addressOf(url);
  let connection: NatsConnection;
  let manager: JetStreamManager;
  try {
    connection = await connect({ servers: url, timeout: CONNECT_MILLISECONDS, reconnect: false });
  } catch (error) {
    const hint = error instanceof Deno.errors.NotCapable
      ? `; run deno run -P=demo --allow-net=127.0.0.1,${address} tests/demo/main.ts --nats ${url}`
      : "";
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

function addressOf(url: string): string {
  try {
    const { hostname, port } = new URL(url.includes("://") ? url : `nats://${url}`);
    return `${hostname}:${port || 4222}`;
  } catch (error) {
    throw new UserError(`--nats is "${url}"; it should look like nats://127.0.0.1:4222`, {
      cause: error,
    });
  }
}
