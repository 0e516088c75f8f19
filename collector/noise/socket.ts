import { errorText } from "../../shared/errors.ts";
import { NoiseFault } from "./fault.ts";

/** Writes all of `bytes`. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Reads exactly `length` bytes. @throws {Deno.errors.UnexpectedEof} when the other side closes before. */
export async function readExactly(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) {
      throw new Deno.errors.UnexpectedEof(`the other side closed after ${at} of ${length} bytes`);
    }
    at += count;
  }
  return bytes;
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
