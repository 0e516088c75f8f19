// Two collectors of one name: the archive would take both for one, and each of them for the other's restart. Over NATS
// each says its epoch on a subject of its name, and hears the other's.

import type { NatsConnection } from "nats";
import type { Clock } from "../../shared/clock.ts";
import { HEARTBEAT_MS } from "../../shared/nats/message.ts";
import { nameSubject } from "../../shared/subjects.ts";
import { every } from "../../shared/waiting.ts";
import type { NatsLink } from "./nats_link.ts";

const AGAIN_US = 600_000_000;

export interface Twins extends Disposable {
  /** How often another collector of this name was heard. */
  readonly heard: number;
}

/** Calls `onTwin` when another collector says the link's name, at once and then every ten minutes; until disposed of. */
export function watchForTwins(
  link: NatsLink,
  epoch: number,
  clock: Clock,
  onTwin: () => void,
): Twins {
  let heard = 0;
  const stop = new AbortController();
  const subject = nameSubject(link.collector);
  const own = String(epoch);
  let notBefore = -Infinity;
  const listen = (connection: NatsConnection) => {
    connection.subscribe(subject, {
      callback: (error, message) => {
        // Without the permission there is nothing to hear.
        if (error || stop.signal.aborted || message.string() === own) return;
        heard++;
        const now = clock.now();
        if (now < notBefore) return;
        notBefore = now + AGAIN_US;
        onTwin();
      },
    });
  };
  link.onConnect(listen);
  void every(clock, HEARTBEAT_MS, stop.signal, async () => {
    try {
      (await link.connection()).publish(subject, own);
    } catch {
      // The delivery of batches logs what is wrong with the connection.
    }
  });
  return {
    get heard() {
      return heard;
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}
