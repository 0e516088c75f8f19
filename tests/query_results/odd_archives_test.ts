/** Each query's chart on archives that hold next to nothing, or far too much of one thing. */
import assert from "node:assert/strict";
import { allQueries } from "../../query_results/catalog/catalog.ts";
import { textWidth } from "../../query_results/chart/theme.ts";
import type { Table } from "../../query_results/format/table.ts";
import { replayReport } from "../../query_results/reconciliation/replay_report.ts";
import type { Recording } from "../../query_results/reconciliation/replay/recording.ts";
import { runQueries } from "../../query_results/run.ts";
import {
  makeRecordedArchive,
  makeRecording,
  type RecordingShape,
} from "../support/fixtures/recording.ts";
import { makeSmallArchive, type SmallArchive } from "../support/fixtures/small_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

/** The names that the first observer's successor gives its collectors: 66 hex digits, alike at their beginning. */
const longName = (i: number) => `02${"ab".repeat(30)}${i.toString(16).padStart(4, "0")}`;

const many = Array.from({ length: 100 }, (_, i) => i + 1);

const ODD: Record<string, SmallArchive> = {
  "empty": { collectors: [], sessions: [], receipts: [] },
  "a collector that heard nothing": { collectors: ["alpha"], sessions: [], receipts: [] },
  "one receipt": {
    collectors: ["alpha"],
    sessions: [{ peer: 1, from: 0 }],
    receipts: [{ message: 1, peer: 1, at: 700 }],
  },
  "one peer": {
    collectors: ["alpha"],
    sessions: [{ peer: 1, from: 0, to: 5000 }],
    receipts: [1, 2, 3].map((message) => ({ message, peer: 1, at: 1000 * message })),
  },
  "no live message": {
    collectors: ["alpha"],
    sessions: [1, 2, 3].map((peer) => ({ peer, from: 0 })),
    receipts: [1, 2, 3].map((peer) => ({ message: 1, peer, at: 100 + peer, warmup: true })),
  },
  "delays from a millisecond to an hour": {
    collectors: ["alpha"],
    sessions: many.map((peer) => ({ peer, from: 0 })),
    receipts: many.map((peer) => ({ message: 1, peer, at: 4000 + (peer === 1 ? 0 : 1.08 ** peer) }))
      .concat(many.map((peer) => ({ message: 2, peer, at: 9000 + 0.001 * peer }))),
  },
  "everything at once": {
    collectors: ["alpha"],
    sessions: [1, 2, 3].map((peer) => ({ peer, from: 700, to: 700 })),
    receipts: [1, 2, 3].map((peer) => ({ message: 1, peer, at: 700 })),
  },
  "a hundred collectors with long names": {
    collectors: many.map(longName),
    sessions: many.map((collector) => ({
      peer: collector,
      collector,
      from: 0,
      to: 4000,
      reason: `closed by peer ${longName(collector)}`,
    })),
    receipts: many.flatMap((collector) =>
      [1, 2].map((message) => ({
        message,
        peer: collector,
        collector,
        at: 1000 * message + collector,
      }))
    ),
    samples: many.map((collector) => ({ collector, at: 1000, offset: 0.001, uncertainty: 0.001 })),
    more: [
      "INSERT INTO gaps SELECT epoch_id, 5, 6, NULL, NULL, started_at, 'missing' FROM epochs",
      "UPDATE sessions SET pings_sent = 4, pings_answered = 3, rtt_min_microseconds = 1000, " +
      "rtt_median_microseconds = 2000, rtt_max_microseconds = 3000",
    ],
  },
};

/** A visible label of an axis: its anchor, its place and its text. */
const LABEL =
  /<text text-anchor="(\w+)" transform="translate\(([-\d.]+),([-\d.]+)\)[^>]*opacity="1"[^>]*>([^<]*)</g;
/** textWidth is rather too wide. */
const LEAST_WIDTH = 0.8;
/** In px, of the digits of an 11 px font. */
const LABEL_HEIGHT = 9;

/** As wide as a page takes; a chart of more is cut. */
const MOST_WIDTH = 760;
const MOST_HEIGHT = 1200;

for (const [name, spec] of Object.entries(ODD)) {
  Deno.test(`each chart of an archive can be read: ${name}`, async () => {
    await using dir = await tempDir();
    const archive = dir.join("gossip.duckdb");
    await makeSmallArchive(archive, spec);
    for (const reference of [undefined, { scale: 30 }]) {
      const { report, tables } = await runQueries({ archive, out: dir.join("out"), reference });
      assert.equal(tables.size, allQueries().length);
      await assertReadable(dir.join("out"), tables, report);
    }
  });
}

