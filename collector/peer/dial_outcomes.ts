// What became of dials, finer than the causes that decide how long to wait. Reported once a minute: a collector
// without luck dials thousands per hour.

import {
  ADDRESS_KINDS,
  type AddressKind,
  DIAL_OUTCOMES,
  type DialOutcome,
  type DialOutcomes,
} from "../../shared/batch/batch.ts";
import { type ConnectCode, ConnectFault } from "../dial/connect.ts";
import { Socks5Fault } from "../dial/socks5.ts";
import { type NoiseCode, NoiseFault } from "../noise/fault.ts";
import type { Cause } from "./backoff.ts";
import type { DialFault } from "./dialer.ts";
import type { Clock } from "../../shared/clock.ts";
import { pause } from "../../shared/waiting.ts";
import { zeros } from "../zeros.ts";

const CONNECT_OUTCOMES: Record<ConnectCode, DialOutcome> = {
  special: "not_allowed",
  denied: "not_allowed",
  not_allowed: "not_allowed",
  kind_off: "not_allowed",
  not_permitted: "not_allowed",
  no_address: "dns",
  dns_failed: "dns",
  dns_not_permitted: "dns",
  exhausted: "our_side",
  no_network: "our_side",
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

/** Of a dial without a connection. */
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

/** Of a session that ended before it was open. */
export function outcomeBeforeInit(cause: Cause): DialOutcome {
  return INIT_OUTCOMES[cause] ?? "protocol_error";
}

const REPORT_MS = 60_000;

/** Dials by outcome and kind of address. */
export class DialTally {
  readonly totals: Readonly<Record<DialOutcome, number>>;
  readonly #totals = zeros(DIAL_OUTCOMES);
  #counts = new Map<string, number>();

  constructor(private since: number) {
    this.totals = this.#totals;
  }

  add(outcome: DialOutcome, address: AddressKind): void {
    this.#totals[outcome]++;
    const key = `${outcome} ${address}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Since the last take; null when there was none. */
  take(now: number): DialOutcomes | null {
    const counts = this.#counts;
    const since = this.since;
    this.#counts = new Map();
    this.since = now;
    if (counts.size === 0) return null;
    const dials = DIAL_OUTCOMES.flatMap((outcome) =>
      ADDRESS_KINDS.flatMap((address) => {
        const count = counts.get(`${outcome} ${address}`);
        return count === undefined ? [] : [{ outcome, address, count }];
      })
    );
    return { kind: "dial_outcomes", since, at: now, dials };
  }
}

/** Reports the tally every minute, and the rest when the signal aborts. */
export async function reportDials(
  tally: DialTally,
  clock: Clock,
  signal: AbortSignal,
  report: (event: DialOutcomes) => void,
): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, REPORT_MS, signal);
    const event = tally.take(clock.now());
    if (event) report(event);
  }
}
