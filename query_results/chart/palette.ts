/**
 * The report's colours in pairs. Charts are drawn in the light one; a style sheet swaps in the dark one where the
 * reader's system asks for it, so one SVG serves both, inside the page or alone.
 *
 * @module
 */

/** `#rrggbb` on light and on dark paper. */
export interface Pair {
  readonly light: string;
  readonly dark: string;
}

/** The colours by use. Their light values are distinct: they are also the keys by which the style sheet swaps them. */
export const PALETTE = {
  paper: { light: "#fcfcfa", dark: "#15181d" },
  raised: { light: "#f4f4f0", dark: "#1c2027" },
  ink: { light: "#1d2530", dark: "#e4e8ee" },
  muted: { light: "#5f6b7a", dark: "#98a3b2" },
  line: { light: "#dcdfe3", dark: "#2e353f" },
  accent: { light: "#1f5fa8", dark: "#7db4f0" },
  slate: { light: "#46525f", dark: "#b4bfcc" },
  blue: { light: "#2c6fb5", dark: "#6cabec" },
  orange: { light: "#c9652a", dark: "#f09a5e" },
  green: { light: "#2f8a66", dark: "#5fc79d" },
  violet: { light: "#7d56b3", dark: "#b698e6" },
  red: { light: "#b83a3f", dark: "#f0787c" },
  sand: { light: "#8a7a4d", dark: "#cdbb85" },
  teal: { light: "#2b8592", dark: "#66c3d0" },
} as const satisfies Record<string, Pair>;

/** Colours by word, so that a word has the same one in each chart; the order is that of legends. */
export const KEY_COLORS: Readonly<Record<string, string>> = {
  all: PALETTE.slate.light,
  channel_update: PALETTE.blue.light,
  node_announcement: PALETTE.orange.light,
  channel_announcement: PALETTE.green.light,
  valid: PALETTE.green.light,
  unknown_signer: PALETTE.sand.light,
  unchecked: PALETTE.slate.light,
  invalid: PALETTE.red.light,
  malformed: PALETTE.violet.light,
  open: PALETTE.green.light,
  us: PALETTE.blue.light,
  peer: PALETTE.orange.light,
  network: PALETTE.violet.light,
  "collector ended": PALETTE.slate.light,
  first: PALETTE.blue.light,
  repeats: PALETTE.orange.light,
  "heard again": PALETTE.violet.light,
  "delivered in all": PALETTE.orange.light,
  "once each": PALETTE.blue.light,
  subscribed: PALETTE.slate.light,
  active: PALETTE.blue.light,
  archived: PALETTE.blue.light,
  missing: PALETTE.red.light,
  dropped: PALETTE.orange.light,
  connected: PALETTE.green.light,
  "refused or unreachable": PALETTE.orange.light,
  "timed out": PALETTE.violet.light,
  "no init": PALETTE.blue.light,
  "handshake failed": PALETTE.red.light,
  "not compatible": PALETTE.sand.light,
  "our side": PALETTE.slate.light,
};

/** Colours for words that {@link KEY_COLORS} does not have, in turn. */
export const OTHER_COLORS: readonly string[] = [
  PALETTE.violet.light,
  PALETTE.teal.light,
  PALETTE.sand.light,
  PALETTE.red.light,
  PALETTE.blue.light,
  PALETTE.orange.light,
  PALETTE.green.light,
  PALETTE.slate.light,
];

/** Style rules that give the palette's light fills and strokes their dark values on a dark system. */
export function darkChartCss(): string {
  const rules = Object.values(PALETTE).map(({ light, dark }) =>
    `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`
  );
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}
