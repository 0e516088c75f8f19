// A window of an archive into PostgreSQL, part by part, each compared on both sides.

import { alignedText } from "../../query_results/format/table.ts";
import { grouped } from "../../shared/text.ts";
import { UserError } from "../../shared/errors.ts";
import { identifier, literal } from "../store/sql.ts";
import { NUL_STAND_IN, type TargetColumn, theirSummary } from "./columns.ts";
import { prepareSchema, type TargetTable } from "./schema.ts";
import type { Source, Summary } from "./source.ts";
import { planParts, type Span } from "./tables.ts";
import type { Target } from "./target.ts";

export interface ExportOptions {
  readonly source: Source;
  readonly version: number;
  readonly target: Target;
  readonly schema: string;
  readonly span: Span;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  /** What goes over now, e.g. `receipts 2025-09-26`. */
  readonly part: string;
  readonly phase: PartPhase;
  readonly rows: number;
  readonly total: number;
}

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
  const tables = await prepareSchema(target, schema, options.version);
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

const STAGING = "pg_temp.staging";

export interface Part {
  readonly table: TargetTable;
  /** Which part of the table, for people; empty when it is all that the window has of it. */
  readonly label: string;
  readonly ours: string;
  /**
   * Which rows of PostgreSQL they replace, and are to be equal to in the end: a condition in SQL, or a key by which each
   * row replaces the one that has it.
   */
  readonly replaces: string | {
    readonly key: readonly string[];
    readonly names: readonly string[];
    /** Where equal rows may be there already: a condition in SQL, or null when that is not worth a look. */
    readonly there: string | null;
  };
}

/** What is done with a part: in this order, or only the first. */
export type PartPhase = "adding up" | "sending" | "comparing";

interface PartDependencies {
  readonly source: Source;
  readonly target: Target;
  readonly schema: string;
  readonly signal: AbortSignal;
  readonly onRows: (rows: number, phase: PartPhase) => void;
}

/**
 * Brings a part over.
 * @throws {UserError} when the schema holds another archive's rows, or PostgreSQL refuses: for instance since another
 * export is at work.
 */
async function exportPart(part: Part, dependencies: PartDependencies) {
  const { source, target } = dependencies;
  const { table, replaces } = part;
  dependencies.onRows(0, "adding up");
  const { nuls, ...ours } = await source.summary(table.name, table.columns, part.ours);
  const there = typeof replaces === "string" ? replaces : replaces.there;
  if (there !== null && await isThere(target, table, there, ours)) {
    dependencies.onRows(ours.rows, "adding up");
    return { ours, theirs: ours, nuls, sent: 0 };
  }
  // As they are now, or would have been: rows that differ are not kept.
  let theirs: Summary = { rows: 0, checksum: 0n };
  await target.transaction(async () => {
    await takeLock(dependencies);
    const compared = typeof replaces === "string"
      ? await replaceWhere(part, replaces, dependencies)
      : await replaceByKey(part, replaces, dependencies);
    dependencies.onRows(0, "comparing");
    theirs = await summaryOf(target, table.columns, compared);
    return areEqual(ours, theirs);
  });
  return { ours, theirs, nuls, sent: ours.rows };
}

function areEqual(ours: Summary, theirs: Summary): boolean {
  return ours.rows === theirs.rows && ours.checksum === theirs.checksum;
}

async function isThere(
  target: Target,
  { name, columns }: TargetTable,
  condition: string,
  ours: Summary,
): Promise<boolean> {
  const rows = `${identifier(name)} t WHERE ${condition}`;
  const [{ found }] = await target.rows(`SELECT count(*) AS found FROM ${rows}`);
  if (Number(found) !== ours.rows) return false;
  return ours.rows === 0 || areEqual(ours, await summaryOf(target, columns, rows));
}

