// A collector's one connection to NATS, shared by all that goes over it.

import type { NatsConnection } from "nats";
import type { NatsAccess } from "../../shared/nats/access.ts";
import { connectNats } from "../../shared/nats/connect.ts";

export interface NatsLinkOptions {
  readonly collector: string;
  readonly servers: readonly string[];
  /** Called for each connection. */
  readonly readAccess: () => Promise<NatsAccess>;
}

/** Made when it is asked for, and again after it was lost. Disposing closes it; twice is harmless. */
export class NatsLink implements AsyncDisposable {
  readonly target: string;
  readonly collector: string;

  readonly #readAccess: () => Promise<NatsAccess>;
  readonly #closing = new AbortController();
  readonly #listeners: ((connection: NatsConnection) => void)[] = [];
  #connection: Promise<NatsConnection> | null = null;

  constructor({ collector, servers, readAccess }: NatsLinkOptions) {
    this.#readAccess = readAccess;
    this.collector = collector;
    this.target = servers.join(", ");
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  onConnect(listener: (connection: NatsConnection) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * The open connection, or a new one. One attempt: the caller comes again.
   * @throws {NatsError} when it fails.
   * @throws {UserError} when the credentials cannot be read.
   */
  connection(): Promise<NatsConnection> {
    return this.#connection ??= this.#connect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const connection = await this.#connection?.catch(() => null);
    await connection?.close();
  }

  async #connect(): Promise<NatsConnection> {
    try {
      const connection = await connectNats({
        ...await this.#readAccess(),
        name: `gossip collector ${this.collector}`,
        // Its own, so that a server may allow each collector no answers but those to its own requests.
        inboxPrefix: `_INBOX.${this.collector}`,
        signal: this.#closing.signal,
      });
      void connection.closed().then(() => this.#connection = null);
      for (const listener of this.#listeners) listener(connection);
      return connection;
    } catch (error) {
      this.#connection = null;
      throw error;
    }
  }
}
