// Heartbeats of collectors over NATS, kept in memory only, and answers to their clock questions.

import type { NatsConnection } from "nats";
import { COLLECTOR_NAME } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { decodeHeartbeat, encodeMessage, type Heartbeat } from "../../shared/nats/message.ts";
import { CLOCKS, HEARTBEATS, senderOf } from "../../shared/subjects.ts";
import { printable } from "../../shared/text.ts";

/** Further ones are ignored. */
const MAX_COLLECTORS = 4096;

const log = logger("archiver", "heartbeats");

export interface HeardHeartbeat extends Heartbeat {
  /** µs since the Unix epoch, by the archiver's clock. */
  readonly heardAt: number;
}

/** The last heartbeat of each collector. */
export class Heartbeats {
  ignored = 0;
  readonly #clock: Clock;
  readonly #onHeartbeat: (name: string, heartbeat: Heartbeat) => void;
  readonly #last = new Map<string, HeardHeartbeat>();

  constructor(clock: Clock, onHeartbeat: (name: string, heartbeat: Heartbeat) => void = () => {}) {
    this.#clock = clock;
    this.#onHeartbeat = onHeartbeat;
  }

  get last(): ReadonlyMap<string, HeardHeartbeat> {
    return this.#last;
  }

  listen(connection: NatsConnection): void {
    connection.subscribe(HEARTBEATS, {
      callback: (error, message) => {
        try {
          if (error) throw error;
          this.take(message.subject, message.data);
        } catch (fault) {
          this.#ignore(message?.subject ?? HEARTBEATS, errorText(fault));
        }
      },
    });
  }

  /** @throws {MessageFault} when it is not a heartbeat. */
  take(subject: string, data: Uint8Array): void {
    const name = senderOf(subject);
    const heartbeat = decodeHeartbeat(data);
    if (!COLLECTOR_NAME.test(name) || this.#last.size >= MAX_COLLECTORS && !this.#last.has(name)) {
      this.#ignore(subject, "not a collector's name, or too many collectors");
      return;
    }
    this.#onHeartbeat(name, heartbeat);
    const last = this.#last.get(name);
    // Of two collectors of one name the newer run is shown.
    if (last && heartbeat.epoch < last.epoch) return;
    this.#last.set(name, { ...heartbeat, heardAt: this.#clock.now() });
  }

  #ignore(subject: string, reason: string): void {
    this.ignored++;
    log.debug("Ignored a heartbeat on {subject}: {reason}", {
      subject: printable(subject),
      reason: printable(reason),
    });
  }
}

/** Answers our collectors' clock questions on a connection until it is closed. */
export function answerClock(
  connection: NatsConnection,
  clock: Clock,
  isOurs: (collector: string) => boolean,
  archive: string,
): void {
  connection.subscribe(CLOCKS, {
    callback: (error, message) => {
      const collector = senderOf(message.subject);
      if (!error && COLLECTOR_NAME.test(collector) && isOurs(collector)) {
        message.respond(encodeMessage({ at: clock.now(), archive }));
      }
    },
  });
}
