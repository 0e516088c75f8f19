// Watches from outside what an archiver asks of JetStream and acknowledges: when its first pull came, and of each batch
// how long after the server had stored it it was acknowledged, which the archiver does after the commit.

import type { NatsConnection } from "nats";
import { connectNats } from "../../../shared/nats/connect.ts";
import { STREAM } from "../../../shared/subjects.ts";

const PULLS = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.*`;
const ACKS = "$JS.ACK.>";
/** An empty payload acknowledges too; others ask for patience or for another try. */
const ACK = "+ACK";

/** A batch that was acknowledged. */
export interface AckedBatch {
  /** When the server had stored it, ms since the Unix epoch. */
  readonly storedAt: number;
  /** How long after it the acknowledgement came, ms. */
  readonly delay: number;
}

/** See the module. */
export class AckObserver implements AsyncDisposable {
  /** When the first pull came, ms since the Unix epoch; null before it. */
  firstPullAt: number | null = null;
  /** When the last acknowledgement came, ms since the Unix epoch. */
  lastAckAt = 0;
  /** The batches that were acknowledged, in that order. */
  readonly acked: AckedBatch[] = [];
  readonly #sequences = new Set<string>();

  private constructor(private readonly connection: NatsConnection) {
    connection.subscribe(PULLS, { callback: () => this.firstPullAt ??= Date.now() });
    connection.subscribe(ACKS, {
      callback: (_, { subject, data }) => {
        const text = new TextDecoder().decode(data);
        if (text === "" || text === ACK) this.#note(subject);
      },
    });
  }

  /** Watches a server. */
  static async connect(url: string): Promise<AckObserver> {
    const connection = await connectNats({ servers: [url], name: "bench observer" });
    const observer = new AckObserver(connection);
    await connection.flush();
    return observer;
  }

  /** Ends the watch; twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }

  /** `$JS.ACK.stream.consumer.deliveries.sequence.consumer-sequence.nanoseconds.pending`. */
  #note(subject: string): void {
    const [, , , , , sequence, , nanoseconds] = subject.split(".");
    if (this.#sequences.has(sequence)) return;
    this.#sequences.add(sequence);
    this.lastAckAt = Date.now();
    const storedAt = Number(nanoseconds) / 1e6;
    this.acked.push({ storedAt, delay: this.lastAckAt - storedAt });
  }
}
