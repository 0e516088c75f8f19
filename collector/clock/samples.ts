/**
 * How far the archiver's clock is from this collector's, asked every minute.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { natsErrorText } from "../../shared/nats/connect.ts";
import type { AskTime } from "./ask.ts";
import { bestOffset, type Exchange, type Offset } from "./offset.ts";

const SAMPLE_MILLISECONDS = 60_000;
/** After a sample that failed: the archiver may come late. */
const RETRY_MILLISECONDS = 10_000;
/** Questions of one sample; only the one with the shortest round trip counts. */
const QUESTIONS = 8;

const log = logger("collector", "clock");

/** An offset, and when it was measured. */
export interface Sample extends Offset {
  /** µs since the Unix epoch. */
  readonly at: number;
}

/** Measures until it is disposed of. */
export function sampleOffsets(
  askTime: AskTime,
  clock: Clock,
  onSample: (sample: Sample) => void,
): AsyncDisposable {
  const stop = new AbortController();
  const sampling = sample(askTime, clock, onSample, stop.signal);
  return {
    [Symbol.asyncDispose]() {
      stop.abort();
      return sampling;
    },
  };
}

async function sample(
  askTime: AskTime,
  clock: Clock,
  onSample: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const offset = bestOffset(await ask(askTime, clock, signal));
    if (signal.aborted) return;
    if (offset !== null) onSample({ ...offset, at: clock.now() });
    const pause = offset === null ? RETRY_MILLISECONDS : SAMPLE_MILLISECONDS;
    await clock.sleep(pause, signal).catch(() => {});
  }
}

/** Asks again and again; gives what was answered until something went wrong. */
async function ask(askTime: AskTime, clock: Clock, signal: AbortSignal): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  try {
    while (exchanges.length < QUESTIONS && !signal.aborted) {
      const asked = clock.now();
      const answered = await askTime(signal);
      const received = clock.now();
      exchanges.push({ asked, answered, received });
    }
  } catch (error) {
    log.debug("The archiver's clock does not answer: {reason}", { reason: natsErrorText(error) });
  }
  return exchanges;
}
