/**
 * A window of an archive into PostgreSQL, part by part, each compared on both sides.
 *
 * @module
 */
import { areEqual, exportPart, type PartPhase } from "./part.ts";
import { planParts } from "./parts.ts";
import { prepareSchema } from "./schema.ts";
import type { Source, Summary } from "./source.ts";
import type { Span } from "./span.ts";
import type { Target } from "./target.ts";

/** What is exported, and whereto. */
export interface ExportOptions {
  /** The archive. */
  readonly source: Source;
  /** The version of its schema. */
  readonly version: number;
  /** PostgreSQL. */
  readonly target: Target;
  /** The schema there. */
  readonly schema: string;
  /** The window. */
  readonly span: Span;
  /** Ends it; what is committed stays. */
  readonly signal: AbortSignal;
  /** Told how far it is. */
  readonly onProgress: (progress: ExportProgress) => void;
}

/** How far an export is. */
export interface ExportProgress {
  /** What goes over now, e.g. `receipts 2025-09-26`. */
  readonly part: string;
  /** What is done with it. */
  readonly phase: PartPhase;
  /** Rows of messages and receipts that are over, or were there already. */
  readonly rows: number;
  /** Of so many. */
  readonly total: number;
}

/** One table, in the end. */
export interface TableOutcome {
  /** Its name. */
  readonly table: string;
  /** The archive's rows of the window. */
  readonly ours: Summary;
  /** PostgreSQL's. */
  readonly theirs: Summary;
  /** Rows that were sent: less than all when equal ones were there already. */
  readonly sent: number;
  /** Texts whose NULs got a stand-in. */
  readonly nuls: number;
  /** Labels of the parts that differed; they were not kept. */
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
