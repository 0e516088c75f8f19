/**
 * What archives ask to hear again, and what can be told: sessions from here, texts from the recent ones.
 *
 * An archive asks again until it has been told, and what it was told may still be under way: so nothing is told twice
 * within a pause.
 *
 * @module
 */
import type { SessionClosed, SessionOpened, Want } from "../../shared/batch/batch.ts";

/** How long after telling something again it is not told once more. */
const PAUSE_MICROSECONDS = 30_000_000;
/** Messages, and sessions, told again in one pause, at most; the rest waits for the archive to ask again. */
const MAX_TOLD = 20_000;
/** Messages whose text the next receipt will bring, at most. */
const MAX_DUE = 20_000;
/** Sessions kept, at most, and their bytes as JSON. */
const MAX_SESSIONS = 4096;
const MAX_SESSION_BYTES = 4 * 1024 * 1024;

/** The two events of one session. */
interface KeptSession {
  readonly opened: SessionOpened;
  readonly bytes: number;
  closed: SessionClosed | undefined;
}

/** What to tell again. */
export class Retelling {
  readonly #sessions = new Map<number, KeptSession>();
  #sessionBytes = 0;
  /** Messages whose text is to travel with their next receipt. */
  readonly #due = new Set<number>();
  #toldSince = 0;
  readonly #toldMessages = new Set<number>();
  readonly #toldSessions = new Set<number>();

  /** Keeps a session, in place of the oldest ones; `bytes` is what it takes as JSON. */
  keepOpened(opened: SessionOpened, bytes: number): void {
    this.#sessions.set(opened.session, { opened, bytes, closed: undefined });
    this.#sessionBytes += bytes;
    for (const [session, kept] of this.#sessions) {
      if (this.#sessions.size <= MAX_SESSIONS && this.#sessionBytes <= MAX_SESSION_BYTES) break;
      this.#sessions.delete(session);
      this.#sessionBytes -= kept.bytes;
    }
  }

  /** Keeps the end of a session. */
  keepClosed(closed: SessionClosed): void {
    const kept = this.#sessions.get(closed.session);
    if (kept) kept.closed = closed;
  }

  /** What of a want is to be told now: message numbers, and sessions' events in their order. */
  select(want: Want, now: number): {
    messages: number[];
    events: (SessionOpened | SessionClosed)[];
  } {
    if (now - this.#toldSince >= PAUSE_MICROSECONDS) {
      this.#toldSince = now;
      this.#toldMessages.clear();
      this.#toldSessions.clear();
    }
    const messages = want.messages.filter((number) => note(this.#toldMessages, number));
    const events: (SessionOpened | SessionClosed)[] = [];
    for (const session of want.sessions) {
      const kept = this.#sessions.get(session);
      if (!kept || !note(this.#toldSessions, session)) continue;
      events.push(kept.opened);
      if (kept.closed) events.push(kept.closed);
    }
    return { messages, events };
  }

  /** Lets the text of a message travel with its next receipt. */
  expect(message: number): void {
    if (this.#due.size < MAX_DUE) this.#due.add(message);
  }

  /** Whether this receipt's text is to travel; asked once a receipt. */
  isDue(message: number): boolean {
    return this.#due.size > 0 && this.#due.delete(message);
  }
}

/** Adds a number to a set; false when it is in or the set is full. */
function note(told: Set<number>, number: number): boolean {
  if (told.has(number) || told.size >= MAX_TOLD) return false;
  told.add(number);
  return true;
}
