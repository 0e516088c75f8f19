// The report as one HTML file that needs nothing beside it: no script, no network, light and dark.

import { html as markup, raw } from "hono/html";
import { emptyText, parameterText, queryLine } from "./caption.ts";
import type { Drawing } from "../chart/render.ts";
import { inlineSvg } from "../chart/svg_file.ts";
import type { Figure } from "./figures.ts";
import { formatInstant, formatPlural } from "../format/numbers.ts";
import type { Frame } from "../archive/frame.ts";
import type { UsedParameter } from "../catalog/parameters.ts";
import type { Query } from "../catalog/query.ts";
import type { Reference } from "./reference.ts";
import type { Table } from "../format/table.ts";
import { htmlFile } from "./shell.ts";
import { dataTable, link, type Markup } from "./tables.ts";
import { type Opening, openingSection } from "./opening.ts";
import { figureTable, frameList, largeFigures } from "./summary.ts";

export interface Answer {
  readonly query: Query;
  readonly parameters: readonly UsedParameter[];
  readonly table: Table;
  readonly drawing: Drawing;
  /** Shown in place of the table. */
  readonly details?: Markup;
}

export interface ReportSection {
  readonly title: string;
  readonly answers: readonly Answer[];
}

export interface Report {
  readonly title: string;
  readonly note: string;
  /** µs since the Unix epoch. */
  readonly madeAt: number;
  readonly frame: Frame;
  readonly opening: Opening;
  readonly figures: readonly Figure[];
  readonly reference?: Reference;
  readonly sections: readonly ReportSection[];
  /** The SQL that all queries share. */
  readonly definitions: string;
}

/** The whole file as HTML. */
export function reportPage(report: Report): string {
  return htmlFile({
    title: report.title,
    body: markup`<a class="skip" href="#figures">Skip to the figures</a>
<div class="page">
${pageHead(report)}
${contents(report)}
<main>
${figuresSection(report)}
${report.sections.map((section) => groupSection(section, report.frame))}
${definitionsSection(report)}
</main>
<footer><p>Made ${formatInstant(report.madeAt)} UTC. All times are UTC. ${FOOTER}</p></footer>
</div>`,
  });
}

const FOOTER =
  "Each chart and its table is one SQL query on the archive; the CSV files beside this page have every row.";
const DEFINITIONS_NOTE =
  "All queries share these macros. To run a query by hand in DuckDB, run the macros first, " +
  "then the query with its window and parameters.";

function pageHead({ title, note, opening, figures, frame, reference }: Report): Markup {
  return markup`<header>
<p class="kicker">Gossip Observer</p>
<h1>${title}</h1>
${note !== "" && markup`<p class="note">${note}</p>`}
${openingSection(opening)}
${largeFigures(figures, reference)}
${frameList(frame)}
</header>`;
}

function contents({ sections }: Report): Markup {
  const entry = ({ query }: Answer) => markup`<li><a href="#${query.name}">${query.title}</a></li>`;
  const groups = sections.map(({ title, answers }) =>
    markup`<li><span>${title}</span><ol>${answers.map(entry)}</ol></li>`
  );
  return markup`<nav aria-label="Contents">
<ol>
<li class="kicker">Contents</li>
<li><a href="#savings">Reconciliation</a></li>
<li><a href="#figures">Main figures</a></li>
${groups}
<li><a href="#definitions">Definitions</a></li>
</ol>
</nav>`;
}

function figuresSection({ figures, reference }: Report): Markup {
  return markup`<section id="figures" aria-labelledby="figures-h">
<h2 id="figures-h">Main figures</h2>
${figureTable(figures, reference)}
</section>`;
}

function definitionsSection({ definitions }: Report): Markup {
  return markup`<section id="definitions" aria-labelledby="definitions-h">
<h2 id="definitions-h">Definitions</h2>
<p class="question">${DEFINITIONS_NOTE}</p>
<details><summary>Shared SQL</summary><pre><code>${definitions}</code></pre></details>
</section>`;
}

function groupSection({ title, answers }: ReportSection, frame: Frame): Markup {
  return markup`<section aria-label="${title}">
<h2>${title}</h2>
${answers.map((answer) => answerArticle(answer, frame))}
</section>`;
}

function answerArticle(answer: Answer, frame: Frame): Markup {
  const { query, parameters, table, drawing } = answer;
  const { name, title, question, pitfalls } = query;
  const description = `${question} The table below holds the figures.`;
  const svg = inlineSvg(drawing, { title, description }, name);
  return markup`<article id="${name}" aria-labelledby="${name}-h">
<h3 id="${name}-h">${title}</h3>
<p class="question">${question}</p>
<figure>
<div class="chart">${raw(svg)}</div>
<figcaption>${queryLine(name, parameters)}${drawing.note && ` · ${drawing.note}`}</figcaption>
</figure>
${
    answer.details ??
      dataTable(table, `${title}: rows`, `${name}.csv`, emptyText(frame, parameters), query.telling)
  }
<details open><summary>Read with care</summary>${list(pitfalls)}</details>
${queryDetails(answer)}
<p class="files">${link(`${name}.csv`)} (${formatPlural(table.rows.length, "row")}) · ${
    link(`${name}.svg`)
  }</p>
</article>`;
}

function queryDetails({ query, parameters }: Answer): Markup {
  return markup`<details><summary>Query</summary>
<p>Reads ${query.inputs}.</p>
${parameters.length > 0 && list(parameters.map(parameterText))}
<pre><code>${query.sql}</code></pre></details>`;
}

function list(items: readonly string[]): Markup {
  return markup`<ul>${items.map((item) => markup`<li>${item}</li>`)}</ul>`;
}
