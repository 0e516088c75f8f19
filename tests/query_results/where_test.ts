/** `deno task where` on archives made by hand: what it says, of hot and cold days, and of names that mean nothing. */
import assert from "node:assert/strict";
import { openArchive as openForReading } from "../../query_results/archive/open.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import type { Answer } from "../../query_results/where/answer.ts";
import { findMessages, findSubject } from "../../query_results/where/find.ts";
import { answerFor } from "../../query_results/where/look.ts";
import { answerText } from "../../query_results/where/text.ts";
import { spreadsOf } from "../../query_results/where/whole_day.ts";
import { scidText } from "../../shared/bolt/scid.ts";
import { UserError } from "../../shared/errors.ts";
import { DAY_US, dayOf, dayStart } from "../../shared/time.ts";
import { onArchive } from "../support/fixtures/archive.ts";
import { openDays } from "../support/fixtures/day_archive.ts";
import { makeSmallArchive, type SmallArchive } from "../support/fixtures/small_archive.ts";
import {
  fillWhereArchive,
  HOSTILE_ALIAS,
  NODE_IDS,
  SCID_A,
  SCID_B,
  START,
} from "../support/fixtures/where_archive.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

async function makeArchive(dir: TempDir, isCold = false): Promise<string> {
  await using archive = await openDays(dir);
  await fillWhereArchive(archive.store);
  if (isCold) await archive.days.run({ day: null, drop: "hot", apply: true });
  return dir.join("a.duckdb");
}

async function where(archive: string, name: string): Promise<Answer> {
  using reader = await openForReading(archive);
  await reader.connection.run(DEFINITIONS);
  return await answerFor(reader.connection, name);
}

async function refusal(archive: string, name: string): Promise<string> {
  const error = await where(archive, name).then(() => assert.fail(`${name} was found`), (e) => e);
  assert.ok(error instanceof UserError && !error.message.includes("\n"), `${error}`);
  return error.message;
}

const nodeOfA = (answer: Answer) => answer.nodes!.map((id) => NODE_IDS.indexOf(id) + 1).sort();

Deno.test("a channel's latest update: who had it when, what it repeats, and what was before it", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const answer = await where(archive, scidText(SCID_A));
  for (const form of [String(SCID_A), scidText(SCID_A).replaceAll("x", ":")]) {
    assert.deepEqual(await where(archive, form), answer);
  }
  // Update 2 reached 3 of 10, the other two updates 9 and 6.
  assert.equal(
    answer.sentence,
    "Your update of 2025-09-26 01:06 reached 3 of 10 peers, never half; 100 % of that day's updates reached half; " +
      "7 peers never sent it.",
  );
  assert.deepEqual(nodeOfA(answer), [1, 2]);
  const { message, latest } = answer;
  assert.deepEqual([message.spread, message.reached, message.subscribed], ["partial", 3, 10]);
  assert.equal(message.resigned_from?.sha256, latest[1].sha256);
  assert.equal(message.superseded_by, null);
  assert.deepEqual(answer.peers.map(({ seconds }) => seconds), [0, 1, 2, ...Array(7).fill(null)]);
  const [, update, channel] = latest;
  // Peers 1 to 5 within 40 s.
  assert.deepEqual([update.half_seconds, update.reached, update.spread], [40, 9, "broad"]);
  assert.equal(update.superseded_by?.sha256, message.sha256);
  assert.deepEqual([channel.type, channel.is_backlog, channel.reached], [
    "channel_announcement",
    true,
    1,
  ]);
});

Deno.test("a message by its digest: its curve, its repeats, and what each collector heard", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const { latest: [, { sha256 }] } = await where(archive, scidText(SCID_A));
  const answer = await where(archive, sha256.toUpperCase());
  assert.equal(answer.message.sha256, sha256);
  assert.match(
    answer.sentence,
    /^Your update of .* 01:00 reached half of 10 peers in 40 s, slower than 50 % .*; 1 peer never/,
  );
  assert.equal(answer.repeats, 1);
  assert.deepEqual(
    answer.collectors.map(({ name, peers, receipts, repeats, uncertainty_seconds: error }) => [
      ...[name, peers, receipts, repeats, error],
    ]),
    // No clock was measured.
    [["alpha", 8, 9, 1, null], ["beta", 1, 1, 0, null]],
  );
  assert.equal(answer.uncertainty_seconds, null);
  assert.match(answerText(answer), /^clocks +delays unknown: a clock was never measured$/m);
  const at = (percent: number) => answer.curve.find((point) => point.percent === percent)!;
  assert.deepEqual([at(10).seconds, at(50).seconds, at(90).seconds], [0, 40, 70]);
  assert.equal(at(95).seconds, null);
  // Of the two others one had half within 4 s; the other never.
  assert.deepEqual([answer.compared, at(50).day_50, at(50).day_75], [2, 4, null]);
});

