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

/** The first rows as a table, the rest counted; or a line that there are none. */
export function dataTable(table: Table, label: string, csv: string, empty: string): Markup {
  const { columns, rows } = table;
  if (rows.length === 0) return markup`<p class="empty">${empty}</p>`;
  const shown = rows.slice(0, MAX_TABLE_ROWS).map((row) =>
    markup`<tr>${row.map((value, i) => cell(value, columns[i]))}</tr>\n`
  );
  const more = rows.length - shown.length;
  return markup`<div class="table" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${shown}</tbody>
</table></div>
${more > 0 && markup`<p class="rest">and ${formatPlural(more, "more row")} in ${link(csv)}</p>`}`;
}

/** A link to a file beside the page. */
export function link(file: string): Markup {
  return markup`<a href="${file}">${file}</a>`;
}

/** A column's name may break at its underscores. */
function heading({ name, kind }: Column): Markup {
  const text = name.split("_").map((part, i) => i === 0 ? part : [raw("_<wbr>"), part]);
  return markup`<th scope="col" class="${kind}">${text}</th>`;
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
