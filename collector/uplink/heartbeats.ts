// A sign of life now and then, over NATS.

import type { Clock } from "../../shared/clock.ts";
import { encodeMessage, type Heartbeat, HEARTBEAT_MS } from "../../shared/nats/message.ts";
import { heartbeatSubject } from "../../shared/subjects.ts";
import { every } from "../../shared/waiting.ts";
import type { NatsLink } from "./nats_link.ts";

/** What of a heartbeat the collector's parts know. */
export type Facts = Omit<Heartbeat, "at">;

export interface HeartbeatSender extends Disposable {
  /** Sends one now, out of turn. */
  beat(): void;
}

/** Sends heartbeats until it is disposed of. Without a connection it tries to make one, and else goes without. */
export function sendHeartbeats(link: NatsLink, facts: () => Facts, clock: Clock): HeartbeatSender {
  const stop = new AbortController();
  const beat = () => sendHeartbeat(link, facts, clock, stop.signal);
  // It ends at the latest with the link, which is disposed of after it.
  void beat().then(() => every(clock, HEARTBEAT_MS, stop.signal, beat));
  return { beat: () => void beat(), [Symbol.dispose]: () => stop.abort() };
}

async function sendHeartbeat(
  link: NatsLink,
  facts: () => Facts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  try {
    const connection = await link.connection();
    if (signal.aborted) return;
    const heartbeat = encodeMessage({ ...facts(), at: clock.now() });
    connection.publish(heartbeatSubject(link.collector), heartbeat);
  } catch {
    // The delivery of batches logs what is wrong with the connection.
  }
}
