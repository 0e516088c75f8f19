let next: Promise<void> | undefined;

/**
 * Resolves in the next turn of the event loop, for all who wait in this one: about a millisecond. A read of a socket that
 * has bytes waiting resolves without a turn (measured, Deno 2.9): a peer that sends as fast as it can would hold up all
 * other peers, timers and pongs. So a long reader gives way.
 */
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
