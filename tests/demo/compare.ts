// Holds an archive against the ledger of what a simulated network sent: every receipt, every byte.

import { join } from "node:path";
import { openArchive } from "../../query_results/archive/open.ts";
import { LEDGER_FILES } from "../simnet/ledger.ts";

/** How archive and ledger differ. */
export interface Comparison {
  /** Messages written by peers, repeats included. */
  readonly sent: number;
  /** Receipts in the archive. */
  readonly archived: number;
  /** Sent and not in the archive, by peer and message. */
  readonly lost: number;
  /** Receipts past all quotas of the collector, folded together: of each peer as many of those it sent are not lost. */
  readonly folded: number;
  /** In the archive more often than sent, by peer and message: doubled, or never sent at all. */
  readonly duplicated: number;
  /** Distinct messages in the archive. */
  readonly messages: number;
  /** Messages in the archive whose bytes or SHA-256 are not those of a message that was sent. */
  readonly differing: number;
  /** The first few differences in words. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 5;
/** Stands for messages past all quotas. */
const FOLDED_TYPE = 65_535;

/** Receipts by peer and message, as the ledger says and as the archive holds. */
const RECEIPTS = `
  SELECT
    coalesce(s.node_id, h.node_id) AS node_id,
    coalesce(s.sha256, h.sha256) AS sha256,
    coalesce(s.times, 0) AS sent,
    coalesce(h.times, 0) AS archived
  FROM said s FULL JOIN held h ON s.node_id = h.node_id AND s.sha256 = h.sha256`;

/** Archived messages that are not, byte for byte or by their digest, one of the ledger's. */
const DIFFERING = `
  SELECT m.message_id, hex(m.sha256) AS sha256
  FROM messages m LEFT JOIN ledger_messages l ON l.sha256 = lower(hex(m.sha256))
  WHERE m.type <> ${FOLDED_TYPE} AND (l.raw IS NULL OR l.raw <> lower(hex(m.raw)) OR sha256(m.raw) <> l.sha256
    OR m.size <> length(l.raw) // 2 OR l.raw[:4] <> lower(printf('%04x', m.type)))`;

/** By peer: what it sent and the archive lacks, and what is folded together of it. */
const BY_PEER = `
  SELECT coalesce(c.node_id, f.node_id) AS node_id, coalesce(c.missing, 0) AS missing, coalesce(f.times, 0) AS folded
  FROM (SELECT node_id, sum(greatest(sent - archived, 0)) AS missing FROM compared GROUP BY node_id) c
    FULL JOIN folded f ON f.node_id = c.node_id`;

/**
 * Compares all of an archive with a ledger (`tests/simnet/ledger.ts`).
 *
 * @throws {UserError} when no archive can be opened there; {Error} DuckDB's own when the ledger cannot be read.
 */
export async function compareWithLedger(archive: string, ledger: string): Promise<Comparison> {
  using reader = await openArchive(archive);
  const { connection } = reader;
  const csv = (file: keyof typeof LEDGER_FILES, columns: string) =>
    `read_csv(${quoted(join(ledger, LEDGER_FILES[file]))}, header = true, columns = {${columns}})`;
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjects();
  await connection.run(`
    CREATE TEMP TABLE ledger_messages AS
      SELECT * FROM ${csv("messages", "'message': 'BIGINT', 'sha256': 'TEXT', 'raw': 'TEXT'")};
    CREATE TEMP TABLE said AS
      SELECT p.node_id, m.sha256, CAST(sum(s.times) AS BIGINT) AS times
      FROM ${csv("sent", "'peer': 'BIGINT', 'message': 'BIGINT', 'times': 'BIGINT'")} s
        JOIN ledger_messages m ON m.message = s.message
        JOIN ${
    csv("peers", "'peer': 'BIGINT', 'node_id': 'TEXT', 'address': 'TEXT'")
  } p ON p.peer = s.peer
      GROUP BY p.node_id, m.sha256;
    CREATE TEMP TABLE held AS
      SELECT p.node_id, lower(hex(m.sha256)) AS sha256, count(*) AS times
      FROM receipts r JOIN messages m ON m.message_id = r.message_id JOIN peers p ON p.peer_id = r.peer_id
      WHERE m.type <> ${FOLDED_TYPE} GROUP BY p.node_id, m.sha256;
    CREATE TEMP TABLE folded AS
      SELECT p.node_id, count(*) AS times
      FROM receipts r JOIN messages m ON m.message_id = r.message_id JOIN peers p ON p.peer_id = r.peer_id
      WHERE m.type = ${FOLDED_TYPE} GROUP BY p.node_id;
    CREATE TEMP TABLE compared AS ${RECEIPTS};
    CREATE TEMP TABLE by_peer AS ${BY_PEER};
    CREATE TEMP TABLE differing AS ${DIFFERING};`);
  const [totals] = await rows(`
    SELECT
      coalesce(sum(sent), 0) AS sent,
      coalesce(sum(archived), 0) + (SELECT coalesce(sum(folded), 0) FROM by_peer) AS archived,
      (SELECT coalesce(sum(greatest(missing - folded, 0)), 0) FROM by_peer) AS lost,
      (SELECT coalesce(sum(folded), 0) FROM by_peer) AS folded,
      coalesce(sum(greatest(archived - sent, 0)), 0)
        + (SELECT coalesce(sum(greatest(folded - missing, 0)), 0) FROM by_peer) AS duplicated,
      (SELECT count(*) FROM messages) AS messages,
      (SELECT count(*) FROM differing) AS differing
    FROM compared`);
  const examples = [
    ...await rows(`
      SELECT 'peer ' || node_id || ' sent message ' || sha256 || ' ' || sent || ' times, archived are ' || archived
        AS words
      FROM compared WHERE sent <> archived ORDER BY node_id, sha256 LIMIT ${MAX_EXAMPLES}`),
    ...await rows(`
      SELECT 'message ' || message_id || ' (sha256 ' || lower(sha256) || ') is not what any peer sent' AS words
      FROM differing ORDER BY message_id LIMIT ${MAX_EXAMPLES}`),
  ];
  return {
    sent: Number(totals.sent),
    archived: Number(totals.archived),
    lost: Number(totals.lost),
    folded: Number(totals.folded),
    duplicated: Number(totals.duplicated),
    messages: Number(totals.messages),
    differing: Number(totals.differing),
    examples: examples.map(({ words }) => String(words)),
  };
}

/** True when nothing is lost, doubled or altered. */
export function isFaithful({ lost, duplicated, differing }: Comparison): boolean {
  return lost === 0 && duplicated === 0 && differing === 0;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
