/**
 * Figures of a session for tests that need some, whatever they are.
 *
 * @module
 */
import type { SessionFigures } from "../../shared/batch/batch.ts";

/** Those of a session in which nothing happened, and what differs. */
export function sessionFigures(own: Partial<SessionFigures> = {}): SessionFigures {
  return {
    receipts: 0,
    bytes_in: 0,
    bytes_out: 0,
    first_gossip_at: null,
    last_gossip_at: null,
    messages_in: 0,
    messages_out: 0,
    gossip_out: 0,
    pings_sent: 0,
    pings_answered: 0,
    rtt_min: null,
    rtt_median: null,
    rtt_max: null,
    pings_received: 0,
    pongs_sent: 0,
    ...own,
  };
}
