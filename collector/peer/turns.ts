/**
 * Turns of the event loop.
 *
 * A read of a socket that has bytes waiting resolves without a turn of the event loop (measured, Deno 2.9): a peer that
 * sends as fast as it can would keep all other peers, timers and pongs waiting for as long as it does. So whoever
 * reads much gives way in between.
 *
 * @module
 */

let next: Promise<void> | undefined;

/** Resolves in the next turn of the event loop, for all who ask in this one. About a millisecond. */
export function nextTurn(): Promise<void> {
  // A timer, not setImmediate: sockets are not polled between immediates.
  next ??= new Promise((resolve) =>
    setTimeout(() => {
      next = undefined;
      resolve();
    }, 0)
  );
  return next;
}
