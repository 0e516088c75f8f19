// What of each table belongs to a window, and how it takes the place of what an earlier export brought.

import { overlaps, type Span, within } from "./span.ts";

/** How the rows of one table are told apart. */
export type TableRule =
  | {
    readonly kind: "keyed";
    readonly key: readonly string[];
    /** What one key means for ever in one archive: another archive's rows are recognised by it. */
    readonly names: readonly string[];
    readonly rows: (span: Span) => string;
  }
  | {
    readonly kind: "messages";
  }
  | {
    readonly kind: "receipts";
  }
  | {
    /** Rows with an instant: those of the window take the place of those of the window. */
    readonly kind: "instants";
    readonly column: string;
  }
  | {
    readonly kind: "whole";
  };

/** What names a message, and its key. */
export const MESSAGE_KEY = "message_id";
/** See {@link MESSAGE_KEY}. */
export const MESSAGE_NAME = "sha256";

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
  return `NOT (${within("first_seen", span)}) AND ${MESSAGE_KEY} IN ` +
    `(SELECT ${MESSAGE_KEY} FROM receipts WHERE ${within("received_at", span)})`;
}
