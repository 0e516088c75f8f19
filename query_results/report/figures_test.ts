import assert from "node:assert/strict";
import { EMPTY_FRAME, type Frame } from "../archive/frame.ts";
import { type Figure, mainFigures, rescaled } from "./figures.ts";
import { PUBLISHED, referenceRows } from "./reference.ts";

const frame: Frame = {
  ...EMPTY_FRAME,
  window: { from: 0, to: 60e6 },
  peers: 7,
  peersMost: 7,
  peersMean: 7,
};

Deno.test("figures come from the queries that ran, and are unknown where those found nothing", () => {
  assert.deepEqual(mainFigures(frame, new Map()).map(({ value }) => value), [7, 60]);
  const nodes = {
    columns: [{ name: "cumulative_percent", kind: "number" } as const],
    rows: Array.from({ length: 201 }, (_, i) => [i + 10]),
  };
  // The busiest 1 % of 201 nodes are the first 3.
  const busiest = mainFigures(frame, new Map([["node_announcements", nodes]])).at(-1);
  assert.equal(busiest?.value, 12);
  const none = mainFigures(frame, new Map([["node_announcements", { ...nodes, rows: [] }]]));
  assert.equal(none.at(-1)?.value, null);
});

Deno.test("delays grow and rates shrink with the time scale", () => {
  const figure = (kind: Figure["kind"], value: number | null): Figure => ({
    label: "",
    kind,
    value,
    published: null,
    unit: "",
    basis: "",
  });
  assert.equal(rescaled(figure("seconds", 2), 60), 120);
  assert.equal(rescaled(figure("rate", 120), 60), 2);
  assert.equal(rescaled(figure("plain", 2), 60), 2);
  assert.equal(rescaled(figure("seconds", null), 60), null);
});

Deno.test("the published run's histogram and shares are whole", () => {
  const sum = (values: number[]) => Math.round(values.reduce((a, b) => a + b, 0));
  assert.equal(sum(PUBLISHED.message_percent_by_peers_percent.percent), 100);
  assert.equal(sum(Object.values(PUBLISHED.percent_by_type)), 100);
});

Deno.test("the published run's delays are drawn at this run's scale, ascending", () => {
  const rows = referenceRows("convergence_delay", { scale: 10 });
  assert.deepEqual(rows.map((row) => row.percent), [0.1, 5, 25, 50, 75, 95, 99.9]);
  assert.equal(rows[3].delay_seconds, PUBLISHED.average_delay_seconds["50"] / 10);
  assert.deepEqual(referenceRows("convergence_delay", undefined), []);
  assert.deepEqual(referenceRows("gaps", { scale: 1 }), []);
});
