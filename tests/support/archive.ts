/**
 * Archives of tests: opened small, and read as plain values.
 *
 * @module
 */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { jsonValue } from "../../archiver/api/json.ts";
import { Store, type WriterDependencies } from "../../archiver/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";

/** Opens an archive for a test, with little memory. */
export function openArchive(
  path: string,
  dependencies: Partial<WriterDependencies> = {},
): Promise<Store> {
  const options = { path, memoryLimitBytes: 256 * 1024 * 1024, threads: 1 };
  return Store.open(options, { clock: systemClock, random: seededRandom(1), ...dependencies });
}

/** Runs `use` on a connection to an archive that no process holds. */
export async function onArchive<T>(
  path: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The rows of a query, as values that JSON can hold. */
export async function rows(store: Store, sql: string): Promise<Record<string, unknown>[]> {
  return jsonValue(await store.read(sql)) as Record<string, unknown>[];
}

/** One line a receipt: µs, SHA-256 of the message, peer, collector, repeat, warm-up; sorted. */
export const RECEIPT_LINES: string = `
  SELECT concat_ws(' ', epoch_us(r.received_at), lower(hex(m.sha256)), p.node_id, c.name,
    CAST(r.is_repeat AS INTEGER), CAST(r.is_warmup AS INTEGER)) AS line
  FROM receipts r JOIN messages m USING (message_id) JOIN peers p USING (peer_id)
  JOIN collectors c ON c.collector_id = r.collector_id ORDER BY line`;

/** Runs {@link RECEIPT_LINES}. */
export async function receiptLines(store: Store): Promise<string[]> {
  return (await store.read(RECEIPT_LINES)).map(({ line }) => String(line));
}
