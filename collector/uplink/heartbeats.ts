// A sign of life now and then, over NATS.

import type { Clock } from "../../shared/clock.ts";
import { encodeMessage, type Heartbeat, HEARTBEAT_MS } from "../../shared/nats/message.ts";
import { heartbeatSubject } from "../../shared/subjects.ts";
import { pause } from "../../shared/waiting.ts";
import type { NatsLink } from "./nats_link.ts";

/** What of a heartbeat the collector's parts know. */
export type Facts = Omit<Heartbeat, "at">;

/** Sends heartbeats until it is disposed of. Without a connection it tries to make one, and else goes without. */
export function sendHeartbeats(link: NatsLink, facts: () => Facts, clock: Clock): Disposable {
  const stop = new AbortController();
  // It ends at the latest with the link, which is disposed of after it.
  void beat(link, facts, clock, stop.signal);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function beat(
  link: NatsLink,
  facts: () => Facts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const subject = heartbeatSubject(link.collector);
  while (!signal.aborted) {
    try {
      const connection = await link.connection();
      if (signal.aborted) return;
      connection.publish(subject, encodeMessage({ ...facts(), at: clock.now() }));
    } catch {
      // The delivery of batches logs what is wrong with the connection.
    }
    await pause(clock, HEARTBEAT_MS, signal);
  }
}
