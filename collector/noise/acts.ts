import type { Clock } from "../../shared/clock.ts";
import { NoiseFault } from "./fault.ts";
import type { ReadBuffer } from "./frames.ts";
import { closeQuietly, networkFault, writeAll } from "./socket.ts";

export interface ActOptions {
  readonly clock: Clock;
  /** Per act. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Why a wait for a deadline ends early; without a reason, an error with its stack would be made. */
const IN_TIME = "in time";

/** Reads and writes acts. Bytes after the last act stay in the buffer. */
export class ActSocket {
  /** µs since the Unix epoch. */
  receivedAt = 0;
  /** Bytes after the last act included. */
  bytesIn = 0;
  bytesOut = 0;
  readonly #conn: Deno.Conn;
  readonly #buffer: ReadBuffer;
  readonly #options: ActOptions;

  /** The caller closes `conn`, at the end or after a throw. */
  constructor(conn: Deno.Conn, buffer: ReadBuffer, options: ActOptions) {
    this.#conn = conn;
    this.#buffer = buffer;
    this.#options = options;
  }

  /**
   * Without a deadline: the system takes these few bytes whatever the other side does.
   * @throws {NoiseFault} `network`.
   */
  async write(name: string, act: Uint8Array): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      await writeAll(this.#conn, act);
    } catch (error) {
      throw networkFault(name, error);
    }
    this.bytesOut += act.length;
  }

  /** @throws {NoiseFault} `unanswered`, `truncated`, `timeout` or `network`; or the signal's reason. */
  read(name: string, length: number): Promise<Uint8Array> {
    const buffer = this.#buffer;
    return this.#beforeDeadline(name, async () => {
      while (buffer.length < length) {
        const count = await this.#conn.read(buffer.room());
        this.receivedAt = this.#options.clock.now();
        if (count === null) {
          const have = `${buffer.length} of ${length} bytes`;
          const code = buffer.length === 0 ? "unanswered" : "truncated";
          throw new NoiseFault(code, `${name}: the peer closed after ${have}`);
        }
        this.bytesIn += count;
        buffer.filled(count);
      }
      return buffer.take(length);
    });
  }

  /** Closes the socket at the deadline or when the signal aborts. */
  async #beforeDeadline<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { clock, timeoutMs, signal } = this.#options;
    signal?.throwIfAborted();
    let reason: unknown = null;
    const giveUp = (why: unknown) => {
      reason ??= why;
      closeQuietly(this.#conn);
    };
    const onAbort = () => giveUp(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const done = new AbortController();
    const watch = clock.sleep(timeoutMs, done.signal).then(
      () => giveUp(new NoiseFault("timeout", `${name}: not done in ${timeoutMs} ms`)),
      () => {}, // done in time
    );
    const outcome = await work().then((value) => ({ value }), (error) => ({ error }));
    done.abort(IN_TIME);
    await watch;
    signal?.removeEventListener("abort", onAbort);
    if (reason !== null) throw reason;
    if ("error" in outcome) throw networkFault(name, outcome.error);
    return outcome.value;
  }
}
