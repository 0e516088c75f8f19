import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describeMessage } from "../../archiver/api/debug.ts";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { Days } from "../../archiver/days/days.ts";
import { CHECKS } from "../../archiver/verify/checks.ts";
import type { SessionClosed } from "../../shared/batch/batch.ts";
import { encodeDigest } from "../../shared/batch/digest.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { MAX_RESEND_NUMBERS } from "../../shared/batch/resend_request.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { isoTime } from "../../shared/time.ts";
import { onArchive, openArchive, receiptLines, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, nodeId, plainMessage } from "../support/fixtures/batch_maker.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { tempDir } from "../support/temp_dir.ts";

const SECOND = 1_000_000;
const sha256 = (raw: Uint8Array) => createHash("sha256").update(raw).digest("hex");

/** A channel_update's bytes (BOLT 7): well-formed, its signature is not. */
function channelUpdate(timestamp: number): Uint8Array {
  const raw = new Uint8Array(138);
  const view = new DataView(raw.buffer);
  view.setUint16(0, 258);
  view.setBigUint64(98, 863846n << 40n | 913n << 16n | 104n);
  view.setUint32(106, timestamp);
  raw[110] = 1; // message_flags: htlc_maximum_msat is there
  raw[111] = 1; // channel_flags: from node 2
  return raw;
}

function closing(session: number, at: number): SessionClosed {
  const figures = sessionFigures({
    receipts: 3,
    bytes_in: 2 ** 40,
    bytes_out: 17,
    first_gossip_at: at - 2,
    messages_in: 9,
    messages_out: 8,
    gossip_out: 1,
    pings_sent: 4,
    pings_answered: 3,
    rtt_min: 1000,
    rtt_median: 2000,
    rtt_max: 4000,
    pings_received: 2,
    pongs_sent: 1,
  });
  return { kind: "session_closed", session, at, by: "peer", reason: "bye", ...figures };
}

