import type { Row } from "./database.ts";

/** Which archive this is: when it was made, µs, in base 36. Copies of it share it. */
export async function archiveIdentity(
  archive: { read(sql: string): Promise<Row[]> },
): Promise<string> {
  const [row] = await archive.read(
    "SELECT epoch_us(min(applied_at)) AS made_at FROM schema_version",
  );
  return Number(row.made_at).toString(36);
}
