// The bucket of wishes, as the archive host's account sees it: all keys.

import type { KV, NatsConnection } from "nats";
import { UserError } from "../../shared/errors.ts";
import { MAX_WISH_BYTES, parseWish, WISHES, type WrittenWish } from "../../shared/fleet/wish.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { connectNats, natsErrorText } from "../../shared/nats/connect.ts";
import { expectPermitted, natsNeeds } from "../../shared/sandbox.ts";
import type { ArchiverConfig } from "../config.ts";

export interface FleetWish {
  readonly revision: number;
  /** When it was put, ms since the Unix epoch, by the broker's clock. */
  readonly at: number;
  /** Empty when it is not a wish. */
  readonly written: WrittenWish;
  /** Why it is not a wish, in one safe line; null when it is. */
  readonly fault: string | null;
}

/** The server's error code for a key that changed since it was read. */
const CHANGED = 10_071;

/** An open bucket; disposing closes its connection. */
export class Wishes implements AsyncDisposable {
  constructor(private readonly connection: NatsConnection, private readonly bucket: KV) {}

  /** @throws {UserError} when the config names no broker, or it cannot be used. */
  static async open({ nats }: ArchiverConfig): Promise<Wishes> {
    if (nats === undefined) {
      throw new UserError(
        "Cannot reach the fleet: the archiver's config has no nats: group; wishes stand on the broker",
      );
    }
    expectPermitted(natsNeeds("nats", nats), "fleet");
    try {
      const access = await readNatsAccess(nats);
      const connection = await connectNats({ ...access, name: "gossip fleet" });
      const options = { history: 1, maxValueSize: MAX_WISH_BYTES, replicas: nats.replicas };
      return new Wishes(connection, await connection.jetstream().views.kv(WISHES, options));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        `Cannot reach the fleet at ${nats.servers.join(", ")}: ${natsErrorText(error)}`,
        { cause: error },
      );
    }
  }

  /** By collector. */
  async all(): Promise<Map<string, FleetWish>> {
    const names: string[] = [];
    for await (const name of await this.bucket.keys()) names.push(name);
    const wishes = new Map<string, FleetWish>();
    for (const name of names.sort()) {
      const wish = await this.get(name);
      if (wish !== null) wishes.set(name, wish);
    }
    return wishes;
  }

  /** Null when there is none. */
  async get(collector: string): Promise<FleetWish | null> {
    const entry = await this.bucket.get(collector);
    if (entry === null || entry.operation !== "PUT") return null;
    const known = { revision: entry.revision, at: entry.created.getTime() };
    const read = parseWish(entry.string());
    if ("fault" in read) return { ...known, written: {}, fault: read.fault };
    return { ...known, written: read.written, fault: null };
  }

  /**
   * Puts a wish in place of the one that was read.
   * @returns its revision.
   * @throws {UserError} when it is not a wish, or another has been put meanwhile.
   */
  async put(collector: string, written: WrittenWish, read: FleetWish | null): Promise<number> {
    const text = JSON.stringify(written);
    const checked = parseWish(text);
    if ("fault" in checked) {
      throw new UserError(`Cannot wish this of ${collector}: ${checked.fault}`);
    }
    try {
      return read === null
        ? await this.bucket.create(collector, text)
        : await this.bucket.update(collector, text, read.revision);
    } catch (error) {
      const { api_error: refusal } = error as { api_error?: { err_code: number } };
      const why = refusal?.err_code === CHANGED
        ? "another was put meanwhile; run it again"
        : natsErrorText(error);
      throw new UserError(`Cannot put the wish of ${collector}: ${why}`, { cause: error });
    }
  }

  async clear(collector: string): Promise<void> {
    await this.bucket.delete(collector);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}
