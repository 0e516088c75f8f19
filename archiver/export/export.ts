// A window of an archive into PostgreSQL, part by part, each compared on both sides.

import { areEqual, exportPart, type PartPhase } from "./part.ts";
import { planParts } from "./parts.ts";
import { prepareSchema } from "./schema.ts";
import type { Source, Summary } from "./source.ts";
import type { Span } from "./span.ts";
import type { Target } from "./target.ts";

/** What is exported, and whereto. */
export interface ExportOptions {
  readonly source: Source;
  readonly version: number;
  readonly target: Target;
  readonly schema: string;
  readonly span: Span;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ExportProgress) => void;
}

/** How far an export is. */
export interface ExportProgress {
  /** What goes over now, e.g. `receipts 2025-09-26`. */
  readonly part: string;
  readonly phase: PartPhase;
  readonly rows: number;
  readonly total: number;
}

/** One table, in the end. */
export interface TableOutcome {
  readonly table: string;
  readonly ours: Summary;
  readonly theirs: Summary;
  readonly sent: number;
  readonly nuls: number;
  readonly different: readonly string[];
}

/** Exports. @returns what became of each table. @throws {UserError} as {@link exportPart} and `schema.ts` do. */
export async function exportWindow(options: ExportOptions): Promise<TableOutcome[]> {
  const { source, target, schema, span, signal, onProgress } = options;
  const { tables } = await prepareSchema(target, schema, options.version);
  const planned = await planParts(source, tables, span);
  const total = planned.reduce((sum, { rows }) => sum + rows, 0);
  const outcomes = new Map<string, TableOutcome>();
  let done = 0;
  for (const { part, rows: counts } of planned) {
    signal.throwIfAborted();
    const name = [part.table.name, part.label].join(" ").trim();
    let gone = 0;
    const onRows = (rows: number, phase: PartPhase) => {
      if (counts > 0) gone += rows;
      onProgress({ part: name, phase, rows: done + gone, total });
    };
    const outcome = await exportPart(part, { source, target, schema, signal, onRows });
    done += counts;
    const before = outcomes.get(part.table.name);
    const label = part.label || "all";
    outcomes.set(part.table.name, {
      table: part.table.name,
      ours: plus(before?.ours, outcome.ours),
      theirs: plus(before?.theirs, outcome.theirs),
      sent: (before?.sent ?? 0) + outcome.sent,
      nuls: (before?.nuls ?? 0) + outcome.nuls,
      different: [
        ...before?.different ?? [],
        ...areEqual(outcome.ours, outcome.theirs) ? [] : [label],
      ],
    });
  }
  return [...outcomes.values()];
}

function plus(before: Summary | undefined, now: Summary): Summary {
  return {
    rows: (before?.rows ?? 0) + now.rows,
    checksum: (before?.checksum ?? 0n) + now.checksum,
  };
}