Deno.test("a batch becomes rows of every table, exactly as told", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker("alpha");
  const { epoch } = maker;
  const raw = channelUpdate(1_758_844_700);
  maker.event({ kind: "run_started", at: epoch, version: "1.2.3", target_peers: 2 ** 40 });
  const [one, two] = [maker.session(1), maker.session(2)];
  const message = maker.message(raw);
  maker.receipt(epoch + 5, message, one);
  maker.receipt(epoch + 5, message, two, 1);
  maker.receipt(epoch + 2 ** 33, message, one, 3);
  maker.verdict(message, "valid");
  maker.event(closing(one, epoch + 9));
  maker.event({ kind: "clock_sample", at: epoch + 6, offset: -(2 ** 40), uncertainty: 7 });
  maker.event({ kind: "clock_step", at: epoch + 8, step: -9 });
  maker.event({ kind: "stalled", since: epoch + 3, at: epoch + 8 });
  const source = { name: "node", kind: "cln_io_log", uncertainty: 9, node_id: nodeId(7) } as const;
  maker.event({ kind: "log_gap", source, since: epoch + 1, at: epoch + 4, reason: "gone" });
  maker.event({
    kind: "dial_outcomes",
    since: epoch,
    at: epoch + 7,
    dials: [{ outcome: "refused", address: "onion", count: 2 ** 40 }],
  });
  maker.event({ kind: "run_ended", at: epoch + 10, receipts: 3 });
  assert.deepEqual(await store.commit([maker.close()]), [{ status: "committed", resend: null }]);

  assert.deepEqual(
    await receiptLines(store),
    [
      `${epoch + 5} ${sha256(raw)} ${nodeId(1)} alpha 0 0`,
      `${epoch + 5} ${sha256(raw)} ${nodeId(2)} alpha 1 0`,
      `${epoch + 2 ** 33} ${sha256(raw)} ${nodeId(1)} alpha 1 1`,
    ],
  );
  const own = { epoch_id: 1, collector_id: 1 };
  assert.deepEqual(await rows(store, "SELECT * FROM clock_samples"), [{
    ...own,
    sampled_at: isoTime(epoch + 6),
    offset_microseconds: -(2 ** 40),
    uncertainty_microseconds: 7,
  }]);
  assert.deepEqual(await rows(store, "SELECT * FROM clock_steps"), [
    { ...own, noticed_at: isoTime(epoch + 8), step_microseconds: -9 },
  ]);
  assert.deepEqual(await rows(store, "SELECT * FROM stalls"), [
    { ...own, from_at: isoTime(epoch + 3), to_at: isoTime(epoch + 8) },
  ]);
  const span = { from_at: isoTime(epoch + 1), to_at: isoTime(epoch + 4) };
  assert.deepEqual(
    await rows(store, "SELECT g.*, c.name FROM log_gaps g JOIN collectors c USING (collector_id)"),
    [{ epoch_id: 1, collector_id: 2, ...span, reason: "gone", name: "alpha/node" }],
  );
  assert.deepEqual(await rows(store, "SELECT * FROM dial_outcomes"), [{
    ...own,
    from_at: isoTime(epoch),
    to_at: isoTime(epoch + 7),
    address_kind: "onion",
    outcome: "refused",
    dials: 2 ** 40,
  }]);
  const facts = gossipFacts(raw);
  assert.deepEqual(await rows(store, "SELECT * FROM messages"), [{
    message_id: 1,
    sha256: sha256(raw),
    type: 258,
    size: 138,
    verdict: "valid",
    scid: String(facts.scid),
    direction: 1,
    node_id: null,
    own_timestamp: "2025-09-25T23:58:20.000000Z",
    inner_id: facts.innerId!.toHex(),
    first_seen: "2025-09-26T00:00:00.000005Z",
    raw: raw.toHex(),
  }]);
  const [listed] = await rows(store, "SELECT type_name, scid_text FROM message_list");
  assert.deepEqual(listed, { type_name: "channel_update", scid_text: "863846x913x104" });
  const sessions = await rows(store, "SELECT * FROM sessions ORDER BY number");
  assert.deepEqual(sessions[0], {
    session_id: 1,
    epoch_id: 1,
    number: 0,
    collector_id: 1,
    peer_id: 1,
    address: "127.0.0.1:10001",
    dialled_at: "2025-09-26T00:00:00.000000Z",
    handshake_at: "2025-09-26T00:00:00.001000Z",
    filter_at: "2025-09-26T00:00:00.002000Z",
    filter_first: epoch / SECOND,
    features: "8aa8",
    closed_at: "2025-09-26T00:00:00.000009Z",
    closed_by: "peer",
    close_reason: "bye",
    receipts: 3,
    bytes_in: 2 ** 40,
    bytes_out: 17,
    first_gossip_at: "2025-09-26T00:00:00.000007Z",
    last_gossip_at: null,
    counted_at: "2025-09-26T00:00:00.000009Z",
    messages_in: 9,
    messages_out: 8,
    gossip_out: 1,
    pings_sent: 4,
    pings_answered: 3,
    rtt_min_microseconds: 1000,
    rtt_median_microseconds: 2000,
    rtt_max_microseconds: 4000,
    pings_received: 2,
    pongs_sent: 1,
  });
  assert.equal(sessions[1].closed_at, null);
  assert.equal(sessions[1].counted_at, null);
  const [{ last_commit_at: _, ...epochRow }] = await rows(store, "SELECT * FROM epochs");
  assert.deepEqual(epochRow, {
    epoch_id: 1,
    collector_id: 1,
    started_at: "2025-09-26T00:00:00.000000Z",
    version: "1.2.3",
    target_peers: 2 ** 31 - 1,
    next_batch: 1,
    receipts: 3,
    stamped_receipts: 3,
    last_receipt_at: "2025-09-26T02:23:09.934592Z",
    ended_at: "2025-09-26T00:00:00.000010Z",
  });
});

