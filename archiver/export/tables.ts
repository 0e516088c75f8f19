// What of each table belongs to a window, and the parts in which it goes over.

import { DAY_US, dayOf, isoTime } from "../../shared/time.ts";
import type { Part } from "./export.ts";
import type { TargetTable } from "./schema.ts";
import type { Source } from "./source.ts";

/** A span of time, half open; µs since the Unix epoch, null where it has no end. */
export interface Span {
  readonly from: number | null;
  readonly until: number | null;
}

/** The part of `span` in a day. @param day counted from 1970-01-01, UTC. */
export function daySpan(span: Span, day: number): Span {
  const begin = day * DAY_US;
  const end = begin + DAY_US;
  return { from: Math.max(begin, span.from ?? begin), until: Math.min(end, span.until ?? end) };
}

/** The condition, in SQL of both engines, that `column` lies in `span`. */
export function within(column: string, { from, until }: Span): string {
  return [
    ...from === null ? [] : [`${column} >= ${instant(from)}`],
    ...until === null ? [] : [`${column} < ${instant(until)}`],
  ].join(" AND ") || "TRUE";
}

/** The condition that something that began at `begin` and ended at `end`, if it did, lasted into `span`. */
export function overlaps(begin: string, end: string, { from, until }: Span): string {
  return [
    ...from === null ? [] : [`(${end} IS NULL OR ${end} >= ${instant(from)})`],
    ...until === null ? [] : [`${begin} < ${instant(until)}`],
  ].join(" AND ") || "TRUE";
}

function instant(microseconds: number): string {
  return `TIMESTAMPTZ '${isoTime(microseconds)}'`;
}

export type TableRule =
  | {
    readonly kind: "keyed";
    readonly key: readonly string[];
    /** What one key means for ever in one archive: another archive's rows are recognised by it. */
    readonly names: readonly string[];
    readonly rows: (span: Span) => string;
  }
  | { readonly kind: "messages" | "receipts" | "whole" }
  /** Rows with an instant: those of the window take the place of those of the window. */
  | { readonly kind: "instants"; readonly column: string };

const EVERYTHING = () => "TRUE";

/** In the order of their going, so that what a row names is there before it. */
const RULES: Readonly<Record<string, TableRule>> = {
  collectors: { kind: "keyed", key: ["collector_id"], names: ["name"], rows: EVERYTHING },
  epochs: {
    kind: "keyed",
    key: ["epoch_id"],
    names: ["collector_id", "started_at"],
    rows: EVERYTHING,
  },
  peers: { kind: "keyed", key: ["peer_id"], names: ["node_id"], rows: EVERYTHING },
  sessions: {
    kind: "keyed",
    key: ["session_id"],
    names: ["epoch_id", "number"],
    rows: (span) => overlaps("dialled_at", "closed_at", span),
  },
  clock_samples: { kind: "instants", column: "sampled_at" },
  clock_steps: { kind: "instants", column: "noticed_at" },
  stalls: { kind: "instants", column: "to_at" },
  log_gaps: { kind: "instants", column: "to_at" },
  dial_outcomes: { kind: "instants", column: "to_at" },
  dead_letters: { kind: "instants", column: "received_at" },
  unresolved_receipts: { kind: "instants", column: "received_at" },
  messages: { kind: "messages" },
  receipts: { kind: "receipts" },
};

/** The archiver's own bookkeeping, of no use without it. */
const LEFT_OUT = ["schema_version", "message_numbers", "import_messages"];

/**
 * The rules for the tables that the schema makes, those that are named by others first; tables that no rule names are
 * copied whole.
 */
export function tableRules(tables: readonly string[]): [table: string, rule: TableRule][] {
  const order = Object.keys(RULES);
  const others = tables.filter((table) => !order.includes(table) && !LEFT_OUT.includes(table));
  const whole = others.map((table): [string, TableRule] => [table, { kind: "whole" }]);
  const known = order.filter((table) => tables.includes(table));
  const facts = known.filter((table) => ["messages", "receipts"].includes(table));
  const dimensions = known.filter((table) => !facts.includes(table));
  const ruled = (names: string[]) => names.map((name): [string, TableRule] => [name, RULES[name]]);
  return [...ruled(dimensions), ...whole, ...ruled(facts)];
}

/** Messages first seen outside `span` that its receipts name. Null when nothing is outside. */
export function earlierMessages(span: Span): string | null {
  if (span.from === null && span.until === null) return null;
  return `NOT (${within("first_seen", span)}) AND message_id IN ` +
    `(SELECT message_id FROM receipts WHERE ${within("received_at", span)})`;
}

export interface PlannedPart {
  readonly part: Part;
  readonly rows: number;
}

/** All parts of a window, in the order of their going. */
export async function planParts(
  source: Source,
  tables: readonly TargetTable[],
  span: Span,
): Promise<PlannedPart[]> {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const there = await source.names();
  const names = [...byName.keys()].filter((name) => there.has(name));
  const planned: PlannedPart[] = [];
  for (const [name, rule] of tableRules(names)) {
    planned.push(...await partsOf(source, byName.get(name)!, rule, span));
  }
  return planned;
}

async function partsOf(
  source: Source,
  table: TargetTable,
  rule: TableRule,
  span: Span,
): Promise<PlannedPart[]> {
  switch (rule.kind) {
    case "whole":
      return [{ part: { table, label: "", ours: "TRUE", replaces: "TRUE" }, rows: 0 }];
    case "instants": {
      const condition = within(rule.column, span);
      return [{ part: { table, label: "", ours: condition, replaces: condition }, rows: 0 }];
    }
    case "keyed": {
      const { key, names, rows } = rule;
      const replaces = { key, names, there: null };
      return [{ part: { table, label: "", ours: rows(span), replaces }, rows: 0 }];
    }
    case "messages":
      return await messageParts(source, table, span);
    case "receipts": {
      const days = await source.days(table.name, "received_at", span);
      return days.map(({ day, rows }) => {
        const condition = within("received_at", daySpan(span, day));
        const part = { table, label: dayOf(day * DAY_US), ours: condition, replaces: condition };
        return { part, rows };
      });
    }
  }
}

/** A day's messages are those first seen on it; those that the window only sees again come first. */
async function messageParts(
  source: Source,
  table: TargetTable,
  span: Span,
): Promise<PlannedPart[]> {
  const keyed = { key: ["message_id"], names: ["sha256"] };
  const parts = (await source.days(table.name, "first_seen", span)).map(({ day, rows }) => {
    const condition = within("first_seen", daySpan(span, day));
    const replaces = { ...keyed, there: condition };
    return { part: { table, label: dayOf(day * DAY_US), ours: condition, replaces }, rows };
  });
  const earlier = earlierMessages(span);
  if (earlier === null) return parts;
  const replaces = { ...keyed, there: null };
  return [{ part: { table, label: "earlier", ours: earlier, replaces }, rows: 0 }, ...parts];
}
