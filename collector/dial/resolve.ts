/**
 * From an endpoint to those that may be dialled in its place: a DNS name is looked up, and each address is held against
 * the rules. What comes out has no name left in it, so that nothing looks it up a second time and gets another answer.
 *
 * @module
 */
import { Fault } from "../../shared/errors.ts";
import {
  type Endpoint,
  type HostKind,
  ipEndpoint,
  type NodeAddress,
} from "../addresses/endpoint.ts";
import type { DialRules, Refusal, RefusalCode } from "../addresses/dial_rules.ts";
import { parseIp } from "../addresses/ip.ts";
import type { Resolver } from "./resolver.ts";

/**
 * A rule's refusal, or
 * - `kind_off`: hosts of this kind are not dialled by this collector;
 * - `no_address`: the name has no address of a kind that is.
 */
export type ResolveCode = RefusalCode | "kind_off" | "no_address";

/** An endpoint that leads nowhere we may go. */
export class ResolveFault extends Fault<ResolveCode> {
  /** Tells it apart in logs. */
  override readonly name = "ResolveFault";
}

/** What it takes to resolve. */
export interface ResolveOptions {
  /** Whom we may dial. */
  readonly rules: DialRules;
  /** The kinds of hosts that are dialled; names also need `ipv4` or `ipv6`. */
  readonly kinds: ReadonlySet<HostKind>;
  /** Looks names up. */
  readonly resolver: Resolver;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** A name with more addresses is a farm, or a joke; the rest are not looked at. */
const MAX_ADDRESSES = 16;

/**
 * The endpoints to dial for a node's address, one at least, best first: IP addresses, or the one onion service.
 *
 * @throws {ResolveFault} when none may be dialled; {@link DnsFault}; or the signal's reason.
 */
export async function resolveEndpoint(
  { nodeId, end }: NodeAddress,
  options: ResolveOptions,
): Promise<readonly Endpoint[]> {
  const { rules, kinds } = options;
  if (!kinds.has(end.kind)) {
    throw new ResolveFault("kind_off", `hosts of kind ${end.kind} are not dialled here`);
  }
  const refusal = rules.refusal(nodeId, end);
  if (refusal) throw refused(refusal);
  if (end.kind !== "dns") return [end];
  const found = await lookUp(end, options);
  const refusals = found.map((address) => rules.refusal(nodeId, address));
  const allowed = found.filter((_, i) => refusals[i] === null);
  if (allowed.length > 0) return allowed;
  const first = refusals[0];
  if (first) throw refused(first, `${end.host} resolves to nothing that may be dialled: `);
  throw new ResolveFault("no_address", `${end.host} has no address`);
}

/** The addresses of a name, IPv4 first: more hosts have it than IPv6. */
async function lookUp(end: Endpoint, options: ResolveOptions): Promise<Endpoint[]> {
  const { kinds, resolver, signal } = options;
  const families = (["ipv4", "ipv6"] as const).filter((family) => kinds.has(family));
  const answers = await Promise.all(
    families.map((family) => resolver.addresses(end.host, family, signal)),
  );
  return answers.flat().slice(0, MAX_ADDRESSES).flatMap((text) => {
    const ip = parseIp(text);
    const found = ip && ipEndpoint(ip, end.port);
    return found && kinds.has(found.kind) ? [found] : [];
  });
}

function refused({ code, reason }: Refusal, before = ""): ResolveFault {
  return new ResolveFault(code, `${before}${reason}`);
}
