import { html as markup, raw } from "hono/html";
import { printable } from "../../shared/text.ts";
import { isoTime } from "../../shared/time.ts";
import { formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import { type Cell, type Column, type Table } from "../format/table.ts";

/** As HTML templates give it: escaped, or markup already. */
export type Markup = ReturnType<typeof markup>;

/** Rows shown; the CSV has them all. */
const MAX_TABLE_ROWS = 12;
/** Columns whose integers are names, not amounts. */
const NAMES = new Set(["scid", "type"]);
/** Longer hex is shown by its two ends. */
const MAX_HEX_CHARACTERS = 20;

/**
 * The most telling rows as a table, the rest counted; or why there are none.
 * @param telling the column by whose greatest values rows are chosen; the first rows without it.
 */
export function dataTable(
  table: Table,
  label: string,
  csv: string,
  empty: string,
  telling?: string,
): Markup {
  const { columns, rows } = table;
  if (rows.length === 0) return markup`<p class="empty">${empty}</p>`;
  const shown = tellingRows(table, telling);
  const body = shown.map((row) =>
    markup`<tr>${row.map((value, i) => cell(value, columns[i]))}</tr>\n`
  );
  const rest = telling === undefined
    ? `and ${formatPlural(rows.length - shown.length, "more row")}`
    : `the ${shown.length} of ${formatNumber(rows.length)} rows with the most ${telling}; all`;
  return markup`<div class="table" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
${rows.length > shown.length && markup`<p class="rest">${rest} in ${link(csv)}</p>`}`;
}

function tellingRows({ columns, rows }: Table, telling: string | undefined): Table["rows"] {
  const place = columns.findIndex(({ name }) => name === telling);
  if (place < 0 || rows.length <= MAX_TABLE_ROWS) return rows.slice(0, MAX_TABLE_ROWS);
  return rows.toSorted((a, b) => Number(b[place]) - Number(a[place])).slice(0, MAX_TABLE_ROWS);
}

/** A link to a file beside the page. */
export function link(file: string): Markup {
  return markup`<a href="${file}">${file}</a>`;
}

/** Units by the ends of columns' names; the first that matches counts. */
const UNITS: readonly (readonly [name: RegExp, unit: string])[] = [
  [/_per_minute$/, "/min"],
  [/_per_peer_second$/, "/s"],
  [/milliseconds$/, "ms"],
  [/seconds$|^avg_delay_to_/, "s"],
  [/percent|percentage/, "%"],
  [/bytes$|bytes_(in|out)$|_size$|^size$/, "B"],
  [/_hours$/, "h"],
];

/** A column's name, which may break at its underscores, and its unit. */
function heading({ name, kind }: Column): Markup {
  const text = name.split("_").map((part, i) => i === 0 ? part : [raw("_<wbr>"), part]);
  const unit = kind === "instant" ? "UTC" : UNITS.find(([ending]) => ending.test(name))?.[1];
  return markup`<th scope="col" class="${kind}">${text}${
    unit && markup` <span class="unit">(${unit})</span>`
  }</th>`;
}

function cell(value: Cell, { name, kind }: Column): Markup {
  return markup`<td class="${kind}">${content(value, name, kind)}</td>`;
}

function content(value: Cell, name: string, kind: Column["kind"]): Markup | string {
  if (value === null) return markup`<span class="null">–</span>`;
  if (kind === "instant") {
    const iso = isoTime(Number(value));
    return markup`<time datetime="${iso}" title="${iso}">${formatInstant(Number(value))}</time>`;
  }
  if (typeof value === "number" || typeof value === "bigint") {
    return NAMES.has(name) ? String(value) : formatNumber(value);
  }
  const text = printable(String(value));
  if (text.length > MAX_HEX_CHARACTERS && /^[0-9a-f]+$/.test(text)) {
    return markup`<code title="${text}">${text.slice(0, 8)}…${text.slice(-6)}</code>`;
  }
  // Bidirectional text without marks stays inside its cell.
  return markup`<bdi>${text}</bdi>`;
}
