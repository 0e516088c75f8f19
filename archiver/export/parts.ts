// The parts that a window is cut into.

import type { Part } from "./part.ts";
import type { TargetTable } from "./schema.ts";
import type { Source } from "./source.ts";
import { dayName, daySpan, type Span, within } from "./span.ts";
import {
  earlierMessages,
  MESSAGE_KEY,
  MESSAGE_NAME,
  type TableRule,
  tableRules,
} from "./tables.ts";

/** A part, and how many rows it has where that is known before. */
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
        const part = { table, label: dayName(day), ours: condition, replaces: condition };
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
  const keyed = { key: [MESSAGE_KEY], names: [MESSAGE_NAME] };
  const parts = (await source.days(table.name, "first_seen", span)).map(({ day, rows }) => {
    const condition = within("first_seen", daySpan(span, day));
    const replaces = { ...keyed, there: condition };
    return { part: { table, label: dayName(day), ours: condition, replaces }, rows };
  });
  const earlier = earlierMessages(span);
  if (earlier === null) return parts;
  const replaces = { ...keyed, there: null };
  return [{ part: { table, label: "earlier", ours: earlier, replaces }, rows: 0 }, ...parts];
}