Deno.test("a batch that is there already changes nothing, in the same commit or later", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const maker = new BatchMaker();
  const session = maker.session(1);
  maker.receipt(maker.epoch, maker.message(plainMessage(1)), session);
  const batch = maker.close();
  const statuses = async (store: Awaited<ReturnType<typeof openArchive>>, times: number) =>
    (await store.commit(Array.from({ length: times }, () => batch))).map(({ status }) => status);
  {
    await using store = await openArchive(path);
    assert.deepEqual(await statuses(store, 2), ["committed", "duplicate"]);
    assert.deepEqual(await statuses(store, 1), ["duplicate"]);
  }
  await using store = await openArchive(path);
  assert.deepEqual(await statuses(store, 1), ["duplicate"]);
  assert.equal((await receiptLines(store)).length, 1);
});

Deno.test("one message from two collectors is one row, first seen at its earliest receipt", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const raw = plainMessage(1);
  const commit = async (name: string, at: number) => {
    const maker = new BatchMaker(name);
    const session = maker.session(1);
    const message = maker.message(raw);
    maker.receipt(maker.epoch + at, message, session);
    maker.receipt(maker.epoch + at + SECOND, message, session, 1);
    await store.commit([maker.close()]);
    const [{ first_seen }] = await rows(
      store,
      `SELECT epoch_us(first_seen) - ${maker.epoch} AS first_seen FROM messages`,
    );
    return first_seen;
  };
  assert.equal(await commit("alpha", 500), 500);
  assert.equal(await commit("beta", 700), 500);
  assert.equal(await commit("gamma", 300), 300);
  const [counts] = await rows(
    store,
    "SELECT count(*) AS messages, (SELECT count(*) FROM peers) AS peers FROM messages",
  );
  assert.deepEqual(counts, { messages: 1, peers: 1 });
});

Deno.test("the first verdict that decides holds", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  const session = maker.session(1);
  const numbers = [1, 2, 3, 4].map((seed) => maker.message(plainMessage(seed)));
  for (const number of numbers) maker.receipt(maker.epoch, number, session);
  const verdicts = async () =>
    (await rows(store, "SELECT verdict FROM messages ORDER BY message_id"))
      .map(({ verdict }) => verdict);
  maker.verdict(numbers[1], "unknown_signer");
  maker.verdict(numbers[2], "invalid");
  maker.verdict(numbers[2], "valid");
  await store.commit([maker.close()]);
  assert.deepEqual(await verdicts(), ["unchecked", "unknown_signer", "invalid", "unchecked"]);
  maker.verdict(numbers[0], "unknown_signer");
  maker.verdict(numbers[1], "unchecked");
  maker.verdict(numbers[1], "valid");
  maker.verdict(numbers[1], "invalid");
  maker.verdict(numbers[2], "valid");
  await store.commit([maker.close()]);
  assert.deepEqual(await verdicts(), ["unknown_signer", "valid", "invalid", "unchecked"]);
  maker.verdict(numbers[0], "malformed");
  await store.commit([maker.close()]);
  assert.deepEqual(await verdicts(), ["malformed", "valid", "invalid", "unchecked"]);
});

