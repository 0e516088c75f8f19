/**
 * The handshake over a socket: whole acts in, whole acts out, each before its deadline.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { NoiseFault } from "./fault.ts";
import type { ReadBuffer } from "./frames.ts";
import { closeQuietly, networkFault, writeAll } from "./socket.ts";

/** How acts are read and written, and how long each may take. */
export interface ActOptions {
  /** Stamps reads and waits for the deadline. */
  readonly clock: Clock;
  /** How long the other side may take for an act. */
  readonly timeoutMs: number;
  /** Gives the handshake up. */
  readonly signal?: AbortSignal;
}

/** Why a wait for a deadline ends early; without a reason, an error with its stack would be made. */
const IN_TIME = "in time";

/** Reads and writes acts. Whatever follows the last act stays in the buffer. */
export class ActSocket {
  /** When the last read returned, µs since the Unix epoch. */
  receivedAt = 0;
  /** Bytes read, those behind the last act included. */
  bytesIn = 0;
  /** Bytes written. */
  bytesOut = 0;
  readonly #conn: Deno.Conn;
  readonly #buffer: ReadBuffer;
  readonly #options: ActOptions;

  /** Reads into `buffer`; closing `conn` at the end, or after a throw, is the caller's. */
  constructor(conn: Deno.Conn, buffer: ReadBuffer, options: ActOptions) {
    this.#conn = conn;
    this.#buffer = buffer;
    this.#options = options;
  }

  /**
   * Writes an act. It has no deadline: the system takes the few bytes of a handshake whatever the other side does.
   *
   * @throws {NoiseFault} `network`; or the signal's reason.
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

  /**
   * Reads an act of `length` bytes.
   *
   * @throws {NoiseFault} `unanswered`, `truncated`, `timeout` or `network`; or the signal's reason.
   */
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

  /** Runs `work`; closes the socket under it at the deadline or when the signal aborts. */
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
