import * as v from "valibot";
import { parseCidr } from "./ip.ts";
import { endpoint, parseEndpoint, parseNodeId } from "./endpoint.ts";
import { AddressFault } from "./fault.ts";

/** Longest list of nodes and networks; more is a peer file. */
const MAX_ENTRIES = 10_000;
const MAX_SEEDS = 32;

/** `what` completes "should be …". */
function parsed(parse: (text: string) => unknown, what: string): v.GenericSchema<string> {
  const message = `should be ${what}`;
  return v.pipe(v.string(message), v.check((text) => isTaken(parse, text), message));
}

function isTaken(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof AddressFault) return false;
    throw error;
  }
}

function listOf(item: v.GenericSchema<string>, longest: number): v.GenericSchema<string[]> {
  return v.pipe(
    v.array(item, "should be a list"),
    v.maxLength(longest, `should have at most ${longest} entries`),
  );
}

const NETWORK = "a network such as 192.168.1.0/24 or fd00:1::/32";

export const networkList: v.GenericSchema<string[]> = listOf(
  parsed(parseCidr, NETWORK),
  MAX_ENTRIES,
);

export const nodeAndNetworkList: v.GenericSchema<string[]> = listOf(
  parsed(
    (text) => /[./:]/.test(text) ? parseCidr(text) : parseNodeId(text),
    `a node id (66 hex digits) or ${NETWORK}`,
  ),
  MAX_ENTRIES,
);

export const seedList: v.GenericSchema<string[]> = listOf(
  parsed((text) => requireKind(endpoint(text, 1).kind, ["dns"]), "a DNS name"),
  MAX_SEEDS,
);

export const nameServer: v.GenericSchema<string> = parsed(
  (text) => requireKind(parseEndpoint(text, DNS_PORT).kind, ["ipv4", "ipv6"]),
  "a name server such as 127.0.0.1:53 or [2001:db8::1]:53",
);

export const proxy: v.GenericSchema<string> = parsed(
  (text) => requireKind(parseEndpoint(text).kind, ["ipv4", "ipv6", "dns"]),
  "a SOCKS5 proxy such as 127.0.0.1:9050",
);

/** RFC 1035, section 4.2. */
export const DNS_PORT = 53;

function requireKind(kind: string, kinds: readonly string[]): void {
  if (!kinds.includes(kind)) throw new AddressFault("bad_host", "it is of another kind");
}
