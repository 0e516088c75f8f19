// Receipts of messages that a log names but does not hold. Each waits until the graph has the message; those after it wait
// with it, so that the place in the log stays true. A message that does not come in time is recorded by its name alone.

import { createHash } from "node:crypto";
import { encodeDigest } from "../../shared/batch/digest.ts";
import type { Clock } from "../../shared/clock.ts";
import type { LogSink, MessageName } from "../../shared/node_logs/reader.ts";
import type { GraphView } from "../gossip/graph/graph_view.ts";
import type { LogSessions } from "./log_sessions.ts";

/** Another source may be this late, and its message has to be verified. */
const WAIT_US = 120_000_000;
/** About 20 MB. */
const MAX_WAITING = 100_000;

interface Step {
  readonly at: number;
  /** False while it has to wait. */
  readonly take: (isLate: boolean) => boolean;
}

/** Passes finds on in order. */
export class NamedReceipts implements LogSink {
  /** Receipts whose message did not come in time. */
  unresolved = 0;
  #steps: Step[] = [];
  #next = 0;

  constructor(
    private readonly sessions: LogSessions,
    private readonly view: GraphView,
    private readonly clock: Clock,
  ) {}

  get waiting(): number {
    return this.#steps.length - this.#next;
  }

  get isFull(): boolean {
    return this.waiting >= MAX_WAITING;
  }

  named(peer: string, name: MessageName, at: number, end: number): void {
    this.#add((isLate) => {
      const raw = messageOf(this.view, name);
      if (raw === null && !isLate) return false;
      if (raw === null) this.unresolved++;
      this.sessions.receipt(peer, raw ?? digestOf(name), at, end);
      return true;
    });
  }

  receipt(peer: string, raw: Uint8Array, at: number, end: number): void {
    this.#inOrder(() => this.sessions.receipt(peer, raw, at, end));
  }

  opened(peer: string, at: number, features: string): void {
    this.#inOrder(() => this.sessions.opened(peer, at, features));
  }

  seen(peer: string, at: number): void {
    this.#inOrder(() => this.sessions.seen(peer, at));
  }

  closed(peer: string, at: number, reason: string): void {
    this.#inOrder(() => this.sessions.closed(peer, at, reason));
  }

  doubtful(until: number): void {
    this.#inOrder(() => this.sessions.doubtful(until));
  }

  /** What comes next is of another file. */
  onFile(file: number): void {
    this.#inOrder(() => void (this.sessions.file = file));
  }

  gap(reason: string): void {
    this.#inOrder(() => this.sessions.gap(reason));
  }

  /** Call it now and then. */
  pump(): void {
    const now = this.clock.now();
    for (; this.#next < this.#steps.length; this.#next++) {
      const { at, take } = this.#steps[this.#next];
      if (!take(now - at >= WAIT_US)) break;
    }
    if (2 * this.#next < this.#steps.length) return;
    this.#steps = this.#steps.slice(this.#next);
    this.#next = 0;
  }

  /** What still waits stays in the log for the next run. */
  drop(): void {
    this.#steps = [];
    this.#next = 0;
  }

  #inOrder(take: () => void): void {
    if (this.waiting === 0) return take();
    this.#add(() => {
      take();
      return true;
    });
  }

  #add(take: Step["take"]): void {
    const isFirst = this.waiting === 0;
    if (isFirst && take(false)) return;
    this.#steps.push({ at: this.clock.now(), take });
  }
}

/** Stands for a message of which there is only its name: the same name gives the same digest anywhere. */
function digestOf({ scid, direction, nodeId, timestamp }: MessageName): Uint8Array {
  const name = [scid, direction, nodeId, timestamp].map((part) => part ?? "").join("/");
  const type = nodeId !== undefined ? 257 : direction !== undefined ? 258 : 256;
  return encodeDigest({
    sha256: createHash("sha256").update(`named by a log: ${name}`).digest(),
    facts: {
      type,
      size: 0,
      scid: scid === undefined ? null : BigInt.asIntN(64, scid),
      direction: direction ?? null,
      nodeId: nodeId ?? null,
      ownTimestamp: timestamp ?? null,
      innerId: null,
    },
  });
}

/** The message that the graph has under a name, if it is the very one: of updates it keeps the newest. */
function messageOf(view: GraphView, name: MessageName): Uint8Array | null {
  if (name.nodeId !== undefined) return nodeAnnouncement(view, name.nodeId, name.timestamp);
  if (name.scid === undefined) return null;
  const slot = view.find(name.scid);
  if (slot < 0) return null;
  if (name.direction === undefined) return view.announcement(slot);
  const isIt = view.timestamp(slot, name.direction) === name.timestamp;
  return isIt ? view.update(slot, name.direction) : null;
}

function nodeAnnouncement(
  view: GraphView,
  nodeId: string,
  timestamp: number | undefined,
): Uint8Array | null {
  const position = view.nodeLowerBound(Uint8Array.fromHex(nodeId));
  if (position >= view.nodeCount) return null;
  const node = view.nodeAt(position);
  const isIt = view.nodeId(node).toHex() === nodeId && view.nodeTimestamp(node) === timestamp;
  return isIt ? view.nodeAnnouncement(node) : null;
}
