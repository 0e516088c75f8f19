// An address book as text: a line that says what it is, one line per node, and a last line that says how many there are.
// Each line is the CRC-32 (zlib's) of its JSON in eight hex digits, a space, and the JSON:
//
//     {"format":"gossip-observer-addresses","version":1,"network":"bitcoin"}
//     {"node":"02…","announced":1758844800,"wait":0,"addresses":[{"at":"192.0.2.7:9735","from":["gossip"],"seen":…}]}
//     {"nodes":1}
//
// Times are µs since the Unix epoch, `announced` seconds. What is not there has not happened: `tried`, `worked`,
// `failures`, `why`, `wait`, `announced`.

import { crc32 } from "node:zlib";
import * as v from "valibot";
import type { Network } from "../../shared/bolt/chains.ts";
import { Fault } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import {
  type AddressRecord,
  MAX_REASON_CHARACTERS,
  type NodeRecord,
  SOURCES,
} from "./node_table.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { AddressFault } from "./fault.ts";

export type BookFileCode = "other_network" | "newer";

/** A sound book that is not for this collector. */
export class BookFileFault extends Fault<BookFileCode> {
  override readonly name = "BookFileFault";
}

export interface DecodedBook {
  readonly records: readonly NodeRecord[];
  /** What is missing or broken, as a text such as `3 of 20000 nodes`; null when all is whole. */
  readonly damage: string | null;
}

const FORMAT = "gossip-observer-addresses";
const VERSION = 1;
const SUM_DIGITS = 8;

const instant = v.pipe(v.number(), v.integer(), v.minValue(0));
const optionalInstant = v.optional(instant);

const headSchema = v.object({
  format: v.literal(FORMAT),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  network: v.string(),
});

const nodeSchema = v.object({
  node: v.pipe(v.string(), v.regex(/^0[23][0-9a-f]{64}$/)),
  announced: optionalInstant,
  wait: optionalInstant,
  addresses: v.pipe(
    v.array(v.object({
      at: v.string(),
      from: v.pipe(v.array(v.picklist(SOURCES)), v.minLength(1)),
      seen: instant,
      tried: optionalInstant,
      worked: optionalInstant,
      failures: optionalInstant,
      why: v.optional(v.pipe(v.string(), v.maxLength(MAX_REASON_CHARACTERS))),
      wait: optionalInstant,
    })),
    v.minLength(1),
  ),
});

const tailSchema = v.object({ nodes: v.pipe(v.number(), v.integer(), v.minValue(0)) });

/** The lines of a book, each with its line end. */
export function* encodeBook(records: Iterable<NodeRecord>, network: Network): Generator<string> {
  yield line({ format: FORMAT, version: VERSION, network });
  let nodes = 0;
  for (const record of records) {
    yield line(encodeNode(record));
    nodes++;
  }
  yield line({ nodes });
}

/**
 * Reads a book without its broken lines.
 * @throws {BookFileFault} when it is sound but not for this collector, so that it is not overwritten.
 */
export function decodeBook(text: string, network: Network): DecodedBook {
  const records: NodeRecord[] = [];
  let lines = 0;
  let hasHead = false;
  let last: unknown;
  // Line by line, so that no more than the records is held at once.
  for (let at = 0; at < text.length; lines++) {
    const end = text.indexOf("\n", at);
    last = readLine(text.slice(at, end < 0 ? text.length : end));
    at = end < 0 ? text.length : end + 1;
    if (lines === 0) {
      const head = v.safeParse(headSchema, last);
      if (head.success) expectOurs(head.output, network);
      hasHead = head.success;
    }
    const record = readNode(last);
    if (record) records.push(record);
  }
  const tail = v.safeParse(tailSchema, last);
  const damage: string[] = [];
  if (!hasHead) damage.push("its first line");
  if (!tail.success) damage.push("its end");
  const written = tail.success ? tail.output.nodes : lines - Number(hasHead);
  const lost = written - records.length;
  if (lost !== 0) damage.push(`${Math.abs(lost)} of ${written} nodes`);
  return { records, damage: damage.length > 0 ? damage.join(", ") : null };
}

function expectOurs(head: v.InferOutput<typeof headSchema>, network: Network): void {
  if (head.version > VERSION) {
    const versions = `version ${head.version}, and this program knows ${VERSION}`;
    throw new BookFileFault("newer", `a newer program wrote it: it has ${versions}`);
  }
  if (head.network !== network) {
    const theirs = printable(head.network);
    throw new BookFileFault("other_network", `it is of the network ${theirs}, not of ${network}`);
  }
}

function encodeNode({ nodeId, announcedAt, notBefore, addresses }: NodeRecord): object {
  return {
    node: nodeId,
    announced: announcedAt ?? undefined,
    wait: persistent(notBefore),
    addresses: addresses.map((address) => ({
      at: formatEndpoint(address.end),
      from: address.sources,
      seen: address.firstSeen,
      tried: address.lastTried ?? undefined,
      worked: address.lastWorked ?? undefined,
      failures: address.failures || undefined,
      why: address.lastFailure ?? undefined,
      wait: persistent(address.notBefore),
    })),
  };
}

/** Infinity ends with the process. */
function persistent(notBefore: number): number | undefined {
  return notBefore === Infinity || notBefore === 0 ? undefined : Math.round(notBefore);
}

function readNode(value: unknown): NodeRecord | null {
  const result = v.safeParse(nodeSchema, value);
  if (!result.success) return null;
  const { node, announced, wait, addresses } = result.output;
  try {
    return {
      nodeId: node,
      announcedAt: announced ?? null,
      notBefore: wait ?? 0,
      addresses: addresses.map((address): AddressRecord => ({
        end: parseEndpoint(address.at),
        sources: address.from,
        firstSeen: address.seen,
        lastTried: address.tried ?? null,
        lastWorked: address.worked ?? null,
        failures: address.failures ?? 0,
        lastFailure: address.why ?? null,
        notBefore: address.wait ?? 0,
      })),
    };
  } catch (error) {
    if (error instanceof AddressFault) return null;
    throw error;
  }
}

function line(value: object): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/** Undefined when its checksum does not match. */
function readLine(text: string): unknown {
  const json = text.slice(SUM_DIGITS + 1);
  if (text !== `${checksum(json)} ${json}`) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(SUM_DIGITS, "0");
}
