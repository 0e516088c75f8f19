// Batches as collectors publish them, beside the stream: a cluster's stream neither takes nor brings any while it elects
// its leaders, for up to 9 s and more. Heard like this they are committed, and acknowledged by the archive in its place.

import type { Msg, NatsConnection, Subscription } from "nats";
import { createHash } from "node:crypto";
import type { Clock } from "../../shared/clock.ts";
import { senderOf } from "../../shared/subjects.ts";
import { pause } from "../../shared/waiting.ts";
import type { SubmitOutcome } from "./contract.ts";
import type { Intake } from "./intake.ts";
import { type BatchMessage, readNext } from "./stream.ts";

/** Batches remembered until the consumer brings them, too; one that is forgotten is only decoded again. */
const MAX_TAKEN = 4096;

/** How soon the stream is asked again when it has no more, or no server answers. */
const READ_AGAIN_MS = 250;

/** Brings the batches of one subject, unless older ones wait: an archive fills gaps, but asks for what it lacks. */
export class Live {
  readonly #stream: string;
  readonly #subject: string;
  readonly #intake: Intake;
  /** What a collector takes for the stream's own acknowledgement. */
  readonly #acknowledgement: Uint8Array;
  /** By {@link idOf}, until the consumer brings them. */
  readonly #taken = new Map<string, Promise<SubmitOutcome>>();
  /** The last place in the stream that the consumer brought. */
  #reached = 0;
  #isWanted = false;
  #subscription: Subscription | null = null;

  constructor(stream: string, subject: string, intake: Intake) {
    this.#stream = stream;
    this.#subject = subject;
    this.#intake = intake;
    this.#acknowledgement = new TextEncoder().encode(JSON.stringify({ stream, seq: 0 }));
  }

  /** Call when all that the stream had is here. */
  start(connection: NatsConnection): void {
    this.#isWanted = true;
    if (connection.isClosed()) return;
    if (this.#subscription?.isClosed() === false) return;
    this.#subscription = connection.subscribe(this.#subject, {
      callback: (error, message) => {
        if (!error) void this.#hear(message);
      },
    });
  }

  /**
   * Goes on, on a new connection, if it had been started. What the stream got in between it reads first, from any server
   * that keeps it, until `signal` says that the consumer brings it.
   */
  async resume(connection: NatsConnection, clock: Clock, signal: AbortSignal): Promise<void> {
    let from = this.#reached + 1;
    while (this.#isWanted && !signal.aborted && !connection.isClosed()) {
      const next = await readNext(connection, this.#stream, this.#subject, from).catch(() => null);
      if (next === null) {
        this.start(connection);
        await pause(clock, READ_AGAIN_MS, signal);
      } else {
        from = next.seq + 1;
        void this.#take(next.message);
      }
    }
  }

  stop(): void {
    this.#isWanted = false;
    this.#subscription?.unsubscribe();
    this.#subscription = null;
  }

  /** The fate of a batch that the consumer brings. */
  async submit(message: BatchMessage & { readonly seq: number }): Promise<SubmitOutcome> {
    this.#reached = Math.max(this.#reached, message.seq);
    if (this.#taken.size === 0) return this.#submit(message);
    const id = idOf(message);
    const outcome = await this.#taken.get(id);
    this.#taken.delete(id);
    return outcome === undefined || outcome.status === "busy" ? this.#submit(message) : outcome;
  }

  async #hear(message: Msg): Promise<void> {
    const { status } = await this.#take(message);
    if (status !== "busy") message.respond(this.#acknowledgement);
  }

  async #take(message: BatchMessage): Promise<SubmitOutcome> {
    const id = idOf(message);
    const submitted = this.#taken.get(id) ?? this.#submit(message);
    this.#taken.set(id, submitted);
    if (this.#taken.size > MAX_TAKEN) this.#taken.delete(this.#taken.keys().next().value!);
    const outcome = await submitted;
    if (outcome.status === "busy") {
      this.#taken.delete(id);
      this.stop();
    }
    return outcome;
  }

  #submit({ data, subject }: BatchMessage): Promise<SubmitOutcome> {
    return this.#intake.submit(data, subject, senderOf(subject));
  }
}

function idOf({ subject, data }: BatchMessage): string {
  return `${subject} ${createHash("sha256").update(data).digest("base64")}`;
}
