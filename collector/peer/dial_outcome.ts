/**
 * What became of a dial, as the archive is told it: finer than the causes that decide how long to wait.
 *
 * @module
 */
import type { DialOutcome } from "../../shared/batch/batch.ts";
import { type ConnectCode, ConnectFault } from "../dial/connect.ts";
import { Socks5Fault } from "../dial/socks5.ts";
import { type NoiseCode, NoiseFault } from "../noise/fault.ts";
import type { Cause } from "./backoff.ts";
import type { DialFault } from "./dialer.ts";

const CONNECT_OUTCOMES: Record<ConnectCode, DialOutcome> = {
  special: "not_allowed",
  denied: "not_allowed",
  not_allowed: "not_allowed",
  kind_off: "not_allowed",
  not_permitted: "not_allowed",
  no_address: "dns",
  dns_failed: "dns",
  dns_not_permitted: "dns",
  no_proxy: "proxy",
  proxy: "proxy",
  unreachable: "unreachable",
  timeout: "timed_out",
};

const HANDSHAKE_OUTCOMES: Partial<Record<NoiseCode, DialOutcome>> = {
  bad_version: "wrong_key",
  bad_key: "wrong_key",
  bad_mac: "wrong_key",
};

const INIT_OUTCOMES: Partial<Record<Cause, DialOutcome>> = {
  full: "closed_before_init",
  handshake: "no_init",
  incompatible: "incompatible",
};

/** Of a dial that gave no connection. */
export function outcomeOfDial({ cause }: DialFault): DialOutcome {
  if (cause instanceof NoiseFault) return HANDSHAKE_OUTCOMES[cause.code] ?? "handshake";
  if (!(cause instanceof ConnectFault)) return "unreachable";
  if (cause.code !== "unreachable") return CONNECT_OUTCOMES[cause.code];
  // The system's own word, or the proxy's.
  const { cause: why } = cause;
  if (why instanceof Deno.errors.ConnectionRefused) return "refused";
  if (why instanceof Socks5Fault && why.code === "connection_refused") return "refused";
  if (why instanceof Deno.errors.TimedOut) return "timed_out";
  if (why instanceof Socks5Fault && why.code === "ttl_expired") return "timed_out";
  return "unreachable";
}

/** Of a session that ended before it was open, by the cause of its end. */
export function outcomeBeforeInit(cause: Cause): DialOutcome {
  return INIT_OUTCOMES[cause] ?? "protocol_error";
}
