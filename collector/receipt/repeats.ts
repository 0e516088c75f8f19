// Which peer has delivered which message: one bit for each, over the newest messages and a bounded number of peers. A
// receipt of another message or peer is never marked as a repeat; {@link Repeats.untracked} counts such.

export interface RepeatsLimits {
  /** Base-2 logarithm of the messages: the newest 2^16 are 3.6 hours of mainnet. */
  readonly messagesLog2: number;
  /** Peers at once, a multiple of 32; those away the longest give way. With 2^16 messages, 2048 take 16 MiB. */
  readonly peers: number;
}

/** A peer without a place: its repeats are not noticed. */
const NO_COLUMN = -1;

interface Peer {
  readonly column: number;
  sessions: number;
}

/** Deliveries by message number and peer. */
export class Repeats {
  readonly #bits: Uint32Array;
  readonly #messages: number;
  readonly #words: number;
  /** By node id; peers without a session in the order in which they went. */
  readonly #peers = new Map<string, Peer>();
  readonly #limit: number;
  #next = 0;
  #untracked = 0;

  constructor(limits: RepeatsLimits) {
    this.#messages = 2 ** limits.messagesLog2;
    this.#limit = limits.peers;
    this.#words = limits.peers / 32;
    this.#bits = new Uint32Array(this.#messages * this.#words);
  }

  get untracked(): number {
    return this.#untracked;
  }

  /** A session with the peer begins; gives its column for {@link mark}. What it delivered before still counts. */
  open(nodeId: string): number {
    const known = this.#peers.get(nodeId);
    if (known) {
      known.sessions++;
      return known.column;
    }
    const column = this.#freeColumn();
    if (column !== NO_COLUMN) this.#peers.set(nodeId, { column, sessions: 1 });
    return column;
  }

  close(nodeId: string): void {
    const peer = this.#peers.get(nodeId);
    if (!peer || --peer.sessions > 0) return;
    this.#peers.delete(nodeId);
    this.#peers.set(nodeId, peer);
  }

  /** A new message: {@link mark} may be called for it from now on. Numbers come in order, from 0. */
  add(message: number): void {
    const at = (message & (this.#messages - 1)) * this.#words;
    this.#bits.fill(0, at, at + this.#words);
    this.#next = message + 1;
  }

  mark(message: number, column: number): boolean {
    if (column === NO_COLUMN || message < this.#next - this.#messages) {
      this.#untracked++;
      return false;
    }
    const at = (message & (this.#messages - 1)) * this.#words + (column >>> 5);
    const bit = 1 << (column & 31);
    const before = this.#bits[at];
    this.#bits[at] = before | bit;
    return (before & bit) !== 0;
  }

  #freeColumn(): number {
    if (this.#peers.size < this.#limit) return this.#peers.size;
    for (const [nodeId, { column, sessions }] of this.#peers) {
      if (sessions > 0) continue;
      this.#peers.delete(nodeId);
      const keep = ~(1 << (column & 31));
      for (let at = column >>> 5; at < this.#bits.length; at += this.#words) this.#bits[at] &= keep;
      return column;
    }
    return NO_COLUMN;
  }
}