const RECORDINGS: Record<string, RecordingShape & { more?: (recording: Recording) => void }> = {
  "as few peers and messages as can be": { peers: 8, messages: 12, seconds: 1800, seed: 1 },
  "messages of one type": { peers: 9, messages: 300, seconds: 1200, seed: 2, types: [256] },
  "peers that hardly differ": {
    peers: 10,
    messages: 200,
    seconds: 1200,
    seed: 3,
    more: ({ receivedMs, firstMs, messages, reach }) => {
      receivedMs.forEach((_, i) =>
        receivedMs[i] = firstMs[i % messages] + 20 * Math.floor(i / messages)
      );
      reach.fill(10);
    },
  },
  "a hundred implementations": {
    peers: 100,
    messages: 400,
    seconds: 3600,
    seed: 4,
    more: ({ features }) => features.forEach((_, i) => (features as string[])[i] = `${i}`),
  },
};

for (const [name, { more, ...shape }] of Object.entries(RECORDINGS)) {
  Deno.test(`each chart of a replay can be read: ${name}`, async () => {
    await using dir = await tempDir();
    const archive = dir.join("gossip.duckdb"), out = dir.join("out");
    const recording = makeRecording(shape);
    more?.(recording);
    await makeRecordedArchive(archive, recording, shape.seconds);
    const replayed = { archive, out, pairs: 40, seed: 1, scale: 1, memoryLimit: "1GiB" };
    const { tables, report } = await replayReport({ ...replayed, onProgress: () => {} });
    assert(tables.has("cpu") && tables.has("superseded"));
    await assertReadable(out, tables, report);
  });
}

async function assertReadable(out: string, tables: ReadonlyMap<string, Table>, report: string) {
  const faults: string[] = [];
  for (const [name, { rows }] of tables) {
    const svg = await Deno.readTextFile(`${out}/${name}.svg`);
    for (const fault of chartFaults(svg, rows.length)) faults.push(`${name}: ${fault}`);
  }
  assert.deepEqual(faults, []);
  assert.doesNotMatch((await Deno.readTextFile(report)).split("<main>")[0], /NaN|undefined/);
}

/** What is wrong with a chart's file: nothing, when it can be read. */
function* chartFaults(svg: string, rows: number): Generator<string> {
  const nonsense = svg.match(/NaN|undefined|Infinity/);
  if (nonsense) yield `has ${nonsense[0]}`;
  const [, width, height] = svg.match(/^<svg[^>]* width="([\d.]+)" height="([\d.]+)"/)!;
  if (Number(width) > MOST_WIDTH) yield `is ${width} px wide`;
  if (Number(height) > MOST_HEIGHT) yield `is ${height} px high`;
  const isEmpty = svg.includes(">no data<");
  if (rows === 0 && !isEmpty) yield "does not say that there is no data";
  if (isEmpty) return;
  const axes = [...svg.matchAll(/role-axis-label"[^>]*>(.*?)<\/g>/g)];
  if (axes.length < 2) yield `has ${axes.length} axes`;
  for (const [, axis] of axes) {
    const texts = [...axis.matchAll(LABEL)].filter((match) => match[4] !== "");
    const labels = texts.map((match) => match[4]);
    for (const [i, [, anchor, x, y, label]] of texts.entries()) {
      const next = texts[i + 1];
      if (!next || next[3] !== y) continue;
      const half = (text: string) => LEAST_WIDTH * textWidth(text, 11) / 2;
      const free = Math.abs(Number(next[2]) - Number(x));
      if (anchor === "middle" && next[1] === "middle" && free < half(label) + half(next[4])) {
        yield `has labels that touch: ${label} and ${next[4]}`;
      }
    }
    const heights = texts.filter(([, anchor]) => anchor === "end").map((match) => Number(match[3]));
    if (heights.some((y, i) => i > 0 && Math.abs(y - heights[i - 1]) < LABEL_HEIGHT)) {
      yield `has labels on top of each other: ${labels.slice(0, 8)}`;
    }
    if (labels.length === 0) yield "has an axis without labels";
    if (new Set(labels).size < labels.length) yield `has labels alike: ${labels.slice(0, 8)}`;
  }
}
