// NATS names: one stream, one subject per collector.

/** The JetStream stream's default name. */
export const STREAM = "GOSSIP";

/** All batches; the stream's subject. */
export const BATCHES = "gossip.batches.*";

/** Where one collector publishes its batches. */
export function batchSubject(collector: string): string {
  return `gossip.batches.${collector}`;
}

/**
 * The collector that publishes on a subject: its last token. The broker's accounts let each collector reach only its own
 * subjects, so what comes on one and names another collector is forged.
 */
export function senderOf(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}

/** Where one collector hears resend requests (core NATS: at most once, so asked again until answered). */
export function resendSubject(collector: string): string {
  return `gossip.resend.${collector}`;
}

/** All heartbeats (core NATS). */
export const HEARTBEATS = "gossip.heartbeats.*";

/** Where one collector sends its heartbeats. */
export function heartbeatSubject(collector: string): string {
  return `gossip.heartbeats.${collector}`;
}

/** All questions for the archiver's clock (core NATS, request and reply). */
export const CLOCKS = "gossip.clock.*";

/** Where one collector asks. */
export function clockSubject(collector: string): string {
  return `gossip.clock.${collector}`;
}

/** Where collectors of one name hear of each other (core NATS, within the collector's own account). */
export function nameSubject(collector: string): string {
  return `gossip.names.${collector}`;
}
