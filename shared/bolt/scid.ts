// Short channel ids (BOLT 7): block height (24 bits), transaction index (24 bits), output index (16 bits) in one
// unsigned 64-bit integer, written `863846x913x104`. They do not fit a number, so they are bigints.

import { printable } from "../text.ts";
import { BoltFault } from "./fault.ts";

/** The parts of a scid. */
export interface ScidParts {
  readonly block: number;
  readonly transaction: number;
  readonly output: number;
}

/** The parts of a scid, unsigned as on the wire or signed as in the archive. */
export function scidParts(scid: bigint): ScidParts {
  return {
    block: Number(BigInt.asUintN(24, scid >> 40n)),
    transaction: Number(BigInt.asUintN(24, scid >> 16n)),
    output: Number(BigInt.asUintN(16, scid)),
  };
}

/** The scid of its parts, unsigned. @throws {BoltFault} `out_of_range` when a part does not fit its bits. */
export function scidOf(parts: ScidParts): bigint {
  const { block, transaction, output } = parts;
  const fits = (value: number, max: number) =>
    Number.isInteger(value) && value >= 0 && value <= max;
  if (!fits(block, 0xffffff) || !fits(transaction, 0xffffff) || !fits(output, 0xffff)) {
    throw new BoltFault(
      "out_of_range",
      `scid ${block}x${transaction}x${output}: its parts have 24, 24 and 16 bits`,
    );
  }
  return BigInt(block) << 40n | BigInt(transaction) << 16n | BigInt(output);
}

/** A scid as people write it: `863846x913x104`. */
export function scidText(scid: bigint): string {
  const { block, transaction, output } = scidParts(scid);
  return `${block}x${transaction}x${output}`;
}

/**
 * The scid that a text like `863846x913x104` means, unsigned.
 * @throws {BoltFault} `bad_text` when it has another form, `out_of_range` when a part does not fit its bits.
 */
export function parseScid(text: string): bigint {
  const parts = /^(\d{1,8})x(\d{1,8})x(\d{1,5})$/.exec(text);
  if (!parts) {
    throw new BoltFault(
      "bad_text",
      `Cannot read scid "${printable(text, 40)}": it should look like 863846x913x104`,
    );
  }
  return scidOf({
    block: Number(parts[1]),
    transaction: Number(parts[2]),
    output: Number(parts[3]),
  });
}
