/** `deno task archive verify`: what is sound fits, and whatever is altered is found. */
import type { DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { CHECKS } from "../../archiver/verify/checks.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { seededRandom } from "../../shared/random.ts";
import { onArchive, openArchive } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { makeGossipArchive } from "../support/fixtures/gossip_archive.ts";
import { startProgram } from "../support/servers/process.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";
import { tempDir } from "../support/temp_dir.ts";

/** The claims that do not hold, by kind. */
async function failing(connection: DuckDBConnection) {
  const claims = { contradiction: [] as string[], loss: [] as string[] };
  for (const { kind, claim, look } of CHECKS) {
    const { misfits, seen } = await look(connection);
    assert.ok(Number.isInteger(misfits) && Number.isInteger(seen), claim);
    if (misfits !== 0) claims[kind].push(claim);
  }
  return claims;
}

const ALTERATIONS: readonly [string, RegExp][] = [
  ["DELETE FROM hot_receipts WHERE is_repeat", /each collector has as many receipts/],
  [
    "INSERT INTO hot_receipts SELECT * FROM hot_receipts LIMIT 1",
    /each collector has as many receipts/,
  ],
  ["UPDATE epochs SET stamped_receipts = stamped_receipts + 3", /gaps account for the difference/],
  ["UPDATE epochs SET receipts = receipts + 1", /gaps account for the difference/],
  ["UPDATE hot_messages SET raw = raw || 'x'::BLOB WHERE type = 257", /sha256 is that/],
  ["UPDATE hot_messages SET scid = scid + 1 WHERE type = 256", /those of the bytes/],
  ["UPDATE hot_messages SET direction = 0 WHERE type = 258", /those of the bytes/],
  ["UPDATE hot_messages SET own_timestamp = NULL WHERE type = 257", /those of the bytes/],
  ["UPDATE hot_messages SET inner_id = 'x'::BLOB WHERE type = 258", /those of the bytes/],
  ["UPDATE hot_messages SET node_id = NULL WHERE type = 257", /those of the bytes/],
  ["UPDATE hot_messages SET size = size + 1", /those of the bytes/],
  [
    "UPDATE hot_messages SET first_seen = first_seen + INTERVAL 1 SECOND",
    /earlier than its first_seen/,
  ],
  ["DELETE FROM hot_messages WHERE type = 257", /receipts: each message_id/],
  ["DELETE FROM peers WHERE peer_id = 1", /receipts: each peer_id/],
  ["DELETE FROM collectors WHERE name = 'beta'", /receipts: each collector_id/],
  ["DELETE FROM epochs", /sessions: each epoch_id/],
  [
    "INSERT INTO hot_messages SELECT * FROM hot_messages LIMIT 1",
    /messages: no two rows .* sha256/,
  ],
  ["INSERT INTO peers SELECT 9, node_id FROM peers LIMIT 1", /peers: no two rows .* node_id/],
  [
    "INSERT INTO sessions SELECT * FROM sessions LIMIT 1",
    /sessions: no two rows .* epoch_id, number/,
  ],
  ["UPDATE sessions SET collector_id = 3 - collector_id", /each session is of the collector/],
  [
    "CREATE OR REPLACE VIEW pair_days AS SELECT 1 AS measured_us, 1 AS common, 0 AS only_a, 0 AS only_b, 5 AS us_1s, " +
    "4 AS us_5s, 6 AS us_10s, 6 AS us_30s, 6 AS us_60s, 6 AS us_120s, 6 AS us_300s, 6 AS us_600s",
    /each pair's sums grow/,
  ],
  ["INSERT INTO gaps VALUES (1, 9, 8, 0, 0, now(), 'missing')", /do not overlap/],
  ["INSERT INTO gaps VALUES (1, 0, 7, 0, 0, now(), 'missing')", /below the high-water mark/],
  ["INSERT INTO gaps VALUES (77, 0, 0, 0, 0, now(), 'missing')", /gaps: each epoch_id/],
  ["UPDATE sessions SET pings_sent = 1, pings_answered = 2", /agree with one another/],
  ["UPDATE sessions SET rtt_min_microseconds = rtt_max_microseconds + 1", /agree with one another/],
  ["UPDATE sessions SET counted_at = counted_at - INTERVAL 1 SECOND", /agree with one another/],
  ["UPDATE sessions SET receipts = receipts + 1 WHERE number = 0", /ended without gaps/],
  ["UPDATE dial_outcomes SET epoch_id = 77", /dial_outcomes: each epoch_id/],
  ["INSERT INTO dial_outcomes SELECT * FROM dial_outcomes LIMIT 1", /dials are counted once/],
  ["UPDATE dial_outcomes SET from_at = from_at - INTERVAL 1 SECOND", /dials are counted once/],
  ["INSERT INTO analytics_queries VALUES (77, 'gaps', 1, 1)", /analytics_queries: each run_id/],
  ["INSERT INTO analytics_queries VALUES (77, 'gaps', 1, 2)", /the kept rows that its run counted/],
  [
    "INSERT INTO analytics_results VALUES (77, 'gaps', 1, 'batches', 1, NULL, NULL)",
    /the kept rows that its run counted/,
  ],
];

/** A run with all that its sessions and dials can tell, in order. */
function toldRun(): Batch {
  const maker = new BatchMaker("gamma");
  const [one, two] = [maker.session(1), maker.session(2)];
  const message = maker.message(plainMessage(1));
  for (const [second, session] of [[3, one], [4, one], [5, two]]) {
    maker.receipt(maker.epoch + second * 1_000_000, message, session);
  }
  const at = (second: number) => maker.epoch + second * 1_000_000;
  const figures = sessionFigures({
    receipts: 2,
    first_gossip_at: at(3),
    last_gossip_at: at(4),
    messages_in: 5,
    messages_out: 6,
    pings_sent: 2,
    pings_answered: 2,
    rtt_min: 10,
    rtt_median: 10,
    rtt_max: 12,
    pings_received: 1,
    pongs_sent: 1,
  });
  const gossip = { receipts: 1, first_gossip_at: at(5), last_gossip_at: at(5), messages_in: 1 };
  const dials = [
    { outcome: "connected", address: "ipv4", count: 2 },
    { outcome: "refused", address: "onion", count: 5 },
  ] as const;
  maker.event({ kind: "dial_outcomes", since: at(0), at: at(60), dials });
  maker.event({ kind: "session_state", session: two, at: at(300), ...sessionFigures(gossip) });
  maker.event({ kind: "dial_outcomes", since: at(60), at: at(120), dials });
  const end = { kind: "session_closed", at: at(400), by: "us", reason: "stop" } as const;
  maker.event({ ...end, session: one, ...figures });
  maker.event({ ...end, session: two, ...sessionFigures(gossip) });
  maker.event({ kind: "run_ended", at: at(401), receipts: 3 });
  return maker.close();
}

Deno.test("a sound archive fits, and each alteration of it is found", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  await makeGossipArchive(path);
  {
    await using store = await openArchive(path);
    await store.commit([toldRun()]);
  }
  await onArchive(path, async (connection) => {
    assert.deepEqual(await failing(connection), { contradiction: [], loss: [] });
    for (const [sql, claim] of ALTERATIONS) {
      await connection.run("BEGIN");
      await connection.run(sql);
      const { contradiction } = await failing(connection);
      assert.ok(contradiction.some((failed) => claim.test(failed)), `${sql}: ${contradiction}`);
      await connection.run("ROLLBACK");
    }
    assert.deepEqual(await failing(connection), { contradiction: [], loss: [] });
  });
});

