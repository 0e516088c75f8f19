import { errorText } from "../../shared/errors.ts";
import { closeQuietly, readExactly, writeAll } from "../noise/socket.ts";
import type { Endpoint } from "../addresses/endpoint.ts";
import { type Credentials, socks5, Socks5Fault } from "./socks5.ts";

/**
 * Asks the proxy at `conn` for a stream to `target`; then `conn` is that stream, unread. Closes it on failure.
 * @throws {Socks5Fault} with any code but `timeout`; or the signal's reason.
 */
export async function speakSocks5(
  conn: Deno.Conn,
  target: Endpoint,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<void> {
  const onAbort = () => closeQuietly(conn);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const steps = socks5(target, credentials);
    for (let step = steps.next(); !step.done;) {
      await writeAll(conn, step.value.write);
      step = steps.next(await readExactly(conn, step.value.read));
    }
    signal.throwIfAborted();
  } catch (error) {
    closeQuietly(conn);
    signal.throwIfAborted();
    if (error instanceof Socks5Fault) throw error;
    const code = error instanceof Deno.errors.UnexpectedEof ? "truncated" : "network";
    throw new Socks5Fault(code, `proxy: ${errorText(error)}`, { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
