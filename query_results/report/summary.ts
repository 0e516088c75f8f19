// The head of a report: what it rests on, the main figures large, and all of them in a table beside a published run's.

import { html as markup } from "hono/html";
import { clocksText, collectorsText, missingText, peersText, windowText } from "./caption.ts";
import { type Figure, rescaled } from "./figures.ts";
import { formatCount, formatDuration, formatNumber } from "../format/numbers.ts";
import type { Frame } from "../archive/frame.ts";
import { PUBLISHED, type Reference } from "./reference.ts";
import type { Markup } from "./tables.ts";

/** Figures shown large, by label, and the words under them. */
const LARGE: readonly (readonly [label: string, words: string])[] = [
  ["Receipts", "receipts"],
  ["Distinct messages", "distinct messages"],
  ["Peers connected and subscribed", "peers subscribed"],
  ["Delay to 50 % of a message's peers", "to half of a message's peers"],
];

/** The lines that say what all figures rest on. */
export function frameList(frame: Frame): Markup {
  const rows: [string, string][] = [
    ["Window", windowText(frame)],
    ["Collected by", collectorsText(frame)],
    ["Peers", peersText(frame)],
    ["Missing", missingText(frame)],
    ["Clocks", clocksText(frame)],
  ];
  const items = rows.map(([term, text]) => markup`<div><dt>${term}</dt><dd>${text}</dd></div>`);
  return markup`<dl class="frame">${items}</dl>`;
}

/** The main figures, large, each with what it rests on and, of a faster run, its value at network time. */
export function largeFigures(figures: readonly Figure[], reference?: Reference): Markup {
  const { scale = 1 } = reference ?? {};
  const shown = LARGE.flatMap(([label, words]) => {
    const figure = figures.find((candidate) => candidate.label === label);
    if (figure?.value === undefined || figure.value === null) return [];
    const { value, basis } = figure;
    const text = figure.unit === "s" ? formatDuration(value) : formatCount(value);
    const atNetworkTime = scale === 1 || figure.kind !== "seconds"
      ? []
      : [`${formatDuration(value * scale)} of network time`];
    const under = [words, ...atNetworkTime, ...(basis === "" ? [] : [basis])].join("; ");
    return [markup`<li><strong>${text}</strong> <span>${under}</span></li>`];
  });
  return markup`<ul class="large">${shown}</ul>`;
}

/** All main figures; with a reference also rescaled to network time and beside the published run's. */
export function figureTable(figures: readonly Figure[], reference: Reference | undefined): Markup {
  const columns = figureColumns(reference);
  const heads = columns.map(({ head }) => markup`<th scope="col">${head}</th>`);
  const rows = figures.map((figure) => {
    const cells = columns.map(({ text }) => markup`<td>${text(figure)}</td>`);
    return markup`<tr><th scope="row">${figure.label}</th>${cells}<td class="text">${figure.basis}</td></tr>\n`;
  });
  return markup`<div class="table" role="region" aria-label="Main figures" tabindex="0">
<table class="figures">
<thead><tr><th scope="col">Figure</th>${heads}<th scope="col">Rests on</th></tr></thead>
<tbody>
${rows}</tbody>
</table></div>
${reference && markup`<p class="rest">${comparison(reference)}</p>`}`;
}

export interface FigureColumn {
  readonly head: string;
  readonly text: (figure: Figure) => string;
}

/** The columns of the table of main figures, after the labels. */
export function figureColumns(reference: Reference | undefined): FigureColumn[] {
  const own = { head: "This run", text: (figure: Figure) => valueText(figure, figure.value) };
  if (!reference) return [own];
  const { scale } = reference;
  const atNetworkTime = {
    head: `At network time (× ${formatNumber(scale)})`,
    text: (figure: Figure) =>
      figure.kind === "plain" ? "" : valueText(figure, rescaled(figure, scale)),
  };
  const published = {
    head: PUBLISHED.run,
    text: (figure: Figure) => valueText(figure, figure.published),
  };
  return scale === 1 ? [own, published] : [own, atNetworkTime, published];
}

function comparison({ scale }: Reference): string {
  const text = `Compared with the ${PUBLISHED.source}.`;
  return scale === 1
    ? text
    : `${text} One second of this run stands for ${formatNumber(scale)} seconds of network time.`;
}

function valueText({ unit }: Figure, value: number | null): string {
  if (value === null) return "–";
  if (unit === "span") return formatDuration(value);
  return unit === "" ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}
