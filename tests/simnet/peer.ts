// One simulated node: shakes hands with whoever dials it, and has its {@link Session} do the rest.

import { acceptNoise, type NoiseConnection } from "../../collector/noise/connection.ts";
import { errorText } from "../../shared/errors.ts";
import { type Behaviour, BEHAVIOURS } from "./behaviour.ts";
import { type PeerOptions, Session } from "./session.ts";

/** A node that listens; at most one connection at a time, a newer one takes the older one's place. */
export class SimulatedPeer {
  readonly #behaviour: Behaviour;
  #session: Session | null = null;

  /** See {@link PeerOptions}. */
  constructor(private readonly options: PeerOptions) {
    this.#behaviour = BEHAVIOURS[options.implementation];
  }

  /** Serves one connection to its end. */
  async serve(conn: Deno.Conn): Promise<void> {
    const { key, clock, tally } = this.options;
    let connection: NoiseConnection;
    try {
      connection = await acceptNoise(conn, { privateKey: key.privateKey, clock });
    } catch (error) {
      tally.failure("handshake", errorText(error));
      return;
    }
    this.#session?.close();
    const session = new Session(connection, this.options, this.#behaviour);
    this.#session = session;
    await session.run();
    if (this.#session === session) this.#session = null;
  }

  /** Queues a message; false when nobody has asked for gossip. {@link flush} sends what is queued. */
  queue(number: number, raw: Uint8Array): boolean {
    return this.#session?.queue(number, raw) ?? false;
  }

  /** Sends what is queued, in one burst where it can. */
  flush(): void {
    this.#session?.flush();
  }

  /** Ends its connection. */
  close(): void {
    this.#session?.close();
  }
}
