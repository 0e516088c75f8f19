/**
 * The parts of a running collector that have something to tell.
 *
 * @module
 */
import type { AddressBook } from "../addresses/address_book.ts";
import type { Intake } from "../pipeline.ts";
import type { GossipService } from "../gossip/service.ts";
import type { PeerManager } from "../peer/manager.ts";
import type { JournalFile } from "../spool/journal_file.ts";
import type { Spool } from "../spool/spool.ts";
import type { Delivery } from "../uplink/delivery.ts";

/** See the module. */
export interface Parts {
  /** Peers. */
  readonly manager: PeerManager;
  /** Who is known. */
  readonly book: AddressBook;
  /** Receipts, verdicts, quotas. */
  readonly intake: Intake;
  /** The graph, and what was sent. */
  readonly gossip: GossipService;
  /** Batches that wait. */
  readonly spool: Spool;
  /** The open batch on disk. */
  readonly journal: JournalFile;
  /** Batches that went. */
  readonly delivery: Delivery;
}