/** Thirty batches of one collector, some of which never come and others late. */
function disorderedBatches(seed: number): { batches: Batch[]; lost: number } {
  const random = seededRandom(seed);
  const maker = new BatchMaker();
  const session = maker.session(1);
  const message = maker.message(plainMessage(seed));
  const batches: { batch: Batch; place: number }[] = [];
  let lost = 0;
  for (let number = 0; number < 30; number++) {
    const receipts = Math.floor(random.next() * 4) + (number === 0 ? 1 : 0);
    for (let i = 0; i < receipts; i++) {
      maker.receipt(maker.epoch + number * 1000 + i, message, session);
    }
    const batch = maker.close();
    // The first one tells the session and message, the last one how many there were.
    const comes = number === 0 || number === 29 || random.next() < 0.7;
    if (comes) batches.push({ batch, place: number + random.next() * 6 });
    else lost += receipts;
  }
  return { batches: batches.sort((a, b) => a.place - b.place).map(({ batch }) => batch), lost };
}

Deno.test("batches lost and late leave losses and no contradiction", async () => {
  await using dir = await tempDir();
  for (let seed = 1; seed <= 5; seed++) {
    const path = dir.join(`${seed}.duckdb`);
    const { batches, lost } = disorderedBatches(seed);
    await using store = await openArchive(path);
    for (let i = 0; i < batches.length; i += 4) await store.commit(batches.slice(i, i + 4));
    await store[Symbol.asyncDispose]();
    await onArchive(path, async (connection) => {
      const { contradiction, loss } = await failing(connection);
      assert.deepEqual(contradiction, [], `seed ${seed}`);
      assert.ok(loss.includes("no batch is missing"), `seed ${seed}`);
      const stamped = CHECKS.find(({ claim }) =>
        claim.startsWith("every receipt that was stamped")
      )!;
      assert.equal((await stamped.look(connection)).misfits, lost, `seed ${seed}`);
    });
  }
});

