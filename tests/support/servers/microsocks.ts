// A real SOCKS5 proxy on loopback, for one test: Debian's microsocks.

import { startProcess } from "./process.ts";
import { until } from "../until.ts";

/** Ports to draw from, below Linux' ephemeral range. */
const FIRST_PORT = 16_000;
const LAST_PORT = 20_000;
/** Another test may hold the port. */
const START_ATTEMPTS = 20;

/** A running proxy; disposing ends it. */
export interface Microsocks extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
}

/**
 * Starts microsocks and waits until it takes connections.
 *
 * @param credentials those it demands; none when left out.
 * @throws {UserError} when it is not installed.
 */
export async function startMicrosocks(
  credentials?: { readonly username: string; readonly password: string },
): Promise<Microsocks> {
  const login = credentials ? ["-u", credentials.username, "-P", credentials.password] : [];
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await isTaken(port)) continue;
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(
      startProcess("microsocks", ["-i", "127.0.0.1", "-p", `${port}`, ...login]),
    );
    await until(
      async () => proxy.status !== null || await isTaken(port),
      () => proxy.lines.join("\n"),
    );
    if (proxy.status !== null) continue;
    const owned = stack.move();
    return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }
  throw new Error(`No free port for microsocks after ${START_ATTEMPTS} attempts`);
}

/** Whether something takes connections there. */
async function isTaken(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
