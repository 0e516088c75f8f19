/**
 * The section of the report: each finding a sentence, a small chart, and the query that shows its receipts.
 *
 * @module
 */
import { html as markup, raw } from "hono/html";
import { printable } from "../../shared/text.ts";
import { formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import { link, type Markup } from "../report/tables.ts";
import { faultSql, faultText } from "./faults.ts";
import type { Found, JudgedFinding } from "./find.ts";
import type { Spark } from "./finding.ts";

/** How long patterns were found before: by kind and entity, runs in a row up to the last. */
export interface Past {
  /** Whether there was any run before. */
  readonly hasRuns: boolean;
  readonly runsInARow: ReadonlyMap<string, number>;
}

/** Findings shown; the CSV has all. */
const MOST_SHOWN = 30;
const BAR_PX = 4;
const HEIGHT_PX = 36;
/** Longer sentences would be lists of names. */
const MOST_CHARACTERS = 400;

/** The findings, then what faults of the data explain, then these faults. */
export function patternSection({ findings, explained, faults }: Found, past: Past): Markup {
  const shown = findings.slice(0, MOST_SHOWN);
  return markup`${
    shown.length === 0
      ? markup`<p class="empty">Nothing stands out.</p>`
      : markup`<ol class="findings">${
        shown.map((finding) => item(finding, newsOf(finding, past)))
      }</ol>`
  }
${
    findings.length > shown.length &&
    markup`<p class="rest">and ${formatPlural(findings.length - shown.length, "more")} in ${
      link("patterns.csv")
    }</p>`
  }
${
    explained.length > 0 &&
    markup`<details><summary>Data faults explain ${
      formatPlural(explained.length, "more finding")
    }</summary>
<ol class="findings">${
      explained.slice(0, MOST_SHOWN).map((finding) => item(finding, finding.beside))
    }</ol></details>`
  }
${
    faults.length > 0 &&
    markup`<details><summary>${formatPlural(faults.length, "data fault")} in this window</summary>
<ul>${
      faults.slice(0, MOST_SHOWN).map((fault) =>
        markup`<li>${printable(faultText(fault))}<pre><code>${faultSql(fault)}</code></pre></li>`
      )
    }</ul></details>`
  }`;
}

/** `new since the run before`, `for 21 runs`, or nothing where there was no run before. */
function newsOf({ kind, entity }: JudgedFinding, { hasRuns, runsInARow }: Past): string {
  if (!hasRuns) return "";
  const runs = runsInARow.get(`${kind} ${entity}`);
  return runs === undefined ? "new since the run before" : `for ${runs + 1} runs in a row`;
}

function item(finding: JudgedFinding, note: string): Markup {
  const { kind, fromUs, untilUs, q, sentence, evidence, spark, beside } = finding;
  const faults = beside === "" || beside === note
    ? ""
    : ` · beside it: ${printable(beside, MOST_CHARACTERS)}`;
  return markup`<li><p>${printable(sentence, MOST_CHARACTERS)}</p>
${raw(sparkSvg(spark))}
<p class="rest">${kind} · ${formatInstant(fromUs)} to ${formatInstant(untilUs)}${
    q !== null && ` · q ${q < 1e-30 ? "< 1e-30" : formatNumber(Number(q.toPrecision(2)))}`
  }${note && ` · ${printable(note, MOST_CHARACTERS)}`}${faults}</p>
<details><summary>Receipts</summary><pre><code>${evidence}</code></pre></details></li>`;
}

/** Bars; those of the finding in the accent colour. Its label is of this program's own words and hex. */
function sparkSvg({ values, from, to, label }: Spark): string {
  const most = Math.max(1, ...values);
  const bars = values.map((value, i) => {
    const height = Math.max(value > 0 ? 1 : 0, Math.round(value / most * HEIGHT_PX));
    const colour = i >= from && i < to ? "accent" : "muted";
    return `<rect x="${i * BAR_PX}" y="${HEIGHT_PX - height}" width="${
      BAR_PX - 1
    }" height="${height}" ` +
      `fill="var(--${colour})"/>`;
  });
  const escaped = label.replaceAll(/[<>&"]/g, "");
  return `<svg class="spark" role="img" aria-label="${escaped}" width="${
    values.length * BAR_PX
  }" height="${HEIGHT_PX}" ` +
    `viewBox="0 0 ${values.length * BAR_PX} ${HEIGHT_PX}">${bars.join("")}</svg>`;
}