Deno.test("what names an unknown message or session waits, is wanted, and is kept when told", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const maker = new BatchMaker();
  const { epoch } = maker;
  const raws = [plainMessage(1), plainMessage(2)];
  const [one, two] = [maker.session(1), maker.session(2)];
  const [a, b] = raws.map((raw) => maker.message(raw));
  maker.receipt(epoch + 1, a, one);
  const lost = maker.close();
  maker.receipt(epoch + 10, a, one, 2);
  maker.receipt(epoch + 11, b, two);
  maker.receipt(epoch + 12, b, two, 1);
  maker.verdict(a, "valid");
  maker.event(closing(one, epoch + 20));
  const told = maker.close();
  const resend = { epoch, messages: [a, b], sessions: [one, two] };
  {
    await using store = await openArchive(path);
    assert.deepEqual(await store.commit([told]), [{ status: "committed", resend }]);
    assert.deepEqual(store.resendRequests(), [{ collector: "alpha", resend }]);
    assert.deepEqual(await receiptLines(store), []);
  }
  // It is still wanted after a restart. The collector tells again, under the same numbers.
  await using store = await openArchive(path);
  maker.tell(b, raws[1]);
  const openedTwo = lost.events.find((event) =>
    event.kind === "session_opened" && event.session === two
  );
  maker.event(openedTwo!);
  const [outcome] = await store.commit([maker.close()]);
  assert.deepEqual(outcome.resend, { epoch, messages: [a], sessions: [one] });
  const ofB = (at: number, flags: string) =>
    `${epoch + at} ${sha256(raws[1])} ${nodeId(2)} alpha ${flags}`;
  assert.deepEqual(await receiptLines(store), [ofB(11, "0 0"), ofB(12, "1 0")]);

  // The lost batch comes after all.
  assert.deepEqual(await store.commit([lost]), [{ status: "committed", resend: null }]);
  assert.deepEqual(store.resendRequests(), []);
  const ofA = (at: number, flags: string) =>
    `${epoch + at} ${sha256(raws[0])} ${nodeId(1)} alpha ${flags}`;
  assert.deepEqual(
    await receiptLines(store),
    [ofA(1, "0 0"), ofA(10, "0 1"), ofB(11, "0 0"), ofB(12, "1 0")].sort(),
  );
  assert.deepEqual(
    await rows(
      store,
      `SELECT epoch_us(first_seen) - ${epoch} AS first_seen, verdict FROM messages
      ORDER BY first_seen`,
    ),
    [{ first_seen: 1, verdict: "valid" }, { first_seen: 11, verdict: "unchecked" }],
  );
  assert.deepEqual(await rows(store, "SELECT close_reason FROM sessions ORDER BY number"), [
    { close_reason: "bye" },
    { close_reason: null },
  ]);
  for (const table of ["unresolved_receipts", "unresolved_events", "gaps"]) {
    assert.deepEqual(await rows(store, `SELECT * FROM ${table}`), [], table);
  }
});

Deno.test("missing batches are gaps with their receipts, dropped ones have that reason", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  const session = maker.session(1);
  const batches = [maker.close()];
  const message = 0;
  for (let i = 1; i < 6; i++) {
    if (i === 1 || i === 5) maker.tell(message, plainMessage(1));
    for (let k = 0; k < i; k++) maker.receipt(maker.epoch + 10 * i + k, message, session);
    batches.push(maker.close());
  }
  await store.commit([batches[0], batches[5]]);
  const gaps = () =>
    rows(
      store,
      `SELECT started_at, first_batch, last_batch, g.receipts, reason FROM gaps g
      JOIN epochs USING (epoch_id) ORDER BY started_at, first_batch`,
    );
  const started_at = "2025-09-26T00:00:00.000000Z";
  const gap = (first_batch: number, last_batch: number, receipts: number | null) => ({
    started_at,
    first_batch,
    last_batch,
    receipts,
    reason: "missing",
  });
  assert.deepEqual(await gaps(), [gap(1, 4, 10)]);
  await store.commit([batches[2]]);
  assert.deepEqual(await gaps(), [gap(1, 1, 1), gap(3, 4, 7)]);

  // A later life of the collector tells what its spool had to drop: of this epoch, and of one nothing ever came from.
  const next = new BatchMaker("alpha", maker.epoch + 60 * SECOND);
  const drop = { kind: "batches_dropped", at: next.epoch } as const;
  next.event({ ...drop, epoch: maker.epoch, first: 3, last: 4 });
  next.event({ ...drop, epoch: maker.epoch, first: 6, last: 7 });
  next.event({ ...drop, epoch: maker.epoch - SECOND, first: 0, last: 2 });
  await store.commit([next.close()]);
  assert.deepEqual(await gaps(), [
    { ...gap(0, 2, null), started_at: "2025-09-25T23:59:59.000000Z", reason: "dropped" },
    gap(1, 1, 1),
    { ...gap(3, 4, 7), reason: "dropped" },
    { ...gap(6, 7, null), reason: "dropped" },
  ]);
  // They come all the same.
  await store.commit([batches[1], batches[3], batches[4]]);
  assert.deepEqual((await gaps()).map(({ first_batch }) => first_batch), [0, 6]);
  assert.equal((await receiptLines(store)).length, 15);
});

