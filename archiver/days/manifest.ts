// The manifest beside each Parquet file: what is in it, so that whoever has the file can see that it is whole.

import * as v from "valibot";
import { UserError } from "../../shared/errors.ts";
import type { Interval } from "./split.ts";
import type { Sums } from "./sums.ts";

/** The version of the manifest's own form. */
const FORMAT = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const instant = v.pipe(v.number(), v.safeInteger());

const ManifestSchema = v.strictObject({
  format: v.literal(FORMAT),
  table: v.picklist(["receipts", "messages"]),
  day: v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}$/)),
  part: count,
  schema_version: count,
  covers_from_us: instant,
  covers_to_us: instant,
  rows: count,
  first_us: v.nullable(instant),
  last_us: v.nullable(instant),
  columns: v.record(
    v.string(),
    v.strictObject({
      of: v.picklist(["microseconds", "value", "md5"]),
      sum: v.pipe(v.string(), v.regex(/^-?\d{1,40}$/)),
      nulls: count,
    }),
  ),
  receipts_by_collector: v.record(v.string(), count),
  bytes: count,
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/** What a manifest says. Instants are µs since the Unix epoch. */
export type Manifest = v.InferOutput<typeof ManifestSchema>;

/** What goes into a manifest, beside the sums. */
export interface ManifestParts {
  readonly table: "receipts" | "messages";
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** From 0. */
  readonly part: number;
  readonly schemaVersion: number;
  readonly interval: Interval;
  readonly sums: Sums;
  /** Receipts by the collector's name; empty for other tables. */
  readonly receiptsByCollector: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** Its SHA-256 in lower-case hex. */
  readonly sha256: string;
}

/** Puts a manifest together. */
export function makeManifest(parts: ManifestParts): Manifest {
  const { table, day, part, schemaVersion, interval, sums, receiptsByCollector, bytes, sha256 } =
    parts;
  return {
    format: FORMAT,
    table,
    day,
    part,
    schema_version: schemaVersion,
    covers_from_us: interval.from,
    covers_to_us: interval.to,
    rows: sums.rows,
    first_us: sums.first,
    last_us: sums.last,
    columns: { ...sums.columns },
    receipts_by_collector: { ...receiptsByCollector },
    bytes,
    sha256,
  };
}

/** A manifest as text. */
export function manifestText(manifest: Manifest): string {
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** Reads a manifest. @param path names it in errors. @throws {UserError} when the text is none. */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is no manifest: it is no JSON`, { cause: error });
  }
  const result = v.safeParse(ManifestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UserError(
    `${path} is no manifest: ${v.getDotPath(issue) ?? "(top level)"}: ${issue.message}`,
  );
}

/** The sums that a manifest tells of. */
export function manifestSums(manifest: Manifest): Omit<Sums, "together"> {
  const { rows, first_us, last_us, columns } = manifest;
  return { rows, first: first_us, last: last_us, columns };
}
