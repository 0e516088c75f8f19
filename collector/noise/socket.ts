import { errorText } from "../../shared/errors.ts";
import { NoiseFault } from "./fault.ts";

/** Writes all of `bytes`. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Closes a socket that may be closed already. */
export function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** A socket's error as a fault; a fault stays as it is. */
export function networkFault(doing: string, error: unknown): NoiseFault {
  if (error instanceof NoiseFault) return error;
  return new NoiseFault("network", `${doing}: ${errorText(error)}`, { cause: error });
}