Deno.test("a message that no receipt names is left out, and asked for once a receipt does", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  const session = maker.session(1);
  const message = maker.message(plainMessage(1));
  maker.verdict(message, "valid");
  const first = await store.commit([maker.close()]);
  assert.deepEqual(first, [{ status: "committed", resend: null }]);
  assert.deepEqual(await rows(store, "SELECT * FROM messages"), []);

  const received = maker.epoch + 3600 * SECOND;
  maker.receipt(received, message, session);
  const [{ resend }] = await store.commit([maker.close()]);
  assert.deepEqual(resend, { epoch: maker.epoch, messages: [message], sessions: [] });
  maker.tell(message, plainMessage(1));
  assert.deepEqual(await store.commit([maker.close()]), [{ status: "committed", resend: null }]);
  assert.deepEqual(
    await rows(store, "SELECT epoch_us(first_seen) AS first_seen, verdict FROM messages"),
    [{ first_seen: received, verdict: "valid" }],
  );
  for (const table of ["unresolved_receipts", "unresolved_events"]) {
    assert.deepEqual(await rows(store, `SELECT * FROM ${table}`), [], table);
  }
});

Deno.test("a message that comes after its receipts is first seen when they came, however far ahead they are stamped", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  // An hour ahead of the archiver's clock.
  const maker = new BatchMaker("alpha", (Date.now() + 3_600_000) * 1000);
  const session = maker.session(1);
  maker.receipt(maker.epoch + 7, 0, session);
  await store.commit([maker.close()]);
  maker.tell(0, plainMessage(1));
  await store.commit([maker.close()]);
  assert.deepEqual(
    await rows(store, "SELECT epoch_us(first_seen) AS first_seen FROM messages"),
    [{ first_seen: maker.epoch + 7 }],
  );
});

Deno.test("a message that is not stored has its own row by its digest, and is found, checked and copied as others are", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const [announcement, update] = signedGraph({ nodes: 3, channels: 1, timestamp: 1_758_844_700 });
  const raws = [announcement, update, plainMessage(1)];
  const maker = new BatchMaker();
  const session = maker.session(1);
  for (const raw of raws) {
    const sha256 = createHash("sha256").update(raw).digest();
    const digest = maker.message(encodeDigest({ sha256, facts: gossipFacts(raw) }));
    maker.receipt(maker.epoch + digest, digest, session);
    maker.verdict(digest, "valid");
  }
  const columns =
    "type, size, hex(sha256) AS sha256, verdict, scid, direction, node_id, own_timestamp, " +
    "hex(inner_id) AS inner_id, epoch_us(first_seen) AS first_seen";
  {
    await using store = await openArchive(path);
    await store.commit([maker.close()]);
    const known = await rows(store, `SELECT ${columns}, raw FROM messages ORDER BY message_id`);
    assert.deepEqual(known.map(({ raw }) => raw), [null, null, null]);
    // Another collector that stored the bytes makes the same rows, but for them.
    await using other = await openArchive(dir.join("b.duckdb"));
    const twin = new BatchMaker();
    const twinSession = twin.session(1);
    for (const raw of raws) {
      const number = twin.message(raw);
      twin.receipt(twin.epoch + number, number, twinSession);
      twin.verdict(number, "valid");
    }
    await other.commit([twin.close()]);
    const stored = await rows(other, `SELECT ${columns} FROM messages ORDER BY message_id`);
    assert.deepEqual(known.map(({ raw: _, ...rest }) => rest), stored);
    const described = await describeMessage(store, String(known[1].sha256).toLowerCase());
    assert.deepEqual((described as { decoded: unknown }).decoded, null);

    const options = { path, memoryLimitBytes: 2 ** 28, threads: 1 };
    await using days = new Days(
      {
        ...parseConfig("", ArchiverConfigSchema, "none").days,
        ...options,
        folder: dir.join("days"),
      },
      { store, clock: systemClock },
    );
    const lines = await days.run({ day: null, drop: "hot", apply: true });
    assert.deepEqual(lines.filter(({ action }) => action === "kept"), []);
    assert.equal((await rows(store, "SELECT * FROM hot_messages")).length, 0);
    assert.equal((await rows(store, "SELECT * FROM messages WHERE raw IS NULL")).length, 3);
  }
  await onArchive(path, async (connection) => {
    for (const { claim, look } of CHECKS) assert.equal((await look(connection)).misfits, 0, claim);
  });
});

