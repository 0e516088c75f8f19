// Changes to valid inputs, as a fuzzer makes them: few at a time, so that an input gets past the first checks.

import { type Random, randomInteger } from "../../shared/random.ts";

/** Changes made to one input, at most. */
const MAX_CHANGES = 6;
/** The longest piece that is moved, doubled or removed. */
const MAX_PIECE = 64;
/** Where parsers have their borders: signs, widths, BigSize prefixes. */
const BYTES = [0, 1, 2, 0x7f, 0x80, 0xfc, 0xfd, 0xfe, 0xff, 0x22, 0x2c, 0x30, 0x5b, 0x5d, 0x7b];
const WORDS = [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff];
const LONG_WORDS = [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Bytes that change their length. */
interface Draft {
  bytes: Uint8Array;
  length: number;
}

type Change = (draft: Draft, random: Random, other: Uint8Array) => void;

/**
 * A changed copy of one input, at most `maxBytes` long.
 *
 * @param corpus inputs of which the first `valid` are worth as much as all others together.
 */
export function mutate(
  corpus: readonly Uint8Array[],
  valid: number,
  maxBytes: number,
  random: Random,
): Uint8Array {
  const pick = () => corpus[randomInteger(random, random.next() < 0.5 ? valid : corpus.length)];
  const from = pick();
  const draft = { bytes: new Uint8Array(maxBytes), length: Math.min(from.length, maxBytes) };
  draft.bytes.set(from.subarray(0, draft.length));
  // Mostly one: of many, the first that is refused hides the others.
  for (let changes = 0; changes < MAX_CHANGES; changes++) {
    CHANGES[randomInteger(random, CHANGES.length)](draft, random, pick());
    if (random.next() < 0.6) break;
  }
  return draft.bytes.subarray(0, draft.length);
}

const flipBit: Change = ({ bytes, length }, random) => {
  if (length > 0) bytes[randomInteger(random, length)] ^= 1 << randomInteger(random, 8);
};

const setByte: Change = ({ bytes, length }, random) => {
  if (length > 0) bytes[randomInteger(random, length)] = BYTES[randomInteger(random, BYTES.length)];
};

const randomByte: Change = ({ bytes, length }, random) => {
  if (length > 0) bytes[randomInteger(random, length)] = randomInteger(random, 256);
};

/** A count or a length, a little more or less. */
const stepByte: Change = ({ bytes, length }, random) => {
  if (length > 0) bytes[randomInteger(random, length)] += randomInteger(random, 9) - 4;
};

const setWord: Change = (draft, random) => {
  setInteger(draft, random, 2, WORDS[randomInteger(random, WORDS.length)]);
};

const setLongWord: Change = (draft, random) => {
  setInteger(draft, random, 4, LONG_WORDS[randomInteger(random, LONG_WORDS.length)]);
};

/** An integer of 2 or 4 bytes in either byte order. */
function setInteger({ bytes, length }: Draft, random: Random, width: number, value: number): void {
  if (length < width) return;
  const at = randomInteger(random, length - width + 1);
  const isLittle = random.next() < 0.5;
  for (let i = 0; i < width; i++) {
    bytes[at + (isLittle ? i : width - 1 - i)] = Math.floor(value / 2 ** (8 * i));
  }
}

const cut: Change = (draft, random) => {
  draft.length = randomInteger(random, draft.length + 1);
};

const extend: Change = (draft, random) => {
  const more = Math.min(randomInteger(random, MAX_PIECE), draft.bytes.length - draft.length);
  for (let i = 0; i < more; i++) draft.bytes[draft.length++] = randomInteger(random, 256);
};

const removePiece: Change = (draft, random) => {
  const at = randomInteger(random, draft.length + 1);
  const count = Math.min(randomInteger(random, MAX_PIECE), draft.length - at);
  draft.bytes.copyWithin(at, at + count, draft.length);
  draft.length -= count;
};

/** A piece of this or another input, put in between or over what is there. */
const insertPiece: Change = (draft, random, other) => {
  const from = random.next() < 0.5 ? draft.bytes.slice(0, draft.length) : other;
  const start = randomInteger(random, from.length + 1);
  const at = randomInteger(random, draft.length + 1);
  const room = draft.bytes.length - draft.length;
  const count = Math.min(randomInteger(random, MAX_PIECE), from.length - start, room);
  draft.bytes.copyWithin(at + count, at, draft.length);
  draft.bytes.set(from.subarray(start, start + count), at);
  draft.length += count;
};

const overwritePiece: Change = ({ bytes, length }, random, other) => {
  const start = randomInteger(random, other.length + 1);
  const at = randomInteger(random, length + 1);
  const count = Math.min(randomInteger(random, MAX_PIECE), other.length - start, length - at);
  bytes.set(other.subarray(start, start + count), at);
};

/** The front of one, the end of another. */
const splice: Change = (draft, random, other) => {
  const at = randomInteger(random, draft.length + 1);
  const start = randomInteger(random, other.length + 1);
  const count = Math.min(other.length - start, draft.bytes.length - at);
  draft.bytes.set(other.subarray(start, start + count), at);
  draft.length = at + count;
};

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  randomByte,
  stepByte,
  stepByte,
  setWord,
  setLongWord,
  cut,
  extend,
  removePiece,
  insertPiece,
  overwritePiece,
  splice,
];
