import { html as markup } from "hono/html";
import { darkChartCss, PALETTE } from "./palette.ts";
import type { Drawing } from "./render.ts";
import { FONT, textWidth } from "./theme.ts";

const MARGIN = 16;
const TITLE_HEIGHT = 30;
const CAPTION_LINE_HEIGHT = 15;
const TITLE_SIZE = 16;
const CAPTION_SIZE = 11;

export interface ChartWords {
  readonly title: string;
  /** The alternative text. */
  readonly description: string;
}

export interface FileWords extends ChartWords {
  readonly caption: readonly string[];
}

/** The drawing as an element of a page; ids start with `id`. */
export function inlineSvg(drawing: Drawing, words: ChartWords, id: string): string {
  const { width, height } = drawing;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-t ${id}-d" ` +
    `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<title id="${id}-t">${escapeText(words.title)}</title>` +
    `<desc id="${id}-d">${escapeText(words.description)}</desc>${drawing.content}</svg>`;
}

/** The drawing as a file: with title, caption and paper, light or dark as the reader's system asks. */
export function svgFile(drawing: Drawing, words: FileWords, id: string): string {
  const inner = Math.max(drawing.width, textWidth(words.title, TITLE_SIZE));
  const caption = words.caption.flatMap((line) => wrapped(line, inner));
  const width = 2 * MARGIN + inner;
  const captionTop = MARGIN + TITLE_HEIGHT + drawing.height + 2 * CAPTION_LINE_HEIGHT;
  const height = captionTop + caption.length * CAPTION_LINE_HEIGHT + MARGIN / 2;
  const text = (x: number, y: number, size: number, color: string, content: string, more = "") =>
    `<text x="${x}" y="${y}" font-family="${FONT}" font-size="${size}" fill="${color}"${more}>` +
    `${escapeText(content)}</text>`;
  const { paper, ink, muted } = PALETTE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-t ${id}-d" ` +
    `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title id="${id}-t">${escapeText(words.title)}</title>`,
    `<desc id="${id}-d">${escapeText(words.description)}</desc>`,
    `<style>${darkChartCss()}</style>`,
    `<rect width="${width}" height="${height}" fill="${paper.light}"/>`,
    text(MARGIN, MARGIN + 14, TITLE_SIZE, ink.light, words.title, ' font-weight="600"'),
    `<svg x="${MARGIN}" y="${MARGIN + TITLE_HEIGHT}" width="${drawing.width}" ` +
    `height="${drawing.height}">${drawing.content}</svg>`,
    ...caption.map((line, i) =>
      text(MARGIN, captionTop + i * CAPTION_LINE_HEIGHT, CAPTION_SIZE, muted.light, line)
    ),
    "</svg>\n",
  ].join("\n");
}

/** A line broken at spaces, so that it takes no more than `width` px. */
function wrapped(line: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of line.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, CAPTION_SIZE) <= width) {
      lines[lines.length - 1] = longer;
    } else lines.push(word);
  }
  return lines;
}

/** Text for an element's content, of HTML or XML. */
function escapeText(text: string): string {
  return `${markup`${text}`}`;
}