Deno.test("bytes that come after a digest of them take its place, with what they say", async () => {
  await using dir = await tempDir();
  const [raw, other] = signedGraph({ nodes: 3, channels: 1, timestamp: 1_758_844_700 });
  const digestOf = (raw: Uint8Array, facts = gossipFacts(raw)) =>
    encodeDigest({ sha256: createHash("sha256").update(raw).digest(), facts });
  const batch = (name: string, bytes: Uint8Array) => {
    const maker = new BatchMaker(name);
    maker.receipt(maker.epoch, maker.message(bytes), maker.session(1));
    return maker.close();
  };
  const columns =
    "type, size, scid, direction, node_id, hex(inner_id) AS inner_id, hex(raw) AS raw";
  await using whole = await openArchive(dir.join("whole.duckdb"));
  await whole.commit([batch("alpha", raw)]);
  const [truth] = await rows(whole, `SELECT ${columns} FROM messages`);
  // A lie in a digest lasts until the bytes come: in the same commit, in a later one, or after a restart.
  const lie = digestOf(raw, gossipFacts(other));
  for (const way of ["together", "later", "restarted"]) {
    const path = dir.join(`${way}.duckdb`);
    let store = await openArchive(path);
    if (way === "together") {
      await store.commit([batch("alpha", lie), batch("beta", raw)]);
    } else {
      await store.commit([batch("alpha", lie)]);
      if (way === "restarted") {
        await store[Symbol.asyncDispose]();
        store = await openArchive(path);
      }
      await store.commit([batch("beta", raw)]);
    }
    await store.commit([batch("gamma", digestOf(raw))]);
    assert.deepEqual(await rows(store, `SELECT ${columns} FROM messages`), [truth], way);
    await store[Symbol.asyncDispose]();
  }
});

Deno.test("dead letters are kept whole with their reason", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const raw = crypto.getRandomValues(new Uint8Array(5000));
  await store.commit([], [{ receivedAt: 5, source: "http", reason: "bad\u0000magic", raw }]);
  assert.deepEqual(await rows(store, "SELECT * FROM dead_letters"), [{
    received_at: "1970-01-01T00:00:00.000005Z",
    source: "http",
    reason: "bad\u0000magic",
    raw: raw.toHex(),
  }]);
});

Deno.test("numbers over many pages and far apart keep their meaning over restarts", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const maker = new BatchMaker();
  const session = maker.session(1);
  const numbers = [0, 1, 4095, 4096, 70_000, 2 ** 31, 2 ** 32 - 1];
  numbers.forEach((number, i) => maker.tell(number, plainMessage(i)));
  numbers.forEach((number, i) => maker.receipt(maker.epoch + i, number, session));
  const commit = async () => {
    await using store = await openArchive(path);
    await store.commit([maker.close()]);
    return await receiptLines(store);
  };
  await commit();
  numbers.forEach((number, i) => maker.receipt(maker.epoch + 100 + i, number, session));
  const expected = [0, 100].flatMap((offset) =>
    numbers.map((_, i) =>
      `${maker.epoch + offset + i} ${sha256(plainMessage(i))} ${nodeId(1)} alpha 0 0`
    )
  );
  assert.deepEqual(await commit(), expected.sort());
});

