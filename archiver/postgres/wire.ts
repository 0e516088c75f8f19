// What a Postgres client sends: messages of protocol 3.0 out of bytes (PostgreSQL's manual, "Message Formats").

import { Fault } from "../../shared/errors.ts";

/** Longest message after log-in: a statement with its parameters. */
export const MAX_MESSAGE_BYTES: number = 16 * 1024 ** 2;
/** Longest message before it. */
export const MAX_EARLY_BYTES = 10_000;
/** Codes in the place of the protocol's version. */
const CANCEL_CODE = 80877102;
const SSL_CODE = 80877103;
const GSS_CODE = 80877104;
const MAJOR_VERSION = 3;

/** A message that breaks the protocol; the code is its SQLSTATE. */
export class WireFault extends Fault<"08P01"> {
  constructor(message: string) {
    super("08P01", message);
  }
}

/** What opens a connection. */
export type Opening =
  | { readonly kind: "ssl" }
  | { readonly kind: "gss" }
  | { readonly kind: "cancel"; readonly process: number; readonly secret: number }
  | {
    readonly kind: "startup";
    /** Of the protocol; its major version is 3. */
    readonly minor: number;
    readonly settings: ReadonlyMap<string, string>;
  };

/** 0 text, 1 binary. */
export type Format = 0 | 1;

/** A message of a client; `password` is any answer of the log-in. */
export type ClientMessage =
  | { readonly kind: "query"; readonly sql: string }
  | {
    readonly kind: "parse";
    readonly name: string;
    readonly sql: string;
    readonly oids: readonly number[];
  }
  | {
    readonly kind: "bind";
    readonly portal: string;
    readonly statement: string;
    readonly formats: readonly Format[];
    readonly values: readonly (Uint8Array | null)[];
    readonly resultFormats: readonly Format[];
  }
  | { readonly kind: "describe" | "close"; readonly what: "S" | "P"; readonly name: string }
  | { readonly kind: "execute"; readonly portal: string; readonly maxRows: number }
  | { readonly kind: "password"; readonly data: Uint8Array }
  | { readonly kind: "sync" | "flush" | "terminate" | "copy" };

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the fields of one message. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  bytes(length: number): Uint8Array {
    if (length < 0 || length > this.#bytes.length - this.#at) {
      throw new WireFault("insufficient data left in message");
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.bytes(1)[0];
  }

  int16(): number {
    this.bytes(2);
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.bytes(4);
    return this.#view.getInt32(this.#at - 4);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new WireFault("invalid string in message");
    try {
      const text = decoder.decode(this.#bytes.subarray(this.#at, end));
      this.#at = end + 1;
      return text;
    } catch {
      throw new WireFault("invalid byte sequence for encoding UTF8");
    }
  }

  list<T>(read: () => T): T[] {
    const count = this.int16();
    if (count < 0) throw new WireFault("invalid count in message");
    return Array.from({ length: count }, read);
  }

  format(): Format {
    const format = this.int16();
    if (format !== 0 && format !== 1) throw new WireFault(`unsupported format code: ${format}`);
    return format;
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  end(): void {
    if (!this.isAtEnd) throw new WireFault("invalid message format");
  }
}

/** Reads a message that opens a connection, without its length. @throws {WireFault} when it is none. */
export function readOpening(body: Uint8Array): Opening {
  const fields = new Fields(body);
  const version = fields.int32();
  if (version === SSL_CODE || version === GSS_CODE) {
    fields.end();
    return { kind: version === SSL_CODE ? "ssl" : "gss" };
  }
  if (version === CANCEL_CODE) {
    const [process, secret] = [fields.int32(), fields.int32()];
    fields.end();
    return { kind: "cancel", process, secret };
  }
  if (version >> 16 !== MAJOR_VERSION) {
    throw new WireFault(
      `unsupported frontend protocol ${version >> 16}.${version & 0xffff}: server supports 3.0`,
    );
  }
  const settings = new Map<string, string>();
  for (let name = fields.text(); name !== ""; name = fields.text()) {
    settings.set(name, fields.text());
  }
  fields.end();
  return { kind: "startup", minor: version & 0xffff, settings };
}

/** Reads a message. Its bytes are shared with `body`. @throws {WireFault} when it is none. */
export function readMessage(type: string, body: Uint8Array): ClientMessage {
  const fields = new Fields(body);
  const message = readFields(type, fields);
  fields.end();
  return message;
}

function readFields(type: string, fields: Fields): ClientMessage {
  switch (type) {
    case "Q":
      return { kind: "query", sql: fields.text() };
    case "P":
      return {
        kind: "parse",
        name: fields.text(),
        sql: fields.text(),
        oids: fields.list(() => fields.int32() >>> 0),
      };
    case "B":
      return {
        kind: "bind",
        portal: fields.text(),
        statement: fields.text(),
        formats: fields.list(() => fields.format()),
        values: fields.list(() => {
          const length = fields.int32();
          return length === -1 ? null : fields.bytes(length);
        }),
        resultFormats: fields.list(() => fields.format()),
      };
    case "D":
    case "C": {
      const what = String.fromCharCode(fields.byte());
      if (what !== "S" && what !== "P") throw new WireFault(`invalid message subtype ${what}`);
      return { kind: type === "D" ? "describe" : "close", what, name: fields.text() };
    }
    case "E":
      return { kind: "execute", portal: fields.text(), maxRows: Math.max(0, fields.int32()) };
    case "p":
      return { kind: "password", data: fields.rest() };
    case "S":
      return { kind: "sync" };
    case "H":
      return { kind: "flush" };
    case "X":
      return { kind: "terminate" };
    // Left over of a COPY FROM STDIN that was refused.
    case "d":
    case "c":
    case "f":
      fields.rest();
      return { kind: "copy" };
    default:
      throw new WireFault(`invalid frontend message type ${type.charCodeAt(0)}`);
  }
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  #held: Uint8Array = new Uint8Array(0);

  push(bytes: Uint8Array): void {
    if (this.#held.length === 0) {
      this.#held = bytes;
      return;
    }
    const joined = new Uint8Array(this.#held.length + bytes.length);
    joined.set(this.#held);
    joined.set(bytes, this.#held.length);
    this.#held = joined;
  }

  /** The first byte that waits; null when none does. */
  get first(): number | null {
    return this.#held[0] ?? null;
  }

  /** What waits, which is then no message's. */
  takeAll(): Uint8Array {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return held;
  }

  /** The next opening, or null until its end has come. @throws {WireFault} */
  opening(): Opening | null {
    const body = this.#take(0, MAX_EARLY_BYTES);
    return body && readOpening(body);
  }

  /** The next message, or null until its end has come. @throws {WireFault} */
  message(maxBytes: number): ClientMessage | null {
    const type = String.fromCharCode(this.#held[0] ?? 0);
    const body = this.#take(1, maxBytes);
    return body && readMessage(type, body);
  }

  #take(at: number, maxBytes: number): Uint8Array | null {
    const held = this.#held;
    if (held.length < at + 4) return null;
    const length = new DataView(held.buffer, held.byteOffset).getInt32(at);
    if (length < 4 || length > maxBytes) throw new WireFault("invalid length of message");
    if (held.length < at + length) return null;
    this.#held = held.subarray(at + length);
    return held.subarray(at + 4, at + length);
  }
}
