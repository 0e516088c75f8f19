// The section of the report: each finding a sentence, a small chart, and the query that shows its receipts.

import { html as markup, raw } from "hono/html";
import { printable } from "../../shared/text.ts";
import { formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import { link, type Markup } from "../report/tables.ts";
import { faultSql, faultText } from "./faults.ts";
import { evidenceOf, type Found, type JudgedFinding } from "./find.ts";
import type { World } from "./detectors/world.ts";

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

/** The findings, then what faults of the data explain, then these faults; null of an archive without any receipt. */
export function patternSection(found: Found | null, past: Past): Markup {
  const { findings = [], explained = [], faults = [] } = found ?? {};
  const world = found?.world;
  const list = (findings: readonly JudgedFinding[], past?: Past) =>
    markup`<ol class="findings">${
      findings.slice(0, MOST_SHOWN).map((finding) => item(finding, world!, past))
    }</ol>
${
      findings.length > MOST_SHOWN &&
      markup`<p class="rest">and ${formatPlural(findings.length - MOST_SHOWN, "more finding")} in ${
        link("patterns.csv")
      }</p>`
    }`;
  const faultItems = faults.slice(0, MOST_SHOWN).map((fault) =>
    markup`<li>${printable(faultText(fault, world!), MOST_CHARACTERS)}${
      sqlDetails(faultSql(fault, world!))
    }</li>`
  );
  return markup`${
    findings.length === 0 ? markup`<p class="empty">Nothing stands out.</p>` : list(findings, past)
  }
${
    explained.length > 0 &&
    markup`<details><summary>Data faults explain ${
      formatPlural(explained.length, "more finding")
    }</summary>${list(explained)}</details>`
  }
${
    faults.length > 0 &&
    markup`<details><summary>${
      formatPlural(faults.length, "data fault")
    } in this window</summary><ul>${faultItems}</ul></details>`
  }`;
}

/** `new since the run before`, `for 21 runs in a row`, or nothing where there was no run before. */
function newsOf({ kind, subject }: JudgedFinding, { hasRuns, runsInARow }: Past): string {
  const runs = runsInARow.get(`${kind} ${subject.name}`);
  if (!hasRuns) return "";
  return runs === undefined ? "new since the run before" : `for ${runs + 1} runs in a row`;
}

function item(finding: JudgedFinding, world: World, past?: Past): Markup {
  const { kind, subject, text, fromMs, untilMs, q, beside } = finding;
  const notes = [
    kind,
    [fromMs, untilMs].map((ms) => formatInstant(world.toUs(ms))).join(" to "),
    q === null
      ? ""
      : q < 1e-30
      ? "q < 1e-30"
      : `q ${q < 1e-4 ? q.toExponential(0) : formatNumber(q)}`,
    past ? newsOf(finding, past) : "",
    beside && `beside it: ${printable(beside, MOST_CHARACTERS)}`,
  ];
  return markup`<li><p>${
    printable(`${subject.name} ${text}`.replace(" :", ":"), MOST_CHARACTERS)
  }</p>
${raw(sparkSvg(finding, world))}
<p class="rest">${notes.filter((note) => note !== "").join(" · ")}</p>
${sqlDetails(evidenceOf(finding, world))}</li>`;
}

function sqlDetails(sql: string): Markup {
  return markup`<details><summary>Receipts</summary><pre><code>${sql}</code></pre></details>`;
}

/** The window in bars, those of the finding in the accent colour. Numbers alone: no text of others. */
function sparkSvg(
  { subject: { bars }, fromMs, untilMs }: JudgedFinding,
  { lengthMs }: World,
): string {
  const most = Math.max(1, ...bars);
  const [from, to] = [fromMs, untilMs].map((ms) => ms / lengthMs * bars.length);
  const rects = bars.map((value, i) => {
    const height = Math.ceil(value / most * HEIGHT_PX);
    return `<rect x="${i * BAR_PX}" y="${HEIGHT_PX - height}" width="${
      BAR_PX - 1
    }" height="${height}" ` +
      `fill="var(--${i + 1 > from && i < to ? "accent" : "muted"})"/>`;
  });
  const [width, label] = [bars.length * BAR_PX, "its messages or receipts over the window"];
  return `<svg class="spark" role="img" aria-label="${label}" width="${width}" height="${HEIGHT_PX}" ` +
    `viewBox="0 0 ${width} ${HEIGHT_PX}">${rects.join("")}</svg>`;
}
