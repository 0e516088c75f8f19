// From an endpoint to those that may be dialled in its place: a DNS name is looked up, and each address is held
// against the rules. The result holds no name, so that no second lookup can give another answer.

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

/** Why an endpoint may not be dialled: a rule, its kind of host, or no address of a kind that is dialled. */
export type ResolveCode = RefusalCode | "kind_off" | "no_address";

/** An endpoint that may not be dialled. */
export class ResolveFault extends Fault<ResolveCode> {
  override readonly name = "ResolveFault";
}

export interface ResolveOptions {
  readonly rules: DialRules;
  /** Names also need `ipv4` or `ipv6`. */
  readonly kinds: ReadonlySet<HostKind>;
  readonly resolver: Resolver;
  readonly signal: AbortSignal;
}

/** More is a farm or a joke; the rest is ignored. */
const MAX_ADDRESSES = 16;

/**
 * The endpoints to dial for a node, at least one, best first.
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
  const answers = await Promise.allSettled(
    families.map((family) => resolver.addresses(end.host, family, signal)),
  );
  const found = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  const failed = answers.find((answer) => answer.status === "rejected");
  if (found.length === 0 && failed) throw failed.reason;
  return found.slice(0, MAX_ADDRESSES).flatMap((text) => {
    const ip = parseIp(text);
    const found = ip && ipEndpoint(ip, end.port);
    return found && kinds.has(found.kind) ? [found] : [];
  });
}

function refused({ code, reason }: Refusal, before = ""): ResolveFault {
  return new ResolveFault(code, `${before}${reason}`);
}