Deno.test("a node by id, prefix and alias: its announcement, and updates of its channels", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const answer = await where(archive, "ACINQ");
  for (const form of [NODE_IDS[0], NODE_IDS[0].slice(0, 12).toUpperCase(), "alias:ACINQ"]) {
    assert.deepEqual(await where(archive, form), answer);
  }
  assert.equal(answer.alias, "ACINQ");
  assert.equal(answer.message.type, "node_announcement");
  const types = async (name: string) => (await where(archive, name)).latest.map(({ type }) => type);
  const updates = [await types("ACINQ"), await types("acinq")]
    .map((types) => types.filter((type) => type === "channel_update").length);
  // Direction 0 is signed by one of A's two nodes.
  assert.deepEqual(updates.sort(), [0, 2]);
});

/** A message beside its day's others, from receipts. */
async function wholeDay(archive: string, sha256: string) {
  using reader = await openForReading(archive);
  const { connection } = reader;
  await connection.run(DEFINITIONS);
  const [message] = await findMessages(connection, await findSubject(connection, sha256))
    .then((found) => found.filter((message) => message.sha256 === sha256));
  const from = dayStart(dayOf(message.firstSeen));
  return await spreadsOf(connection, message, { from, to: from + 2 * DAY_US });
}

Deno.test("of a day whose receipts are dropped its summary answers, and no peer is blamed", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { keep_files: 86_400_000 });
  await fillWhereArchive(archive.store);
  await archive.days.run({ day: null, drop: "hot", apply: true });
  const before = await archive.store.beside(async (connection) => {
    await connection.run(DEFINITIONS);
    return await answerFor(connection, scidText(SCID_A));
  });
  await archive.days.run({ day: null, drop: "files", apply: true });
  const answer = await archive.store.beside(async (connection) => {
    await connection.run(DEFINITIONS);
    return await answerFor(connection, scidText(SCID_A));
  });
  assert.ok(before.whole_day !== null && before.peers.length === 10);
  assert.deepEqual([answer.whole_day, answer.peers], [before.whole_day, []]);
  assert.equal(
    answer.sentence,
    "Your update of 2025-09-26 01:06 never reached half of the peers; half of those that sent it did so within 1 s, " +
      "slower than 0 % of that day's updates; the day's receipts are dropped.",
  );
  assert.match(answerText(answer), /^whole day's .* \(medians of 3, 2 reached half\)$/m);
});

Deno.test("cold days give the same answers, without their files one line says so", async () => {
  await using dir = await tempDir();
  await using other = await tempDir();
  const hot = await makeArchive(dir), cold = await makeArchive(other, true);
  for (const name of [scidText(SCID_A), scidText(SCID_B), "ACINQ"]) {
    const { whole_day: day, ...answer } = await where(cold, name);
    const expected = await where(hot, name);
    assert.deepEqual({ ...answer, whole_day: null }, expected, name);
    assert.ok(day !== null);
    assert.deepEqual(day, await wholeDay(hot, expected.message.sha256), name);
  }
  await Deno.remove(other.join("days"), { recursive: true });
  assert.match(
    await refusal(cold, "ACINQ"),
    /files of its days are missing, such as .*put it back/,
  );
});

