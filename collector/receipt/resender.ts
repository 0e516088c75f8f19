// Answers an archive's resend requests: sessions from here, messages from those whose bytes are still kept.
//
// An archive asks until it has what it lacks, and what was sent may still be on its way: so nothing is sent twice within
// a pause.

import type { ResendRequest, SessionClosed, SessionOpened } from "../../shared/batch/batch.ts";

/** Time before the same thing is sent again. */
const PAUSE_US = 30_000_000;
/** Messages, and sessions, sent again per pause; the archive asks for the rest later. */
const MAX_PER_PAUSE = 20_000;
/** Messages whose bytes the next receipt will bring. */
const MAX_DUE = 20_000;
const MAX_SESSIONS = 4096;
/** Of the sessions as JSON. */
const MAX_SESSION_BYTES = 4 * 1024 * 1024;

interface KeptSession {
  readonly opened: SessionOpened;
  readonly bytes: number;
  closed: SessionClosed | undefined;
}

/** Chooses what to send again. */
export class Resender {
  readonly #sessions = new Map<number, KeptSession>();
  #sessionBytes = 0;
  /** Messages whose bytes are to travel with their next receipt. */
  readonly #due = new Set<number>();
  #pauseBegan = 0;
  readonly #sentMessages = new Set<number>();
  readonly #sentSessions = new Set<number>();

  /** Keeps a session, which is `bytes` long as JSON, in place of the oldest ones. */
  keepOpened(opened: SessionOpened, bytes: number): void {
    this.#sessions.set(opened.session, { opened, bytes, closed: undefined });
    this.#sessionBytes += bytes;
    for (const [session, kept] of this.#sessions) {
      if (this.#sessions.size <= MAX_SESSIONS && this.#sessionBytes <= MAX_SESSION_BYTES) break;
      this.#sessions.delete(session);
      this.#sessionBytes -= kept.bytes;
    }
  }

  keepClosed(closed: SessionClosed): void {
    const kept = this.#sessions.get(closed.session);
    if (kept) kept.closed = closed;
  }

  /** What to send at `now`, µs: message numbers, and sessions' events in their order. */
  select(request: ResendRequest, now: number): {
    messages: number[];
    events: (SessionOpened | SessionClosed)[];
  } {
    if (now - this.#pauseBegan >= PAUSE_US) {
      this.#pauseBegan = now;
      this.#sentMessages.clear();
      this.#sentSessions.clear();
    }
    const messages = request.messages.filter((number) => note(this.#sentMessages, number));
    const events: (SessionOpened | SessionClosed)[] = [];
    for (const session of request.sessions) {
      const kept = this.#sessions.get(session);
      if (!kept || !note(this.#sentSessions, session)) continue;
      events.push(kept.opened);
      if (kept.closed) events.push(kept.closed);
    }
    return { messages, events };
  }

  expect(message: number): void {
    if (this.#due.size < MAX_DUE) this.#due.add(message);
  }

  isDue(message: number): boolean {
    return this.#due.size > 0 && this.#due.delete(message);
  }
}

/** Adds a number to a set; false when it is in or the set is full. */
function note(sent: Set<number>, number: number): boolean {
  if (sent.has(number) || sent.size >= MAX_PER_PAUSE) return false;
  sent.add(number);
  return true;
}
