// An answer as one HTML file that needs nothing beside it: in the report's look, and with one script, the replay's.

import { html as markup, raw } from "hono/html";
import { drawChart } from "../chart/render.ts";
import { inlineSvg } from "../chart/svg_file.ts";
import { formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import type { Table } from "../format/table.ts";
import { htmlFile } from "../report/shell.ts";
import type { Markup } from "../report/tables.ts";
import type { Answer, PeerLine } from "./answer.ts";
import { SPREAD_RULES } from "./judge.ts";
import { answerRows, collectorRows, latestRows, STATES, subjectText } from "./text.ts";
import chart from "./curve.chart.json" with { type: "json" };
import script from "./replay.js" with { type: "text" };
import style from "./where.css" with { type: "text" };

/** Peers that never sent it and are listed; JSON has all. */
const MAX_MISSING = 500;
/** The slider's steps. */
const STEPS = 1000;
const LANES = ["lnd", "cln", "ldk", "eclair"];

/** The whole file. @param madeAt µs since the Unix epoch. */
export async function answerPage(answer: Answer, madeAt: number): Promise<string> {
  const sections: [id: string, title: string, content: Markup][] = [
    ["curve", "How it spread", await curveFigure(answer)],
    ["spread", "Peer by peer", replay(answer)],
    ["missing", "Who never sent it", missing(answer)],
    ["collectors", "What each collector heard", cells(collectorRows(answer), "Collectors")],
    ["latest", "Latest messages", cells(latestRows(answer), "Latest messages")],
    ["rules", "What the words mean", rules()],
  ];
  return htmlFile({
    title: `Where is my update? ${subjectText(answer)}`,
    style,
    script,
    body: markup`<a class="skip" href="#curve">Skip to the answer</a>
<div class="page">
<header>
<p class="kicker">Gossip Observer</p>
<h1>Where is my update?</h1>
<p class="answer">${answer.sentence}</p>
<dl class="frame">${
      answerRows(answer).map(([name, text]) =>
        markup`<div><dt>${name}</dt><dd><bdi>${text}</bdi></dd></div>`
      )
    }</dl>
</header>
<nav aria-label="Contents"><ol>
<li class="kicker">Contents</li>
${sections.map(([id, title]) => markup`<li><a href="#${id}">${title}</a></li>`)}
</ol></nav>
<main>
${
      sections.map(([id, title, content]) =>
        markup`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}</h2>${content}</section>`
      )
    }
</main>
<footer><p>Made ${
      formatInstant(madeAt)
    } UTC. All times are UTC. A receipt is when a peer sent the message to a collector, not
when it had it.</p></footer>
</div>`,
  });
}

async function curveFigure({ curve, message, compared, of_day: ofDay }: Answer): Promise<Markup> {
  const names = ["percent", "seconds", "day_25", "day_50", "day_75"] as const;
  const table: Table = {
    columns: names.map((name) => ({ name, kind: "number" })),
    rows: curve.map((point) => names.map((name) => point[name])),
  };
  const drawing = await drawChart(chart, table, { parameters: {}, reference: [] }, "curve-chart");
  const title = "Share of the subscribed peers by time after first sight";
  const svg = inlineSvg(drawing, { title, description: "The table below holds it." }, "curve-svg");
  const rest = compared === 0
    ? "There is no other message of its type that day to compare with."
    : `Compared with ${formatNumber(compared)} of the ${formatNumber(ofDay)} messages of type ` +
      `${message.type} first seen that day.`;
  return markup`<figure><div class="chart">${
    raw(svg)
  }</div><figcaption>${rest}</figcaption></figure>
<details><summary>Table</summary>${
    cells(
      [
        [
          "% of the peers",
          "this message (s)",
          "a quarter of that day's (s)",
          "half",
          "three quarters",
        ],
        ...table.rows.map((row) =>
          row.map((value) =>
            value === null ? "–" : formatNumber(Math.round(Number(value) * 10) / 10)
          )
        ),
      ],
      "Seconds until a share of the peers had it",
    )
  }</details>`;
}

function replay({ peers }: Answer): Markup {
  const lanes = Map.groupBy(
    peers.filter(({ state }) => state !== "left before"),
    ({ implementation }) => implementation,
  );
  const order = [...lanes].sort(([, a], [, b]) => b.length - a.length);
  return markup`<div id="replay" data-peers="${order.reduce((n, [, own]) => n + own.length, 0)}">
<div class="controls" hidden><button type="button">Play</button>
<input type="range" min="0" max="${STEPS}" step="any" value="${STEPS}" aria-label="Time after first sight">
<output></output></div>
${order.map(([name, own]) => lane(name, own))}
<p class="rest">One mark per peer, by implementation: filled once it had sent the message, × if it never did.</p>
</div>`;
}

function lane(name: string, peers: readonly PeerLine[]): Markup {
  const dots = peers.map(({ node_id: id, seconds, state }) =>
    seconds === null
      ? markup`<i class="never" title="${id} ${STATES[state]}"></i>`
      : markup`<i class="on" data-s="${seconds}" title="${id} ${formatNumber(seconds)} s"></i>`
  );
  const had = peers.filter(({ seconds }) => seconds !== null).length;
  return markup`<div class="lane ${LANES.includes(name) ? name : "other"}">
<p>${name}: <b>${had}</b> of ${formatPlural(peers.length, "peer")}</p>
<div class="dots" role="img" aria-label="${name}: one mark per peer">${dots}</div></div>
`;
}

function missing({ peers }: Answer): Markup {
  const those = peers.filter(({ state }) => state !== "delivered");
  if (those.length === 0) return markup`<p>All subscribed peers sent it.</p>`;
  const rest = those.length > MAX_MISSING
    ? markup`<p class="rest">and ${formatNumber(those.length - MAX_MISSING)} more</p>`
    : "";
  const rows = those.slice(0, MAX_MISSING).map(({ node_id: id, implementation, state }) => [
    ...[id, implementation, STATES[state]],
  ]);
  return markup`<details${those.length <= 20 ? raw(" open") : ""}><summary>${
    formatPlural(those.length, "peer")
  }</summary>${cells([["node id", "implementation", "state"], ...rows], "Peers")}${rest}</details>`;
}

function rules(): Markup {
  return markup`<dl class="frame">${
    Object.entries(SPREAD_RULES).map(([name, rule]) =>
      markup`<div><dt>${name}</dt><dd>${rule}</dd></div>`
    )
  }</dl>
<p class="question">Implementations are what a peer's feature bits say; where most say nothing, how it delivers.</p>`;
}

/** A table; the first row is its head. */
function cells([heads, ...rows]: readonly string[][], label: string): Markup {
  return markup`<div class="table" role="region" aria-label="${label}" tabindex="0"><table class="cells">
<thead><tr>${heads.map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${
    rows.map((row) => markup`<tr>${row.map((cell) => markup`<td><bdi>${cell}</bdi></td>`)}</tr>\n`)
  }</tbody></table></div>`;
}
