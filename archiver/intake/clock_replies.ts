// Tells collectors what time it is, so that they can measure how far their clocks are from the archive's.

import type { NatsConnection } from "nats";
import type { Clock } from "../../shared/clock.ts";
import { encodeMessage } from "../../shared/nats/message.ts";
import { CLOCKS } from "../../shared/subjects.ts";

/** Answers on a connection, until that is closed. */
export function answerClock(connection: NatsConnection, clock: Clock): void {
  connection.subscribe(CLOCKS, {
    callback: (error, message) => {
      if (!error) message.respond(encodeMessage({ at: clock.now() }));
    },
  });
}
