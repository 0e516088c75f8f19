// What a name on the command line may mean, and which known names are like it. Pure.

import { BoltFault } from "../../shared/bolt/fault.ts";
import { parseScid } from "../../shared/bolt/scid.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** One meaning of a name. A scid is signed, as in the archive; hex is lower-case. */
export type Reading =
  | { readonly kind: "channel"; readonly scid: bigint }
  | { readonly kind: "node"; readonly prefix: string }
  | { readonly kind: "message"; readonly prefix: string }
  | { readonly kind: "alias"; readonly alias: string };

/** What names there are, for help and errors. */
export const FORMS: string =
  "a channel (863846x913x104 or its integer), a node id (66 hex digits, or its first 6 or more), an alias " +
  "(alias:… where it looks like another form), or a message's SHA-256 (64 hex digits, or its first 8 or more)";

/** An alias has at most 32 bytes. */
const MAX_CHARACTERS = 100;
/** Digits of a node id that name it. */
export const LEAST_PREFIX = 6;
const LEAST_DIGEST = 8;

/**
 * The meanings of a name, likeliest first.
 * @throws {UserError} when it is empty, too long, or a scid out of range.
 */
export function readingsOf(text: string): Reading[] {
  const name = text.trim();
  if (name === "" || text.length > MAX_CHARACTERS) throw malformed(text, `NAME is ${FORMS}`);
  const alias = { kind: "alias", alias: name.replace(/^alias:/, "") } as const;
  if (alias.alias !== name) return [alias];
  if (/^\d+[x:]\d+[x:]\d+$/.test(name)) {
    try {
      const scid = parseScid(name.replaceAll(":", "x"));
      return [{ kind: "channel", scid: BigInt.asIntN(64, scid) }, alias];
    } catch (error) {
      if (!(error instanceof BoltFault)) throw error;
      throw malformed(text, "a scid is block x transaction x output, of 24, 24 and 16 bits");
    }
  }
  const hex = name.toLowerCase();
  return [
    ...integerReading(name),
    ...(hex.length === 64 ? messageReading(hex) : []),
    ...(/^0[23][0-9a-f]*$/.test(hex) && hex.length >= LEAST_PREFIX && hex.length <= 66
      ? [{ kind: "node", prefix: hex } as const]
      : []),
    ...(hex.length < 64 ? messageReading(hex) : []),
    alias,
  ];
}

function messageReading(hex: string): Reading[] {
  return /^[0-9a-f]+$/.test(hex) && hex.length >= LEAST_DIGEST
    ? [{ kind: "message", prefix: hex }]
    : [];
}

/** The wire's u64, or the signed integer that the archive has for it. */
function integerReading(name: string): Reading[] {
  if (!/^-?\d{1,20}$/.test(name)) return [];
  const value = BigInt(name);
  if (value >= 2n ** 64n || value < -(2n ** 63n)) return [];
  return [{ kind: "channel", scid: BigInt.asIntN(64, value) }];
}

function malformed(text: string, right: string): UserError {
  return new UserError(`Cannot read the name "${printable(text, 40)}": ${right}`);
}

/** A node's latest alias. */
export interface AliasEntry {
  readonly nodeId: string;
  /** Its bytes as hex, zero padding included. */
  readonly hex: string;
}

/** An alias as text: padding off, what is not UTF-8 as U+FFFD. */
export function aliasText(hex: string): string {
  return new TextDecoder().decode(Uint8Array.fromHex(hex)).replace(/\0+$/, "");
}

/** Nodes with just this alias; without any, those with it in other case. */
export function withAlias(wanted: string, entries: readonly AliasEntry[]): AliasEntry[] {
  const exact = entries.filter(({ hex }) => aliasText(hex) === wanted);
  if (exact.length > 0) return exact;
  return entries.filter(({ hex }) => folded(aliasText(hex)) === folded(wanted));
}

/** Aliases that are like the wanted one, likest first. */
export function nearAliases(wanted: string, entries: readonly AliasEntry[]): string[] {
  const fold = folded(wanted);
  return [...new Set(entries.map(({ hex }) => aliasText(hex)))]
    .map((alias) => ({ alias, apart: editsApart(fold, folded(alias)) }))
    .filter(({ alias, apart }) => alias !== "" && apart <= Math.max(1, fold.length / 4))
    .sort((a, b) => a.apart - b.apart || (a.alias < b.alias ? -1 : 1))
    .slice(0, MAX_NEAR).map(({ alias }) => alias);
}

function folded(text: string): string {
  return text.trim().toLowerCase();
}

/** Names that an error lists. */
export const MAX_NEAR = 4;

/** Edits that make `known` of `wanted`, fewer where it holds it whole; Infinity where their lengths are far apart. */
function editsApart(wanted: string, known: string): number {
  if (wanted.length >= 3 && known.includes(wanted)) return 0.5;
  if (Math.abs(wanted.length - known.length) > 8) return Infinity;
  let row = Array.from({ length: known.length + 1 }, (_, i) => i);
  for (let i = 1; i <= wanted.length; i++) {
    const next = [i];
    for (let j = 1; j <= known.length; j++) {
      const swap = row[j - 1] + (wanted[i - 1] === known[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[known.length];
}
