// A client's socket: messages in, bytes out, TLS in between where it is asked for.

import type { Buffer } from "node:buffer";
import type net from "node:net";
import tls from "node:tls";
import { joined } from "./replies.ts";
import {
  type ClientMessage,
  MAX_EARLY_BYTES,
  MAX_MESSAGE_BYTES,
  MessageReader,
  type Opening,
  WireFault,
} from "./wire.ts";

/** Queued for a client before it is sent. */
const FLUSH_BYTES = 64 * 1024;
const EVENTS = ["readable", "drain", "end", "close", "error"] as const;

/** One connection. */
export class Link {
  readonly #reader = new MessageReader();
  #queue: Uint8Array[] = [];
  #queued = 0;
  #isEnded = false;
  #wake = () => {};
  #onClose = () => {};
  readonly #changed = (event: (typeof EVENTS)[number]) => () => {
    if (event === "end" || event === "close" || event === "error") {
      this.#isEnded = true;
      if (event !== "end") this.#onClose();
    }
    this.#wake();
  };
  readonly #listeners = EVENTS.map((event) => [event, this.#changed(event)] as const);

  constructor(private socket: net.Socket) {
    this.#listen();
  }

  get isSecure(): boolean {
    return this.socket instanceof tls.TLSSocket;
  }

  #listen(): void {
    for (const [event, listener] of this.#listeners) this.socket.on(event, listener);
  }

  /** Calls `onClose` when the client is gone. */
  onClose(onClose: () => void): void {
    this.#onClose = onClose;
  }

  /** The first byte; null when none came. */
  async peek(): Promise<number | null> {
    while (this.#reader.first === null) if (!await this.#read()) return null;
    return this.#reader.first;
  }

  /** From here on with TLS. @param protocols for ALPN, which direct TLS must agree on. @throws {WireFault} */
  async secure(context: tls.SecureContext, protocols?: readonly string[]): Promise<void> {
    const early = this.#reader.takeAll();
    // Else somebody between client and server could put plain text before the client's own.
    if (!protocols && early.length > 0) {
      throw new WireFault("received unencrypted data after SSL request");
    }
    for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
    if (early.length > 0) this.socket.unshift(early);
    const secured = new tls.TLSSocket(this.socket, {
      ...{ isServer: true, secureContext: context },
      ...protocols && { ALPNProtocols: [...protocols] },
    });
    const failed = Promise.withResolvers<void>();
    secured.once("secure", () => failed.resolve());
    for (const event of ["error", "close"]) {
      secured.once(event, () => failed.reject(new WireFault("the TLS handshake failed")));
    }
    await failed.promise;
    if (protocols && secured.alpnProtocol !== protocols[0]) {
      throw new WireFault(
        "received direct SSL connection request without ALPN protocol negotiation extension",
      );
    }
    this.socket = secured;
    this.#listen();
  }

  /** @returns null when the client has left. @throws {WireFault} */
  async opening(): Promise<Opening | null> {
    for (;;) {
      const opening = this.#reader.opening();
      if (opening !== null) return opening;
      if (!await this.#read()) return null;
    }
  }

  /** The next answer of a log-in; null when the client has left. @throws {WireFault} */
  async password(): Promise<Uint8Array | null> {
    const message = await this.message(MAX_EARLY_BYTES);
    if (message === null) return null;
    if (message.kind !== "password") throw new WireFault("expected a password response");
    return message.data;
  }

  /** @returns null when the client has left. @throws {WireFault} */
  async message(maxBytes: number = MAX_MESSAGE_BYTES): Promise<ClientMessage | null> {
    for (;;) {
      const message = this.#reader.message(maxBytes);
      if (message !== null) return message;
      // Whoever waits for an answer before the next message gets it.
      this.flush();
      if (!await this.#read()) return null;
    }
  }

  async #read(): Promise<boolean> {
    for (;;) {
      const bytes = this.socket.read() as Buffer | null;
      if (bytes !== null) {
        this.#reader.push(new Uint8Array(bytes));
        return true;
      }
      if (this.#isEnded) return false;
      await this.#change();
    }
  }

  /** Waits until the socket's state changes. */
  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  /** Queues bytes, and waits while the client is slow to take them. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued < FLUSH_BYTES) return;
    this.flush();
    while (this.socket.writableNeedDrain && !this.#isEnded) await this.#change();
  }

  /** Sends what is queued. */
  flush(): void {
    if (this.#queued === 0) return;
    const bytes = joined(this.#queue);
    this.#queue = [];
    this.#queued = 0;
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Sends bytes at once. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.write(bytes);
    this.flush();
  }

  /** Sends the last bytes. */
  async end(bytes: Uint8Array): Promise<void> {
    await this.send(bytes);
    this.close();
  }

  close(): void {
    this.#isEnded = true;
    this.socket.end();
    this.#wake();
  }
}
