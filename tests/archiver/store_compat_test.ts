/** The first Gossip Observer's tables as views, and queries of the kind that were written for them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { jsonValue } from "../../archiver/api/debug.ts";
import { openArchive as openReader } from "../../query_results/archive/open.ts";
import { makeGossipArchive, MESSAGES, SCID, START } from "../support/fixtures/gossip_archive.ts";
import { nodeId } from "../support/fixtures/batch_maker.ts";
import { tempDir } from "../support/temp_dir.ts";
import { nodeId as announcedNode } from "../support/fixtures/unsigned_gossip.ts";

/** First 64 bits of a SHA-256, as text: JSON's numbers end earlier. */
function hashOf(data: Uint8Array | string): string {
  return String(createHash("sha256").update(data).digest().readBigUInt64BE());
}

/** What queries give on the archive of `makeGossipArchive`, hashes as text. */
async function ask(...queries: string[]): Promise<Record<string, unknown>[][]> {
  await using dir = await tempDir();
  await makeGossipArchive(dir.join("a.duckdb"));
  using reader = await openReader(dir.join("a.duckdb"));
  await reader.connection.run("SET search_path = 'compat'");
  const answers: Record<string, unknown>[][] = [];
  for (const query of queries) {
    const rows = (await reader.connection.runAndReadAll(query)).getRowObjects();
    answers.push(jsonValue(rows) as Record<string, unknown>[]);
  }
  return answers;
}

Deno.test("the views have the columns and types that the first observer's tables had", async () => {
  const [columns] = await ask(`
    SELECT table_name || '.' || column_name AS name, data_type FROM duckdb_columns()
    WHERE schema_name = 'compat' ORDER BY table_name, column_index`);
  assert.deepEqual(columns.map(({ name, data_type }) => [name, data_type]), [
    ["messages.hash", "UBIGINT"],
    ["messages.raw", "VARCHAR"],
    ["metadata.hash", "UBIGINT"],
    ["metadata.type", "UTINYINT"],
    ["metadata.size", "USMALLINT"],
    ["metadata.orig_node", "VARCHAR"],
    ["metadata.scid", "UBIGINT"],
    ["timings.hash", "UBIGINT"],
    ["timings.collector", "VARCHAR"],
    ["timings.recv_peer", "VARCHAR"],
    ["timings.recv_peer_hash", "UBIGINT"],
    ["timings.recv_timestamp", "TIMESTAMP WITH TIME ZONE"],
    ["timings.orig_timestamp", "TIMESTAMP WITH TIME ZONE"],
  ]);
});

Deno.test("metadata and messages tell gossip only, without the type's two bytes", async () => {
  const { channel, node, laterUpdate, update } = MESSAGES;
  const [metadata, messages] = await ask(
    "SELECT hash::VARCHAR AS hash, type, size, orig_node, scid::VARCHAR AS scid FROM metadata ORDER BY type, hash",
    "SELECT raw FROM messages",
  );
  const scid = String(SCID);
  const updates = [update, laterUpdate].map((raw) => (
    { hash: hashOf(raw), type: 3, size: 136, orig_node: null, scid }
  )).sort((a, b) => BigInt(a.hash) < BigInt(b.hash) ? -1 : 1);
  const orig_node = announcedNode(7).toHex();
  assert.deepEqual(metadata, [
    { hash: hashOf(channel), type: 1, size: channel.length - 2, orig_node: null, scid },
    { hash: hashOf(node), type: 2, size: node.length - 2, orig_node, scid: null },
    ...updates,
  ]);
  assert.deepEqual(
    messages.map(({ raw }) => raw).sort(),
    [channel, node, update, laterUpdate]
      .map((raw) => Buffer.from(raw.subarray(2)).toString("base64url")).sort(),
  );
});

Deno.test("timings have one row a message and peer, the first at any collector", async () => {
  const [timings] = await ask(`
    SELECT hash::VARCHAR AS hash, collector, recv_peer, recv_peer_hash::VARCHAR AS recv_peer_hash,
      (epoch_us(recv_timestamp) - ${START}) / 1e6 AS seconds, epoch(orig_timestamp) AS orig
    FROM timings ORDER BY recv_timestamp`);
  const expected = ([
    ["channel", "alpha", 1, 1, null],
    ["channel", "beta", 4, 3, null],
    ["update", "alpha", 1, 10, START / 1e6],
    ["update", "alpha", 2, 12, START / 1e6],
    ["update", "beta", 3, 14, START / 1e6],
    ["update", "beta", 4, 18, START / 1e6],
    ["laterUpdate", "alpha", 1, 30, START / 1e6 + 20],
    ["node", "alpha", 2, 40, START / 1e6 + 5],
  ] as const).map(([message, collector, peer, seconds, orig]) => ({
    hash: hashOf(MESSAGES[message]),
    collector,
    recv_peer: nodeId(peer),
    recv_peer_hash: hashOf(nodeId(peer)),
    seconds,
    orig,
  }));
  assert.deepEqual(timings, expected);
});

Deno.test("queries that join, rank and bin the three tables run as they were written", async () => {
  const [[delays], perType, bins] = await ask(
    `WITH spread AS (
      SELECT t.hash, t.recv_timestamp, min(t.recv_timestamp) OVER (PARTITION BY t.hash) AS first_seen
      FROM timings t
      WHERE t.hash IN (SELECT hash FROM timings GROUP BY hash
        HAVING count(*) >= (SELECT count(DISTINCT recv_peer_hash) * 0.6 FROM timings))
    ), quantiles AS (
      SELECT hash, max(first_seen) AS first_seen, quantile_cont(recv_timestamp, [0.5, 1.0]) AS moments
      FROM spread GROUP BY hash
    )
    SELECT count(*) AS messages, avg(epoch(moments[1] - first_seen)) AS median,
      avg(epoch(moments[2] - first_seen)) AS last FROM quantiles`,
    `SELECT m.type, count(*) AS receipts, count(DISTINCT t.hash) AS messages, max(m.scid)::VARCHAR AS scid
    FROM timings t INNER JOIN metadata m ON t.hash = m.hash GROUP BY m.type ORDER BY m.type`,
    `SELECT date_trunc('hour', recv_timestamp) + INTERVAL '15 minutes' * floor(extract(minute FROM recv_timestamp) / 15)
      AS bin, count(DISTINCT recv_peer_hash) AS peers FROM timings GROUP BY bin`,
  );
  assert.deepEqual(delays, { messages: 1, median: 3, last: 8 });
  assert.deepEqual(perType, [
    { type: 1, receipts: 2, messages: 1, scid: String(SCID) },
    { type: 2, receipts: 1, messages: 1, scid: null },
    { type: 3, receipts: 5, messages: 2, scid: String(SCID) },
  ]);
  assert.equal(bins.length, 1);
  assert.equal(bins[0].peers, 4);
});