Deno.test("names that mean nothing, or several nodes, get one line with what is like them", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const said = async (name: string, pattern: RegExp) =>
    assert.match(await refusal(archive, name), pattern);
  await said(
    "863846x914x0",
    /^There is no channel .*; like it: 863846x913x104, 863846x7x0; NAME is /,
  );
  await said("1x1x1", /^There is no channel "1x1x1" in this archive; NAME is a channel/);
  await said("02", /^"02" is too short: a node id needs at least 6 digits; NAME is a channel/);
  await said("863846x16777216x0", /of 24, 24 and 16 bits$/);
  await said(
    "AcInq",
    /^"AcInq" is more than one node: 02.* \(announced 2025-09-26 01:4.*; use a node/,
  );
  await said("ACINK", /^There is no alias "ACINK" in this archive; like it: ACINQ, acinq; /);
  const wrong = NODE_IDS[0].slice(0, 20) + "0".repeat(46);
  await said(wrong, new RegExp(`^There is no node .*; like it: ${NODE_IDS[0]}; `));
  await said("ab".repeat(32), /^There is no message "abab/);
  await said(HOSTILE_ALIAS.slice(0, -1) + "x", /like it: <img src=x>\\u\{1b\}\[31m\\u\{202e\}/);
  const peer = await refusal(archive, "03" + "00".repeat(32)).catch(() => "");
  assert.doesNotMatch(peer, /undefined|null/);
});

Deno.test("what was forged names no node, is no latest message, and supersedes none", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const { latest: [{ sha256 }] } = await where(archive, scidText(SCID_A));
  await onArchive(archive, async (connection) => {
    await connection.run(
      `UPDATE hot_messages SET verdict = 'invalid' WHERE node_id = '${
        NODE_IDS[1]
      }' OR sha256 = from_hex('${sha256}')`,
    );
  });
  assert.equal((await where(archive, "AcInq")).node_id, NODE_IDS[0]);
  const { message, latest } = await where(archive, scidText(SCID_A));
  assert.equal(message.sha256, latest[1].sha256);
  assert.equal(message.superseded_by, null);
  const forged = await where(archive, sha256);
  assert.match(answerText(forged), /^note +the message's verdict is invalid$/m);
});

Deno.test("a channel that was never announced says so; a burst is called one", async () => {
  await using dir = await tempDir();
  const answer = await where(await makeArchive(dir), scidText(SCID_B));
  assert.equal(answer.nodes, null);
  assert.match(answerText(answer), /^note +the channel's announcement was never seen/m);
  assert.deepEqual([answer.message.spread, answer.message.half_seconds], ["fast burst", 4]);
});

Deno.test("a hostile alias reaches no terminal", async () => {
  await using dir = await tempDir();
  const answer = await where(await makeArchive(dir), HOSTILE_ALIAS);
  const text = answerText(answer);
  // deno-lint-ignore no-control-regex -- that there are none is what is tested
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\x00-\x1f\u202e]/);
  assert.match(text, /"<img src=x>\\u\{1b\}\[31m\\u\{202e\}\\u\{a\}/);
});

Deno.test("a clock that was ten hours off changes no figure", async () => {
  const spec: SmallArchive = {
    collectors: ["alpha", "beta"],
    sessions: [1, 2, 3, 4].map((peer) => ({ peer, collector: 1 + peer % 2, from: 1 })),
    receipts: [1, 2, 3].flatMap((message) =>
      [1, 2, 3, 4].map((peer) => ({
        message,
        peer,
        collector: 1 + peer % 2,
        at: 3600 + 60 * message + peer,
      }))
    ),
    samples: [1, 2].flatMap((collector) =>
      [3600, 3660, 3720, 3780, 3840].map((at) => ({ collector, at, offset: 0, uncertainty: 0.001 }))
    ),
  };
  const wrong = (seconds: number): SmallArchive => {
    const behind = (collector: number) => collector === 2 ? seconds : 0;
    return {
      ...spec,
      behind,
      samples: spec.samples!.map((sample) => ({ ...sample, offset: behind(sample.collector) })),
    };
  };
  await using dir = await tempDir();
  const answers = await Promise.all([0, 36_000].map(async (seconds) => {
    const path = dir.join(`${seconds}.duckdb`);
    await makeSmallArchive(path, wrong(seconds));
    return await where(path, "0x0x2");
  }));
  const [right, moved] = answers.map(({ peers, message, uncertainty_seconds: error }) => ({
    peers,
    half: message.half_seconds,
    error,
  }));
  assert.deepEqual(moved, right);
  assert.deepEqual([right.half, right.error], [1, 0.002]);
});

Deno.test("deno task where prints text or JSON, and one clear line for each mistake", async () => {
  await using dir = await tempDir();
  const archive = await makeArchive(dir);
  const run = async (...args: string[]) => {
    const flags = [`--allow-read=query_results,${dir.path}`];
    await using program = startProgram("query_results/where/main.ts", args, ["-P=query", ...flags]);
    const { code } = await program.wait();
    const lines = program.lines.filter((line) => !/Permissions in the config/.test(line));
    return { code, lines };
  };
  const text = await run("--archive", archive, scidText(SCID_A));
  assert.equal(text.code, 0, text.lines.join("\n"));
  assert.match(text.lines[0], /^Your update of 2025-09-26 01:06 reached 3 of 10 peers/);
  const json = await run("--archive", archive, "--json", "alias:acinq");
  const answer: Answer = JSON.parse(json.lines.join("\n"));
  assert.deepEqual([answer.alias, answer.message.reached], ["acinq", 10]);
  assert.ok(answer.message.first_seen > START);
  for (
    const [args, pattern] of [
      [["x"], /--archive FILE and NAME are required; NAME is a/],
      [["--archive", archive], /--archive FILE and NAME are required/],
      [["--archive", "query_results/none.duckdb", "x"], /none\.duckdb: no such file$/],
      [["--archive", archive, "nobody"], /^There is no alias "nobody"/],
    ] as const
  ) {
    const { code, lines } = await run(...args);
    assert.equal(code, 2, `${args}`);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0], pattern);
  }
  await using shut = startProgram("query_results/where/main.ts", [
    ...["--archive", "/data/a.duckdb", "x"],
  ], ["-P=query"]);
  await shut.wait();
  assert.match(
    shut.lines.at(-1)!,
    /-P=query --allow-read=.*\/data\/a\.duckdb query_results\/where\//,
  );
});
