// The look that all charts share: sizes, vega-lite's config, colours by word, and how wide text is without a browser.

import type { ChartSpec } from "../catalog/query.ts";
import { KEY_COLORS, OTHER_COLORS } from "./palette.ts";
import config from "./theme.json" with { type: "json" };

/** The fonts of charts and page; each system has one of them. */
export const FONT: string = config.font;

/** A chart's whole width in px; of one made of several plots, about that. */
export const CHART_WIDTH = 700;
/** A chart's height unless its specification says otherwise, in px, without axes. */
export const CHART_HEIGHT = 260;

/**
 * vega-lite's config for all charts, in the palette's light colours. Without aria: the page and the SVG file describe the
 * whole picture, and a label per mark would make them many times larger.
 */
export const CHART_CONFIG: Readonly<Record<string, unknown>> = config;

export type ChartRow = Readonly<Record<string, unknown>>;

/** Forms of words beside their colours, in their order: of points, and of lines. */
const FORMS: Readonly<Record<string, readonly unknown[]>> = {
  shape: ["circle", "square", "triangle-up", "cross", "diamond", "triangle-down"],
  strokeDash: [[1, 0], [7, 3], [2, 2], [10, 3, 2, 3], [4, 5], [1, 4]],
};

/**
 * Fills in each encoding's `scale: "keyed"`: the words that its field takes in `rows` (or those of `keys` beside it,
 * for words that a transform makes), in the order of {@link KEY_COLORS} and with its colours, or in {@link FORMS}.
 */
export function resolveKeyedScales(spec: ChartSpec, rows: readonly ChartRow[]): ChartSpec {
  return walk(spec, rows) as ChartSpec;
}

function walk(node: unknown, rows: readonly ChartRow[], channel = ""): unknown {
  if (Array.isArray(node)) return node.map((item) => walk(item, rows));
  if (typeof node !== "object" || node === null) return node;
  const fields: Record<string, unknown> = { ...node };
  if (fields.scale === "keyed") {
    const { keys, ...rest } = fields;
    const words = keys as string[] | undefined ?? rows.map((row) => String(row[`${rest.field}`]));
    const { domain, range } = keyedScale(new Set(words));
    const forms = FORMS[channel];
    const formed = forms && domain.map((_, i) => forms[i % forms.length]);
    return { ...rest, scale: { domain, range: formed ?? range } };
  }
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, walk(value, rows, key)]),
  );
}

function keyedScale(words: ReadonlySet<string>): { domain: string[]; range: string[] } {
  const known = Object.keys(KEY_COLORS).filter((word) => words.has(word));
  const others = [...words].filter((word) =>
    !Object.hasOwn(KEY_COLORS, word) && word !== "undefined"
  );
  return {
    domain: [...known, ...others],
    range: [
      ...known.map((word) => KEY_COLORS[word]),
      ...others.map((_, i) => OTHER_COLORS[i % OTHER_COLORS.length]),
    ],
  };
}

/** Widths of characters as shares of the font size, of a common sans-serif; the first class that matches counts. */
const CLASSES: readonly (readonly [characters: RegExp, width: number])[] = [
  [/[ijlI|.,:;'!()[\]]/, 0.34],
  [/[frt \-"/]/, 0.42],
  [/[mwMW@%]/, 0.92],
  [/[A-Z]/, 0.7],
];
const OTHER_WIDTH = 0.61;

/** The width of `text` in px at `fontSize` px, rather too wide than too narrow. */
export function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) {
    width += CLASSES.find(([characters]) => characters.test(character))?.[1] ?? OTHER_WIDTH;
  }
  return Math.ceil(width * fontSize);
}
