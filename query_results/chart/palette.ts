import palette from "./palette.json" with { type: "json" };

type ColorName = keyof typeof palette.colors;

/**
 * The report's colours in pairs for light and dark paper. Charts are drawn in the light one; a style sheet swaps in the
 * dark one where the reader's system asks for it, so one SVG serves both. The light values are distinct: they are the keys
 * by which the style sheet swaps them.
 */
export const PALETTE: typeof palette.colors = palette.colors;

const light = (name: string) => PALETTE[name as ColorName].light;

/** Colours by word, so that a word has the same one in each chart; the order is that of legends. */
export const KEY_COLORS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(palette.words).map(([word, name]) => [word, light(name)]),
);

/** Colours for words that {@link KEY_COLORS} does not have, in turn. */
export const OTHER_COLORS: readonly string[] = palette.others.map(light);

/** Style rules that give the palette's light fills and strokes their dark values on a dark system. */
export function darkChartCss(): string {
  const rules = Object.values(PALETTE).map(({ light, dark }) =>
    `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`
  );
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

/** The palette as custom properties, light and dark. */
export function paletteCss(): string {
  const colors = Object.entries(PALETTE);
  const light = colors.map(([name, pair]) => `--${name}:${pair.light}`).join(";");
  const dark = colors.map(([name, pair]) => `--${name}:${pair.dark}`).join(";");
  return `:root{color-scheme:light dark;${light}}` +
    `@media (prefers-color-scheme:dark){:root{${dark}}}`;
}
