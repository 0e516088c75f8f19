/**
 * Asking the archiver what time it is.
 *
 * @module
 */
import { decodeClockReply, MAX_MESSAGE_BYTES } from "../../shared/nats/message.ts";
import { clockSubject } from "../../shared/subjects.ts";
import { readBody } from "../uplink/body.ts";
import type { NatsLink } from "../uplink/nats_link.ts";

/** Asks once; gives µs since the Unix epoch. Throws when no answer comes, or none that makes sense. */
export type AskTime = (signal: AbortSignal) => Promise<number>;

const ANSWER_MILLISECONDS = 2000;

/** Over NATS; a question that is given up ends at the latest with the link. */
export function askOverNats(link: NatsLink): AskTime {
  const subject = clockSubject(link.collector);
  const ask = async () => {
    const connection = await link.connection();
    const options = { timeout: ANSWER_MILLISECONDS };
    const { data } = await connection.request(subject, new Uint8Array(), options);
    return decodeClockReply(data).at;
  };
  return (signal) => unlessAborted(ask(), signal);
}

/** Over HTTP, of the archiver's API at `url`. */
export function askOverHttp(url: string): AskTime {
  const target = new URL("/clock", url);
  return async (signal) => {
    signal.throwIfAborted();
    const end = new AbortController();
    const onAbort = () => end.abort(signal.reason);
    signal.addEventListener("abort", onAbort);
    const timer = setTimeout(
      () => end.abort(new Error("no answer in time")),
      ANSWER_MILLISECONDS,
    );
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

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
