// Which stream takes a subject: another program's stream may take batches in place of the archiver's.

import type { NatsConnection } from "nats";

/** The server's error code for a message whose stream is not the expected one. */
export const WRONG_STREAM = 10_060;
/** The same for a new stream whose subjects another stream takes already. */
export const OVERLAPPING_STREAM = 10_065;

/** The stream that takes messages of a subject; null when there is none, or the account may not ask. */
export async function findStream(
  connection: NatsConnection,
  subject: string,
): Promise<string | null> {
  try {
    return await (await connection.jetstreamManager()).streams.find(subject);
  } catch {
    return null;
  }
}
