// Starting a server that one of Debian's packages brings.

import { UserError } from "../../../shared/errors.ts";
import { type Process, startProcess } from "./process.ts";

/** A server, and how its log tells that it is up. */
export interface DebianServer {
  /** Its program. Debian keeps servers in `/usr/sbin`, which is not on every user's PATH. */
  readonly program: string;
  /** The package that brings it. */
  readonly package: string;
  /** Its line when it takes connections. */
  readonly ready: RegExp;
  /** Its line when another process has its port. */
  readonly taken: RegExp;
}

/**
 * Runs the server until it is ready; null when its port is taken.
 *
 * @throws {UserError} when it is not installed.
 */
export async function startDebianServer(
  server: DebianServer,
  args: readonly string[],
): Promise<Process | null> {
  const process = spawn(server, args);
  try {
    const line = await process.waitForLine(
      new RegExp(`${server.ready.source}|${server.taken.source}`),
    );
    if (server.ready.test(line)) return process;
    await process.kill();
    return null;
  } catch (error) {
    await process.kill();
    throw error;
  }
}

function spawn({ program, package: name }: DebianServer, args: readonly string[]): Process {
  for (const command of [program, `/usr/sbin/${program}`]) {
    try {
      return startProcess(command, args);
    } catch (error) {
      const missing = error instanceof UserError && error.cause instanceof Deno.errors.NotFound;
      if (!missing) throw error;
    }
  }
  throw new UserError(
    `Cannot find ${program}, which the tests need; install Debian's package: apt-get install ${name}`,
  );
}
