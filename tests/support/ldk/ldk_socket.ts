// LDK's view of one TCP socket.

import * as ldk from "lightningdevkit";

/** Unsent bytes past which a socket takes no more from LDK, as a kernel's send buffer would. */
const MAX_UNSENT_BYTES = 64 * 1024;
const READ_BUFFER_BYTES = 64 * 1024;

let lastId = 0n;

/** Joins a socket to a PeerManager in both directions, with LDK's own back-pressure. */
export class LdkSocket {
  /** What LDK knows it by. */
  readonly descriptor: ldk.SocketDescriptor;
  /** Resolves when both directions are at rest and the socket is closed. */
  readonly ended: Promise<void>;
  readonly #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #closed = false;
  /** LDK was refused space and must be told when there is some; no reads go to it until then. */
  #refused = false;
  /** LDK asked for no more reads until it says so. */
  #paused = false;
  #wakeReader: () => void = () => {};
  #wakeWriter: () => void = () => {};
  #start: () => void = () => {};

  /** Nothing moves before {@link start}. */
  constructor(private readonly conn: Deno.TcpConn, private readonly manager: ldk.PeerManager) {
    conn.setNoDelay(true);
    const id = ++lastId;
    this.descriptor = ldk.SocketDescriptor.new_impl({
      send_data: (data, resumeRead) => this.#accept(data, resumeRead),
      disconnect_socket: () => this.close(),
      eq: (other) => other.hash() === id,
      hash: () => id,
    });
    const started = new Promise<void>((resolve) => this.#start = resolve);
    this.ended = started.then(async () => {
      await Promise.all([this.#read(), this.#write()]);
    });
  }

  /** Begins to read and write, once LDK knows the socket. `first` goes out before all else (act one). */
  start(first?: Uint8Array): void {
    if (first) this.#push(first);
    this.#start();
  }

  /** Ends both directions; twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conn.close();
    this.#start();
    this.#wakeReader();
    this.#wakeWriter();
  }

  // LDK calls this from inside its own calls, so it must call nothing of LDK's.
  #accept(data: Uint8Array, resumeRead: boolean): number {
    if (resumeRead) {
      this.#paused = false;
      this.#wakeReader();
    }
    if (this.#closed || data.length === 0) return 0;
    if (this.#unsentBytes >= MAX_UNSENT_BYTES) {
      this.#refused = true;
      return 0;
    }
    this.#push(data);
    return data.length;
  }

  #push(data: Uint8Array): void {
    this.#unsent.push(data.slice());
    this.#unsentBytes += data.length;
    this.#wakeWriter();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    while (!this.#closed) {
      const length = await this.conn.read(buffer).catch(() => null);
      while (!this.#closed && (this.#paused || this.#refused)) {
        await new Promise<void>((resolve) => this.#wakeReader = resolve);
      }
      if (length === null || this.#closed) break;
      const result = this.manager.read_event(this.descriptor, buffer.slice(0, length));
      // An error is LDK's own end of the connection.
      if (!(result instanceof ldk.Result_boolPeerHandleErrorZ_OK)) break;
      if (result.res) this.#paused = true;
      this.manager.process_events();
    }
    this.manager.socket_disconnected(this.descriptor);
    this.close();
  }

  async #write(): Promise<void> {
    while (!this.#closed) {
      const data = this.#unsent.shift();
      if (!data) {
        await new Promise<void>((resolve) => this.#wakeWriter = resolve);
        continue;
      }
      try {
        for (let sent = 0; sent < data.length;) {
          sent += await this.conn.write(data.subarray(sent));
        }
      } catch {
        break;
      }
      this.#unsentBytes -= data.length;
      if (this.#refused && !this.#closed) {
        this.#refused = false;
        this.#wakeReader();
        if (!this.manager.write_buffer_space_avail(this.descriptor).is_ok()) break;
      }
    }
    this.close();
  }
}
