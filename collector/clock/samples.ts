/**
 * How far the archiver's clock is from this collector's, asked over NATS every minute.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { natsErrorText } from "../../shared/nats/connect.ts";
import { decodeClockReply } from "../../shared/nats/message.ts";
import { clockSubject } from "../../shared/subjects.ts";
import type { NatsLink } from "../uplink/nats_link.ts";
import { bestOffset, type Exchange, type Offset } from "./offset.ts";

const SAMPLE_MILLISECONDS = 60_000;
/** After a sample that failed: the archiver may come late. */
const RETRY_MILLISECONDS = 10_000;
/** Questions of one sample; only the one with the shortest round trip counts. */
const QUESTIONS = 8;
const ANSWER_MILLISECONDS = 2000;

const log = logger("collector", "clock");

/** An offset, and when it was measured. */
export interface Sample extends Offset {
  /** µs since the Unix epoch. */
  readonly at: number;
}

/** Measures until it is disposed of; then it ends at the latest with the link, which is disposed of after it. */
export function sampleOffsets(
  link: NatsLink,
  clock: Clock,
  onSample: (sample: Sample) => void,
): Disposable {
  const stop = new AbortController();
  void sample(link, clock, onSample, stop.signal);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function sample(
  link: NatsLink,
  clock: Clock,
  onSample: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const offset = bestOffset(await ask(link, clock, signal));
    if (signal.aborted) return;
    if (offset !== null) onSample({ ...offset, at: clock.now() });
    const pause = offset === null ? RETRY_MILLISECONDS : SAMPLE_MILLISECONDS;
    await clock.sleep(pause, signal).catch(() => {});
  }
}

/** Asks again and again; gives what was answered until something went wrong. */
async function ask(link: NatsLink, clock: Clock, signal: AbortSignal): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  try {
    const connection = await link.connection();
    const subject = clockSubject(link.collector);
    const options = { timeout: ANSWER_MILLISECONDS };
    while (exchanges.length < QUESTIONS && !signal.aborted) {
      const asked = clock.now();
      const { data } = await connection.request(subject, new Uint8Array(), options);
      const received = clock.now();
      exchanges.push({ asked, answered: decodeClockReply(data).at, received });
    }
  } catch (error) {
    log.debug("The archiver's clock does not answer: {reason}", { reason: natsErrorText(error) });
  }
  return exchanges;
}
