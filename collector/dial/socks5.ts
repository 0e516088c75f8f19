// The client's side of SOCKS5 (RFC 1928) with user and password (RFC 1929), without I/O. The credentials are no
// secrets: Tor puts streams with different ones on different circuits (socks-extensions, "Stream isolation"), so that
// no relay sees which peers are ours together.

import { Fault } from "../../shared/errors.ts";
import type { Random } from "../../shared/random.ts";
import type { Endpoint } from "../addresses/endpoint.ts";
import { parseIp } from "../addresses/ip.ts";

/** Why a stream through a proxy failed. */
export type Socks5Code =
  | "no_method" // the proxy takes no user and password, so it cannot isolate
  | "bad_credentials"
  // The replies 1 to 8 of RFC 1928.
  | "general_failure"
  | "not_allowed"
  | "network_unreachable"
  | "host_unreachable"
  | "connection_refused"
  | "ttl_expired"
  | "command_unsupported"
  | "address_unsupported"
  | "onion_unreachable" // one of Tor's own replies about an onion service
  | "unknown_reply"
  | "malformed" // what answers does not speak SOCKS5
  | "unresolved" // a DNS name, which a proxy would resolve out of our sight
  | "truncated"
  | "timeout"
  | "network";

/** Any failure to get through a proxy. */
export class Socks5Fault extends Fault<Socks5Code> {
  override readonly name = "Socks5Fault";
}

/** Each 1 to 255 bytes of ASCII. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Bytes to write, then how many to read: never more than the proxy sends before the stream begins. */
export interface Socks5Step {
  readonly write: Uint8Array;
  readonly read: number;
}

const VERSION = 5;
const METHOD_PASSWORD = 2;
const NO_ACCEPTABLE_METHOD = 0xff;
/** RFC 1929 counts for itself. */
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const ADDRESS_IPV4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_IPV6 = 4;
const PORT_BYTES = 2;
const MAX_CREDENTIAL_BYTES = 255;
const NOTHING = new Uint8Array(0);

/** RFC 1928, section 6: the codes and their meaning. */
const REPLIES: Record<number, readonly [Socks5Code, string]> = {
  1: ["general_failure", "it failed"],
  2: ["not_allowed", "its rules do not allow that"],
  3: ["network_unreachable", "it has no route to that network"],
  4: ["host_unreachable", "it has no route to that host"],
  5: ["connection_refused", "the connection was refused"],
  6: ["ttl_expired", "it got no answer in time"],
  7: ["command_unsupported", "it does not make connections"],
  8: ["address_unsupported", "it does not take such addresses"],
  // Tor's socks-extensions, "Extended error codes".
  0xf0: ["onion_unreachable", "the onion service's descriptor was not found"],
  0xf1: ["onion_unreachable", "the onion service's descriptor is not valid"],
  0xf2: ["onion_unreachable", "the onion service could not be introduced to us"],
  0xf3: ["onion_unreachable", "the onion service did not come to the rendezvous"],
  0xf4: ["onion_unreachable", "the onion service is closed to strangers"],
  0xf5: ["onion_unreachable", "the onion service is closed to us"],
  0xf6: ["onion_unreachable", "the onion service's address is not valid"],
  0xf7: ["onion_unreachable", "the onion service's introduction took too long"],
};

/** Fresh credentials: a circuit of their own. */
export function isolation(random: Random): Credentials {
  const digits = () => random.next().toString(16).slice(2).padEnd(13, "0");
  return { username: digits() + digits(), password: digits() + digits() };
}

/**
 * Steps until the stream to `target` begins; each is answered with exactly the bytes it asks for.
 * @throws {Socks5Fault}.
 */
export function* socks5(
  target: Endpoint,
  credentials: Credentials,
): Generator<Socks5Step, void, Uint8Array> {
  const request = connectRequest(target);

  // RFC 1928, section 3: method selection. Only one is offered, so that no proxy can leave the isolation out.
  const method = yield { write: Uint8Array.of(VERSION, 1, METHOD_PASSWORD), read: 2 };
  expectVersion(method[0], VERSION);
  if (method[1] === NO_ACCEPTABLE_METHOD) {
    throw new Socks5Fault("no_method", "the proxy takes no user and password; Tor does");
  }
  if (method[1] !== METHOD_PASSWORD) throw malformed(`method ${method[1]}, which was not offered`);

  // RFC 1929, section 2.
  const status = yield { write: passwordRequest(credentials), read: 2 };
  expectVersion(status[0], PASSWORD_VERSION);
  if (status[1] !== 0) {
    throw new Socks5Fault("bad_credentials", "the proxy does not take any user and password");
  }

  // RFC 1928, section 6. A failing proxy may close right after these four bytes.
  const reply = yield { write: request, read: 4 };
  expectVersion(reply[0], VERSION);
  if (reply[1] !== 0) throw failure(reply[1]);
  // The address that the proxy dialled from: skipped.
  const bound = yield* boundAddressBytes(reply[3]);
  yield { write: NOTHING, read: bound + PORT_BYTES };
}

function* boundAddressBytes(type: number): Generator<Socks5Step, number, Uint8Array> {
  if (type === ADDRESS_IPV4) return 4;
  if (type === ADDRESS_IPV6) return 16;
  if (type === ADDRESS_NAME) return (yield { write: NOTHING, read: 1 })[0];
  throw malformed(`address type ${type}`);
}

function passwordRequest({ username, password }: Credentials): Uint8Array {
  const parts = [username, password].map((text) => new TextEncoder().encode(text));
  for (const { length } of parts) {
    if (length < 1 || length > MAX_CREDENTIAL_BYTES) {
      throw new TypeError(`Cannot use SOCKS5 credentials: ${length} bytes, not 1 to 255`);
    }
  }
  return Uint8Array.from([PASSWORD_VERSION, ...parts.flatMap((part) => [part.length, ...part])]);
}

function connectRequest({ kind, host, port }: Endpoint): Uint8Array {
  if (kind === "dns") {
    throw new Socks5Fault("unresolved", `${host} is to be resolved before a proxy is asked`);
  }
  const name = new TextEncoder().encode(host);
  const address = kind === "onion"
    ? [ADDRESS_NAME, name.length, ...name]
    : [kind === "ipv4" ? ADDRESS_IPV4 : ADDRESS_IPV6, ...parseIp(host)!];
  return Uint8Array.from([VERSION, CONNECT, 0, ...address, port >> 8, port & 0xff]);
}

function expectVersion(version: number, expected: number): void {
  if (version !== expected) throw malformed(`version ${version} where ${expected} should be`);
}

function malformed(what: string): Socks5Fault {
  return new Socks5Fault("malformed", `the proxy does not speak SOCKS5: it sent ${what}`);
}

function failure(reply: number): Socks5Fault {
  const [code, what] = REPLIES[reply] ?? ["unknown_reply", `it sent the unknown reply ${reply}`];
  return new Socks5Fault(code, `the proxy did not connect: ${what}`);
}
