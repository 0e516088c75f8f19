/** The dashboards: each panel's SQL through the Postgres endpoint, and each metric that they and the alerts name. */
import assert from "node:assert/strict";
import postgres from "postgres";
import * as v from "valibot";
import archive from "../../archiver/dashboards/postgres.json" with { type: "json" };
import service from "../../archiver/dashboards/prometheus.json" with { type: "json" };
import alerts from "../../archiver/dashboards/alerts.yaml" with { type: "text" };
import { createMetrics } from "../../archiver/api/metrics.ts";
import { Counters } from "../../archiver/status/counters.ts";
import { PostgresCounters } from "../../archiver/postgres/counters.ts";
import { parseConfig } from "../../shared/config.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { startEndpoint } from "../support/servers/postgres_endpoint.ts";
import { tempDir } from "../support/temp_dir.ts";

const RulesSchema = v.object({
  groups: v.array(v.object({ rules: v.array(v.object({ alert: v.string(), expr: v.string() })) })),
});
const FROM = "2025-01-01T00:00:00Z";
const TO = "2025-01-01T02:00:00Z";
const INTERVAL_SECONDS = 60;

/** What Grafana's PostgreSQL data source makes of the macros that the panels use. */
function filled(sql: string): string {
  return sql
    .replaceAll(
      /\$__timeGroupAlias\(([\w.]+), \$__interval\)/g,
      `floor(extract(epoch from $1)/${INTERVAL_SECONDS})*${INTERVAL_SECONDS} AS "time"`,
    )
    .replaceAll(/\$__timeFilter\(([\w.]+)\)/g, `$1 BETWEEN '${FROM}' AND '${TO}'`)
    .replaceAll("$__timeFrom()", `'${FROM}'`)
    .replaceAll("$__timeTo()", `'${TO}'`)
    .replaceAll("$__interval_ms", String(INTERVAL_SECONDS * 1000));
}

Deno.test("each panel's SQL runs through the Postgres endpoint, in the shape that its panel draws", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  await using store = await openArchive(dir.join("gossip.duckdb"));
  await store.change(async (connection) => {
    await connection.run(
      `INSERT INTO stalls SELECT epoch_id, collector_id, started_at, started_at + INTERVAL 2 SECOND FROM epochs LIMIT 1`,
    );
  });
  await using endpoint = await startEndpoint(store);
  const sql = postgres(endpoint.url, { max: 1, onnotice: () => {} });
  try {
    let panels = 0;
    for (const { title, type, targets = [] } of archive.panels) {
      for (const { rawSql, format } of targets) {
        const text = filled(rawSql);
        assert.ok(!text.includes("$__"), `${title}: a macro is left in ${text}`);
        const rows = await sql.unsafe(text).catch((error) => assert.fail(`${title}: ${error}`));
        assert.ok(rows.length > 0, `${title}: no rows`);
        assert.equal(format, type === "table" ? "table" : "time_series", title);
        const [row] = rows;
        if (format === "time_series") {
          const { time, metric, ...values } = row;
          assert.ok(
            time instanceof Date || Number(time) >= Date.parse(FROM) / 1000,
            `${title}: ${time}`,
          );
          assert.ok(metric === undefined || typeof metric === "string", title);
          for (const value of Object.values(values)) assert.ok(!Number.isNaN(Number(value)), title);
        }
        panels++;
      }
    }
    assert.ok(panels > 12);
  } finally {
    await sql.end();
  }
});

Deno.test("each metric that a panel or an alert names is in /metrics", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("gossip.duckdb"));
  const idle = { batches: 0, bytes: 0, receipts: 0, setAside: new Map() };
  const metrics = createMetrics({
    store,
    intake: { status: () => ({ ...idle, lastSetAside: null, failure: null }) },
    jetStream: { status: () => ({ server: null, problem: null, unacknowledged: 0 }) },
    days: {
      folder: "/days",
      progress: () => ({
        ...{ isRunning: false, lastAt: null, lines: [], counts: new Map(), failures: 0 },
        ...{ failure: null, unreadable: { missing: [], damaged: [] } },
        due: { dropHotBefore: null, dropFilesBefore: null },
      }),
    },
    analytics: { status: () => ({ halted: null, sets: [] }) },
    heartbeats: { last: new Map() },
    counters: new Counters(0),
    watch: { problems: () => [] },
    quack: { status: () => ({ statements: 0, longest: 0 }) },
    feed: { viewers: 0, refused: 0, dropped: 0 },
    postgres: {
      counters: new PostgresCounters(),
      status: () => ({ running: 0, waiting: 0, restarts: 0 }),
    },
    now: () => 0,
  });
  const known = new Set((await metrics.text()).match(/(?<=^# TYPE )\S+/gm));
  const rules = parseConfig(alerts, RulesSchema, "alerts.yaml").groups[0].rules;
  const expressions = [
    ...service.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [title, expr])
    ),
    ...rules.map(({ alert, expr }) => [alert, expr]),
  ];
  assert.ok(expressions.length > 40);
  for (const [where, expression] of expressions) {
    const names = expression.match(/\bgossip_\w+/g) ?? [];
    assert.ok(names.length > 0, `${where}: no metric`);
    for (const name of names) assert.ok(known.has(name), `${where}: there is no metric ${name}`);
    assert.equal(expression.split("(").length, expression.split(")").length, where);
  }
  for (
    const want of [
      "CollectorLate",
      "Gap",
      "CollectorLag",
      "DiskNearlyFull",
      "ClockWrong",
      "ConsumerStalled",
    ]
  ) {
    assert.ok(rules.some(({ alert }) => alert === want), want);
  }
});