Deno.test("more is wanted than a collector is asked for at once, and all of it is resolved", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  const count = MAX_RESEND_NUMBERS + 500;
  const session = maker.session(1);
  for (let n = 0; n < count; n++) maker.receipt(maker.epoch + n, n, session);
  const [first] = await store.commit([maker.close()]);
  assert.equal(first.resend?.messages.length, MAX_RESEND_NUMBERS);
  // The collector tells the second half of what was named, then the rest.
  for (let n = count / 2; n < count; n++) maker.tell(n, plainMessage(n));
  const [second] = await store.commit([maker.close()]);
  assert.deepEqual(
    second.resend?.messages.toSorted((a, b) => a - b),
    Array.from({ length: count / 2 }, (_, n) => n),
  );
  for (let n = 0; n < count / 2; n++) maker.tell(n, plainMessage(n));
  const [third] = await store.commit([maker.close()]);
  assert.equal(third.resend, null);
  const lines = await receiptLines(store);
  assert.equal(lines.length, count);
  assert.ok(lines[0].startsWith(`${maker.epoch} ${sha256(plainMessage(0))}`));
});

Deno.test("more collectors than fit into memory all keep their marks and numbers", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const makers = Array.from({ length: 70 }, (_, i) => new BatchMaker(`c${i}`));
  const round = async () => {
    const batches = makers.map((maker) => {
      if (maker.number === 0) maker.message(plainMessage(maker.session(maker.stamped)));
      maker.receipt(maker.epoch + maker.number, 0, 0);
      return maker.close();
    });
    for (const outcome of await store.commit(batches)) {
      assert.deepEqual(outcome, { status: "committed", resend: null });
    }
  };
  await round();
  await round();
  await round();
  const [counts] = await rows(
    store,
    `SELECT count(*) AS epochs, CAST(sum(next_batch) AS BIGINT) AS batches,
      (SELECT count(*) FROM gaps) AS gaps, (SELECT count(*) FROM receipts) AS receipts FROM epochs`,
  );
  assert.deepEqual(counts, { epochs: 70, batches: 210, gaps: 0, receipts: 210 });
});

Deno.test("a session's latest figures hold, whatever order they come in, and its end before all", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  const { epoch } = maker;
  const state = (session: number, at: number, receipts: number) =>
    maker.event({ kind: "session_state", session, at, ...sessionFigures({ receipts }) });
  const told = async () =>
    (await rows(store, "SELECT number, receipts, counted_at, closed_by FROM sessions ORDER BY 1"))
      .map((row) => Object.values(row));
  const at = (second: number) => epoch + second * SECOND;

  const [one, two] = [maker.session(1), maker.session(2)];
  state(one, at(20), 20);
  state(one, at(10), 10);
  await store.commit([maker.close()]);
  assert.deepEqual(await told(), [[one, 20, isoTime(at(20)), null], [two, null, null, null]]);

  // Session 3 is not told of yet, and session 1 ends before its last but one state comes.
  const three = two + 1;
  state(three, at(30), 30);
  maker.event(closing(one, at(40)));
  state(one, at(35), 35);
  state(two, at(36), 36);
  await store.commit([maker.close()]);
  state(one, at(38), 38);
  state(two, at(33), 33);
  await store.commit([maker.close()]);
  assert.deepEqual(await told(), [
    [one, 3, isoTime(at(40)), "peer"],
    [two, 36, isoTime(at(36)), null],
  ]);
  assert.deepEqual(store.resendRequests().map(({ resend }) => resend.sessions), [[three]]);

  assert.equal(maker.session(3), three);
  await store.commit([maker.close()]);
  assert.deepEqual((await told())[2], [three, 30, isoTime(at(30)), null]);
  assert.deepEqual(await rows(store, "SELECT * FROM unresolved_events"), []);
});