async function verify(...args: string[]) {
  const rights = ["-A", "--quiet"];
  await using program = startProgram("archiver/main.ts", ["verify", ...args], rights);
  const { code } = await program.wait();
  return { code, lines: program.lines };
}

Deno.test("the command's exit code tells contradictions, and with --strict losses", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  await makeGossipArchive(path);
  const sound = await verify("--archive", path, "--strict");
  assert.equal(sound.code, 0, sound.lines.join("\n"));
  assert.equal(
    sound.lines.at(-1),
    `verify: checks=${CHECKS.length} contradictions=0 losses=0 archive=${path}`,
  );

  await onArchive(
    path,
    (connection) =>
      connection.run("INSERT INTO dead_letters VALUES (now(), 'http', 'no batch', 'x'::BLOB)"),
  );
  assert.equal((await verify("--archive", path)).code, 0);
  const strict = await verify("--archive", path, "--strict");
  assert.equal(strict.code, 1);
  assert.ok(strict.lines.some((line) => line.startsWith("LOSS          no payload was set aside")));

  await onArchive(path, (connection) => connection.run("DELETE FROM peers"));
  await Deno.writeTextFile(dir.join("a.yaml"), `archive: ${path}\n`);
  const broken = await verify("--config", dir.join("a.yaml"));
  assert.equal(broken.code, 1);
  const peers = "DOES NOT FIT  receipts: each peer_id is in peers: 11 of 11";
  assert.ok(broken.lines.includes(peers), broken.lines.join("\n"));
});

Deno.test("an archive that is missing, held, newer or none is refused in one line", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const refused = async (why: RegExp) => {
    const { code, lines } = await verify("--archive", path);
    assert.equal(code, 2);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0], why);
  };
  await refused(/^Cannot open archive .*: no such file$/);
  await onArchive(path, (connection) => connection.run("CREATE TABLE a (x INTEGER)"));
  await refused(/it has no table schema_version/);
  await Deno.remove(path);
  await using store = await openArchive(path);
  await refused(new RegExp(`process ${Deno.pid} .*holds it`));
  await store[Symbol.asyncDispose]();
  await onArchive(
    path,
    (connection) => connection.run("INSERT INTO schema_version VALUES (999, 'later', now())"),
  );
  await refused(/its schema has version 999, this program knows \d+/);
});
