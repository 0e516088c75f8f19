/**
 * How wide text is, without a browser: enough for legends, axes and captions to find room.
 *
 * @module
 */

/** Widths of characters in parts of the font size, of a common sans-serif; the first class that has it counts. */
const CLASSES: readonly (readonly [characters: RegExp, width: number])[] = [
  [/[ijlI|.,:;'!()[\]]/, 0.34],
  [/[frt \-"/]/, 0.42],
  [/[mwMW@%]/, 0.92],
  [/[A-Z]/, 0.7],
];
const OTHER_WIDTH = 0.61;

/** The width of `text` in px at `fontSize` px, rather too much than too little. */
export function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) {
    width += CLASSES.find(([characters]) => characters.test(character))?.[1] ?? OTHER_WIDTH;
  }
  return Math.ceil(width * fontSize);
}
