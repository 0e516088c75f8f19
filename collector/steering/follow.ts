// Follows the collector's key in the bucket of wishes: a new value is heard at once, and read again now and then in case
// it was not.

import type { NatsConnection } from "nats";
import type { Clock } from "../../shared/clock.ts";
import { readWishSubject, wishSubject } from "../../shared/fleet/wish.ts";
import { logger } from "../../shared/log.ts";
import { natsErrorText } from "../../shared/nats/connect.ts";
import { every, pause } from "../../shared/waiting.ts";
import type { NatsLink } from "../uplink/nats_link.ts";
import type { StoredWish } from "./steering.ts";

const LOOK_MS = 60_000;
const ANSWER_MS = 3000;
/** A replica that answers may lag behind the one that took the wish. */
const AGAIN_MS = 1500;
const NOT_FOUND = 404;

const log = logger("collector", "steering");

/** Reports the wish at each connect and each change, until disposed of. */
export function followWishes(
  link: NatsLink,
  take: (wish: StoredWish) => void,
  clock: Clock,
): Disposable {
  const stop = new AbortController();
  const { signal } = stop;
  const look = async () => {
    try {
      const wish = await readWish(await link.connection(), link.collector);
      if (wish !== null && !signal.aborted) take(wish);
    } catch (error) {
      // A broker without wishes, or away: the delivery of batches logs that.
      log.debug("Cannot read the wish: {error}", { error: natsErrorText(error) });
    }
  };
  const lookTwice = async () => {
    await look();
    if (await pause(clock, AGAIN_MS, signal)) await look();
  };
  link.onConnect((connection) => {
    connection.subscribe(wishSubject(link.collector), {
      callback: (error) => {
        if (!error && !signal.aborted) void lookTwice();
      },
    });
    void look();
  });
  void every(clock, LOOK_MS, signal, look);
  return { [Symbol.dispose]: () => stop.abort() };
}

/** Null when the server does not say. */
async function readWish(connection: NatsConnection, collector: string): Promise<StoredWish | null> {
  const reply = await connection.request(readWishSubject(collector), "", { timeout: ANSWER_MS });
  const { headers } = reply;
  if (headers?.code === NOT_FOUND) return { revision: 0, text: null };
  const revision = Number(headers?.get("Nats-Sequence"));
  if (!Number.isSafeInteger(revision) || revision <= 0) return null;
  // DEL or PURGE.
  const isGone = headers!.has("KV-Operation");
  return { revision, text: isGone ? null : reply.string() };
}
