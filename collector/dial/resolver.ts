import { errorText, Fault } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { closeQuietly, readExactly, writeAll } from "../noise/socket.ts";

/** No resolver answered, or with an error; or this process may not ask. */
export type DnsCode = "dns_failed" | "dns_not_permitted";

/** A question that got no answer. A name that does not exist is an answer. */
export class DnsFault extends Fault<DnsCode> {
  override readonly name = "DnsFault";
}

/** RFC 2782, less priority and weight. */
export interface Service {
  readonly target: string;
  readonly port: number;
}

/**
 * Names are absolute. A name without such records gives an empty list; answers are unchecked. Throws {@link DnsFault}
 * or the signal's reason.
 */
export interface Resolver {
  addresses(name: string, family: "ipv4" | "ipv6", signal: AbortSignal): Promise<readonly string[]>;
  services(name: string, signal: AbortSignal): Promise<readonly Service[]>;
}

export interface NameServer {
  readonly ip: string;
  readonly port: number;
}

/** Record types by their number on the wire (RFC 1035, RFC 2782, RFC 3596). */
const TYPES = { A: 1, SRV: 33, AAAA: 28 } as const;

/** The runtime's resolver. @param nameServer those of `/etc/resolv.conf` by default. */
export function dnsResolver(nameServer?: NameServer): Resolver {
  const server = nameServer && { nameServer: { ipAddr: nameServer.ip, port: nameServer.port } };
  const ask = async <T>(
    name: string,
    type: keyof typeof TYPES,
    question: (name: string) => Promise<T[]>,
    signal: AbortSignal,
  ): Promise<T[]> => {
    signal.throwIfAborted();
    // RFC 1034, section 3.1: a name that ends in a dot is whole.
    const whole = name.endsWith(".") ? name : `${name}.`;
    try {
      return await question(whole);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Deno.errors.NotFound)) throw faultOf(name, error);
    }
    // The runtime says the same of a name that does not exist and of a server that is out of order.
    try {
      await expectAnswer(whole, TYPES[type], nameServer ?? await systemNameServer(), signal);
      return [];
    } catch (error) {
      signal.throwIfAborted();
      throw faultOf(name, error);
    }
  };
  return {
    addresses(name, family, signal) {
      const type = family === "ipv4" ? "A" : "AAAA";
      return ask(
        name,
        type,
        (whole) => Deno.resolveDns(whole, type, { ...server, signal }),
        signal,
      );
    },
    services: (name, signal) =>
      ask(name, "SRV", (whole) => Deno.resolveDns(whole, "SRV", { ...server, signal }), signal),
  };
}

function faultOf(name: string, error: unknown): DnsFault {
  const refused = error instanceof Deno.errors.NotCapable;
  const why = refused ? "this process is not permitted to ask DNS" : printable(errorText(error));
  const code = refused ? "dns_not_permitted" : "dns_failed";
  return new DnsFault(code, `${printable(name)}: ${why}`, { cause: error });
}

/** The first name server of the system; its others are asked only when it is down. */
export async function systemNameServer(): Promise<NameServer> {
  const text = await Deno.readTextFile("/etc/resolv.conf");
  const [, ip] = text.match(/^\s*nameserver\s+(\S+)/m) ?? [];
  if (ip === undefined) throw new Error("/etc/resolv.conf names no server");
  return { ip, port: 53 };
}

const RECURSION_DESIRED = 0x0100;
const INTERNET = 1;
const HEADER_BYTES = 12;
/** RFC 1035, section 4.1.1. Of these two the answer is that there are no such records. */
const NO_ERROR = 0;
const NAME_ERROR = 3;
const RESPONSE_CODES: Record<number, string> = {
  1: "FORMERR",
  2: "SERVFAIL",
  4: "NOTIMP",
  5: "REFUSED",
};

/**
 * Asks a name server over TCP (RFC 7766 has all of them answer there), only for whether it does.
 * @throws {Error} when it does not, or with a code that says nothing of the name.
 */
async function expectAnswer(
  name: string,
  type: number,
  { ip, port }: NameServer,
  signal: AbortSignal,
): Promise<void> {
  const conn = await Deno.connect({ hostname: ip, port, signal });
  const onAbort = () => closeQuietly(conn);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const labels = name.split(".").flatMap((
      label,
    ) => [label.length, ...new TextEncoder().encode(label)]);
    const question = [
      0,
      0,
      ...bytesOf(RECURSION_DESIRED, 1, 0, 0, 0),
      ...labels,
      ...bytesOf(type, INTERNET),
    ];
    await writeAll(conn, Uint8Array.from([...bytesOf(question.length), ...question]));
    const answer = await readExactly(conn, 2 + HEADER_BYTES);
    const code = answer[2 + 3] & 0xf;
    if (code === NO_ERROR || code === NAME_ERROR) return;
    throw new Error(`the name server ${ip} answers ${RESPONSE_CODES[code] ?? `code ${code}`}`);
  } finally {
    signal.removeEventListener("abort", onAbort);
    closeQuietly(conn);
  }
}

/** Big-endian, two bytes each. */
function bytesOf(...values: number[]): number[] {
  return values.flatMap((value) => [value >> 8, value & 0xff]);
}
