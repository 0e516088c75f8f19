// The NATS client's transport over Deno's own sockets.
//
// The npm package brings one over `node:net`. Under Deno a server that refuses the user, or goes away at the wrong
// moment, makes that one raise an error event that cannot be caught, which ends the process (11 of 50 refused logins
// did); here such an end is a rejected promise or a closed connection.

import {
  checkOptions,
  type ConnectionOptions,
  ErrorCode,
  extractProtocolMessage,
  INFO,
  NatsError,
  type Server,
  type ServerInfo,
  type Transport,
} from "nats/lib/nats-base-client/internal_mod.js";

const READ_BYTES = 65_536;
/** The longest first line: the server's INFO. */
const MAX_INFO_BYTES = 65_536;

/** What {@link DenoTransport} needs beyond the client's own options; it finds them there as `transport`. */
export interface TransportOptions {
  readonly caCerts: readonly string[];
  /** Whether a server without TLS is refused. */
  readonly needsTls: boolean;
  readonly signal?: AbortSignal;
}

/** One connection to a NATS server. */
export class DenoTransport implements Transport {
  readonly lang: string = "deno";
  readonly version: string = "2.29.3";
  isClosed = false;
  closeError?: Error;

  readonly #ended = Promise.withResolvers<void | Error>();
  readonly #dialling = new AbortController();
  #connection: Deno.TcpConn | Deno.TlsConn | null = null;
  #isEncrypted = false;
  /** Whether {@link connect} succeeded: only then is its end reported. */
  #established = false;
  /** What was read while waiting for the first line: the client wants to see it too. */
  #firstBytes = new Uint8Array();
  #written: Promise<void> = Promise.resolve();

  /** Connects, waits for the server's first line, and goes over to TLS where either side wants it. */
  async connect(server: Server, options: ConnectionOptions): Promise<void> {
    const { transport: own } = options as ConnectionOptions & { transport: TransportOptions };
    const onAbort = () => this.#end();
    own.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      own.signal?.throwIfAborted();
      const { hostname, port } = server;
      const connection = await Deno.connect({ hostname, port, signal: this.#dialling.signal });
      this.#connection = connection;
      // Its end came between the system's answer and this line.
      if (this.isClosed) connection.close();
      connection.setNoDelay(true);
      const info = await this.#readInfo(connection);
      checkOptions(info, options);
      if (own.needsTls || info.tls_required) await this.#encrypt(connection, hostname, info, own);
      if (this.isClosed) throw NatsError.errorForCode(ErrorCode.ConnectionClosed);
      this.#established = true;
    } catch (error) {
      this.#end();
      if (error instanceof NatsError) throw error;
      throw NatsError.errorForCode(ErrorCode.ConnectionRefused, error as Error);
    } finally {
      own.signal?.removeEventListener("abort", onAbort);
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    yield this.#firstBytes;
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (!this.isClosed) {
        const count = await this.#connection!.read(buffer);
        if (count === null) break;
        yield buffer.slice(0, count);
      }
    } catch (error) {
      if (!this.isClosed) this.closeError = error as Error;
    } finally {
      // Also when the client stops to read because it does not understand what came.
      this.#end();
    }
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  send(frame: Uint8Array): void {
    this.#written = this.#written.then(() => this.#write(frame)).catch(() => {});
  }

  close(error?: Error): Promise<void> {
    if (!this.isClosed) this.closeError = error;
    this.#end();
    return Promise.resolve();
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<void | Error> {
    return this.#ended.promise;
  }

  discard(): void {}

  async #readInfo(connection: Deno.TcpConn): Promise<ServerInfo> {
    const bytes = new Uint8Array(MAX_INFO_BYTES);
    for (let length = 0; length < bytes.length;) {
      const count = await connection.read(bytes.subarray(length));
      if (count === null) throw NatsError.errorForCode(ErrorCode.ConnectionClosed);
      length += count;
      this.#firstBytes = bytes.slice(0, length);
      const line = extractProtocolMessage(this.#firstBytes);
      if (line === "") continue;
      return parseInfo(line);
    }
    throw notNats();
  }

  async #encrypt(
    connection: Deno.TcpConn,
    hostname: string,
    info: ServerInfo,
    { caCerts }: TransportOptions,
  ): Promise<void> {
    // Whoever sits between may have taken the offer out of the first line, or put words of its own after it.
    if (!info.tls_required && !info.tls_available) {
      throw new NatsError("the server offers no TLS", ErrorCode.ServerOptionNotAvailable);
    }
    if (extractProtocolMessage(this.#firstBytes).length !== this.#firstBytes.length) {
      throw notNats();
    }
    // It cannot be closed while TLS takes it over.
    this.#connection = null;
    const encrypted = await Deno.startTls(connection, { hostname, caCerts: [...caCerts] });
    this.#connection = encrypted;
    if (this.isClosed) encrypted.close();
    else await encrypted.handshake();
    this.#isEncrypted = true;
  }

  async #write(frame: Uint8Array): Promise<void> {
    for (let at = 0; at < frame.length && !this.isClosed;) {
      at += await this.#connection!.write(frame.subarray(at));
    }
  }

  #end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#dialling.abort();
    this.#connection?.close();
    if (this.#established) this.#ended.resolve(this.closeError);
  }
}

/** The server's first line. @throws {NatsError} when it is none. */
function parseInfo(line: string): ServerInfo {
  const text = INFO.exec(line)?.[1];
  let info: unknown;
  try {
    info = JSON.parse(text ?? "null");
  } catch (error) {
    throw notNats(error as Error);
  }
  const { version } = (info ?? {}) as Partial<ServerInfo>;
  if (typeof version !== "string" || !/^\d+\.\d+\.\d+/.test(version)) throw notNats();
  return info as ServerInfo;
}

function notNats(cause?: Error): NatsError {
  return new NatsError("this is not a NATS server", ErrorCode.BadPayload, cause);
}
