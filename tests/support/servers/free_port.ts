// Ports for servers that tests start, stop and start again.

/**
 * Ports to draw from: below Linux' ephemeral range, so that while a server is down no client's own socket, its
 * reconnecting ones least of all, gets the port that a restart needs again.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** A TCP port of 127.0.0.1 that nobody listened at a moment ago. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
