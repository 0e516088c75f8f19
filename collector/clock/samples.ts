// The archiver's clock against this collector's, sampled every minute.

import { decodeClockReply, MAX_MESSAGE_BYTES } from "../../shared/nats/message.ts";
import { clockSubject } from "../../shared/subjects.ts";
import { readBody } from "../uplink/local.ts";
import type { NatsLink } from "../uplink/nats_link.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { natsErrorText } from "../../shared/nats/connect.ts";
import { pause, unlessAborted } from "../../shared/waiting.ts";
import { bestOffset, type Exchange, type Offset } from "./offset.ts";

/** µs since the Unix epoch. Throws without a sensible answer. */
export type AskTime = (signal: AbortSignal) => Promise<number>;

const ANSWER_MS = 2000;

/** Asks over NATS; an abandoned request ends with the link at the latest. */
export function askOverNats(link: NatsLink): AskTime {
  const subject = clockSubject(link.collector);
  const ask = async () => {
    const connection = await link.connection();
    const options = { timeout: ANSWER_MS };
    const { data } = await connection.request(subject, new Uint8Array(), options);
    return decodeClockReply(data).at;
  };
  return (signal) => unlessAborted(ask(), signal);
}

/** Asks the archiver's HTTP API at `url`. */
export function askOverHttp(url: string): AskTime {
  const target = new URL("/clock", url);
  return async (signal) => {
    signal.throwIfAborted();
    const end = new AbortController();
    const onAbort = () => end.abort(signal.reason);
    signal.addEventListener("abort", onAbort);
    const timer = setTimeout(() => end.abort(new Error("no answer in time")), ANSWER_MS);
    try {
      const response = await fetch(target, { signal: end.signal });
      const body = await readBody(response, MAX_MESSAGE_BYTES);
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      return decodeClockReply(body).at;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  };
}

const SAMPLE_MS = 60_000;
/** After a sample that failed: the archiver may come late. */
const RETRY_MS = 10_000;
/** Questions of one sample; only the one with the shortest round trip counts. */
const QUESTIONS = 8;

const log = logger("collector", "clock");

export interface Sample extends Offset {
  /** µs since the Unix epoch. */
  readonly at: number;
}

/** Samples until disposed. */
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
    await pause(clock, offset === null ? RETRY_MS : SAMPLE_MS, signal);
  }
}

/** Exchanges until one fails. */
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