async function summaryOf(
  target: Target,
  columns: readonly TargetColumn[],
  from: string,
): Promise<Summary> {
  const [{ rows, checksum }] = await target.rows(
    `SELECT ${theirSummary(columns, "t")} FROM ${from}`,
  );
  return { rows: Number(rows), checksum: BigInt(String(checksum)) };
}

/** One export at a time; lasts as long as the transaction. */
async function takeLock({ target, schema }: PartDependencies): Promise<void> {
  const name = literal(`gossip-observer export ${schema}`);
  await target.run(`SELECT pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

async function replaceWhere(
  part: Part,
  condition: string,
  dependencies: PartDependencies,
): Promise<string> {
  const table = identifier(part.table.name);
  await dependencies.target.run(`DELETE FROM ${table} WHERE ${condition}`);
  await copy(part, table, dependencies);
  return `${table} t WHERE ${condition}`;
}

async function replaceByKey(
  part: Part,
  { key, names }: { readonly key: readonly string[]; readonly names: readonly string[] },
  dependencies: PartDependencies,
): Promise<string> {
  const { target } = dependencies;
  const table = identifier(part.table.name);
  const sides = (comparison: string) => (column: string) =>
    `t.${identifier(column)} ${comparison} s.${identifier(column)}`;
  const same = key.map(sides("=")).join(" AND ");
  await target.run(`CREATE TEMPORARY TABLE staging (LIKE ${table}) ON COMMIT DROP`);
  await copy(part, STAGING, dependencies);
  // Without it the planner takes a new table for a small one.
  await target.run(`ANALYZE ${STAGING}`);
  const differs = names.map(sides("<>")).join(" OR ");
  const [{ foreign }] = await target.rows(
    `SELECT count(*) AS foreign FROM ${table} t JOIN ${STAGING} s ON ${same} WHERE ${differs}`,
  );
  if (Number(foreign) > 0) {
    throw new UserError(
      `Cannot export into schema ${dependencies.schema}: it holds another archive's rows (${foreign} ` +
        `of ${part.table.name}); name another schema with --schema`,
    );
  }
  await target.run(`DELETE FROM ${table} t USING ${STAGING} s WHERE ${same}`);
  const columns = part.table.columns.map(({ name }) => identifier(name)).join(", ");
  await target.run(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${STAGING}`);
  return `${table} t JOIN ${STAGING} s ON ${same}`;
}

async function copy(
  { table, ours }: Part,
  into: string,
  { source, target, signal, onRows }: PartDependencies,
): Promise<void> {
  async function* pieces() {
    for await (const { rows, pieces } of source.rows(table.name, table.columns, ours, signal)) {
      yield* pieces;
      onRows(rows, "sending");
    }
  }
  await target.copyIn(into, table.columns.map(({ name }) => name), pieces());
}

const HEADINGS = ["table", "rows", "in PostgreSQL", "checksum", "in PostgreSQL", "sent", ""];

/** The report as text, a line a table and one for whatever needs saying. */
export function reportText(outcomes: readonly TableOutcome[]): string {
  const lines = outcomes.map(({ table, ours, theirs, sent, different }) => [
    table,
    grouped(ours.rows),
    grouped(theirs.rows),
    ours.checksum.toString(16),
    theirs.checksum.toString(16),
    grouped(sent),
    different.length === 0 ? "equal" : "DIFFERENT",
  ]);
  const table = alignedText([HEADINGS, ...lines], (column) => column > 0);
  return [...table, ...remarks(outcomes)].join("\n");
}

function remarks(outcomes: readonly TableOutcome[]): string[] {
  return outcomes.flatMap(({ table, nuls, different }) => [
    ...nuls === 0 ? [] : [
      `${table}: ${grouped(nuls)} texts had a NUL, which PostgreSQL cannot hold; ` +
      `each is ${NUL_STAND_IN} there`,
    ],
    ...different.length === 0
      ? []
      : [`${table}: did not arrive as it is here, and was not kept: ${different.join(", ")}`],
  ]);
}
