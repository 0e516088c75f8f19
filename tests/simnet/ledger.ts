// What a simulated network really sent, to hold an archive against: three CSV files in one folder.
//
// - `messages.csv`: message, sha256, raw (hex);
// - `peers.csv`: peer, node_id, address;
// - `sent.csv`: peer, message, times: how often that peer wrote that message to its socket.

import { createHash } from "node:crypto";
import { join } from "node:path";

/** The files of a ledger, by what they hold. */
export const LEDGER_FILES = {
  messages: "messages.csv",
  peers: "peers.csv",
  sent: "sent.csv",
} as const;

/** Text that waits to be written, in characters. */
const BUFFER_CHARACTERS = 1 << 18;
/** What one ledger takes: 6 bytes each in memory. */
const MAX_SENT = 64 * 1024 * 1024;
const FIRST_CAPACITY = 1 << 16;
/** Message numbers below this and peers below 2^16 fit one exact number together. */
const MESSAGE_RANGE = 2 ** 32;

/** Takes down what is sent; {@link Ledger.write} completes the files. */
export class Ledger {
  readonly #messages: TextFile;
  #peers = new Uint16Array(FIRST_CAPACITY);
  #numbers = new Uint32Array(FIRST_CAPACITY);
  #count = 0;

  /** Writes into `dir`, which is there; older ledgers in it are replaced. */
  constructor(private readonly dir: string) {
    this.#messages = new TextFile(join(dir, LEDGER_FILES.messages), "message,sha256,raw");
  }

  /** How many sends it holds. */
  get sent(): number {
    return this.#count;
  }

  /** A message of the run, before it is sent. */
  message(number: number, raw: Uint8Array): void {
    const sha256 = createHash("sha256").update(raw).digest("hex");
    this.#messages.line(`${number},${sha256},${raw.toHex()}`);
  }

  /** `peer` has written message `number` to its socket. @throws {RangeError} when the ledger is full. */
  wrote(peer: number, number: number): void {
    if (this.#count === this.#peers.length) this.#grow();
    this.#peers[this.#count] = peer;
    this.#numbers[this.#count++] = number;
  }

  /** Completes all three files. `addresses` by peer: `node id@host:port`. */
  write(addresses: readonly string[]): void {
    this.#messages.close();
    const peers = new TextFile(join(this.dir, LEDGER_FILES.peers), "peer,node_id,address");
    addresses.forEach((line, peer) => peers.line(`${peer},${line.replace("@", ",")}`));
    peers.close();
    const sent = new TextFile(join(this.dir, LEDGER_FILES.sent), "peer,message,times");
    const keys = Float64Array.from(
      { length: this.#count },
      (_, i) => this.#peers[i] * MESSAGE_RANGE + this.#numbers[i],
    ).sort();
    for (let i = 0, next = 0; i < keys.length; i = next) {
      while (next < keys.length && keys[next] === keys[i]) next++;
      const peer = Math.floor(keys[i] / MESSAGE_RANGE);
      sent.line(`${peer},${keys[i] - peer * MESSAGE_RANGE},${next - i}`);
    }
    sent.close();
  }

  /** Closes what is open; the ledger is then not complete unless {@link write} was called. Twice is harmless. */
  [Symbol.dispose](): void {
    this.#messages.close();
  }

  #grow(): void {
    if (this.#count >= MAX_SENT) throw new RangeError(`The ledger is full: ${MAX_SENT} sends`);
    const { buffer: peers } = this.#peers;
    const { buffer: numbers } = this.#numbers;
    this.#peers = new Uint16Array(2 * this.#count);
    this.#numbers = new Uint32Array(2 * this.#count);
    this.#peers.set(new Uint16Array(peers));
    this.#numbers.set(new Uint32Array(numbers));
  }
}

/** A text file written line by line, through a buffer. */
class TextFile {
  #file: Deno.FsFile | null;
  #text: string;
  readonly #encoder = new TextEncoder();

  constructor(path: string, head: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    this.#text = `${head}\n`;
  }

  line(text: string): void {
    this.#text += `${text}\n`;
    if (this.#text.length >= BUFFER_CHARACTERS) this.#flush();
  }

  close(): void {
    this.#flush();
    this.#file?.close();
    this.#file = null;
  }

  #flush(): void {
    const bytes = this.#encoder.encode(this.#text);
    this.#text = "";
    for (let at = 0; this.#file && at < bytes.length;) {
      at += this.#file.writeSync(bytes.subarray(at));
    }
  }
}
