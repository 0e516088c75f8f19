/**
 * NATS names: one stream, one subject a collector.
 *
 * @module
 */

/** The JetStream stream's default name. */
export const STREAM = "GOSSIP";

/** All batches; the stream's subject. */
export const BATCHES = "gossip.batches.*";

/** Where one collector publishes its batches. */
export function batchSubject(collector: string): string {
  return `gossip.batches.${collector}`;
}

/** Where one collector hears what the archive wants told again (core NATS: at most once, asked again until told). */
export function resendSubject(collector: string): string {
  return `gossip.resend.${collector}`;
}

/** All heartbeats (core NATS). */
export const HEARTBEATS = "gossip.heartbeats.*";

/** Where one collector says that it lives. */
export function heartbeatSubject(collector: string): string {
  return `gossip.heartbeats.${collector}`;
}

/** All questions of what time it is at the archiver (core NATS, request and reply). */
export const CLOCKS = "gossip.clock.*";

/** Where one collector asks that. */
export function clockSubject(collector: string): string {
  return `gossip.clock.${collector}`;
}
