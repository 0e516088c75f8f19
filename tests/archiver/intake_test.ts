import assert from "node:assert/strict";
import { SET_ASIDE_CODES } from "../../archiver/intake/contract.ts";
import { Intake } from "../../archiver/intake/intake.ts";
import type { IntakeOptions } from "../../archiver/intake/contract.ts";
import type { Store } from "../../archiver/store/store.ts";
import { type Batch, batchId } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { INTAKE_LIMITS, openArchive, receiptLines, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** What comes between an intake and its archive in a test. */
interface Tap {
  /** Called before each commit, which fails as this does. */
  before: (batches: readonly Batch[]) => Promise<void> | void;
  /** The batches of each commit that was tried. */
  readonly groups: string[][];
}

/** An intake into a real archive, with a tap between them. */
async function openIntake(path: string, options: Partial<IntakeOptions> = {}) {
  const store = await openArchive(path);
  const tap: Tap = { before: () => {}, groups: [] };
  const tapped: Pick<Store, "commit"> = {
    async commit(batches, deadLetters) {
      tap.groups.push(batches.map((batch) => String(batch.number)));
      await tap.before(batches);
      return await store.commit(batches, deadLetters);
    },
  };
  const intake = new Intake(
    { maxReceipts: 1000, maxWaitMs: 5, limits: INTAKE_LIMITS, ...options },
    { store: tapped, clock: systemClock },
  );
  const dispose = async () => {
    await intake[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { store, intake, tap, [Symbol.asyncDispose]: dispose };
}

/** Batches of `receipts` receipts each. */
function makeBatches(count: number, receipts = 1): Batch[] {
  const maker = new BatchMaker();
  const session = maker.session(1);
  const message = maker.message(plainMessage(1));
  return Array.from({ length: count }, (_, i) => {
    for (let k = 0; k < receipts; k++) maker.receipt(maker.epoch + i * 1000 + k, message, session);
    return maker.close();
  });
}

const NONE_SET_ASIDE = new Map(SET_ASIDE_CODES.map((code) => [code, 0]));

Deno.test("a batch is answered after its commit, never before", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, tap, store } = archive;
  const gate = Promise.withResolvers<void>();
  tap.before = () => gate.promise;
  let answered = false;
  const outcome = intake.submit(encodeBatch(makeBatches(1)[0]), "test");
  void outcome.then(() => answered = true);
  await until(() => tap.groups.length === 1);
  assert.equal(answered, false);
  assert.equal(intake.status().batches, 1);
  gate.resolve();
  assert.deepEqual(await outcome, { status: "committed", resend: null });
  assert.equal((await receiptLines(store)).length, 1);
  assert.deepEqual(intake.status(), {
    batches: 0,
    bytes: 0,
    receipts: 0,
    setAside: NONE_SET_ASIDE,
    lastSetAside: null,
    failure: null,
  });
});

Deno.test("groups hold up to the limit of receipts, in the order in which batches came", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"), {
    maxReceipts: 25,
    maxWaitMs: 60_000,
  });
  const batches = [...makeBatches(6, 10), ...makeBatches(8, 40).slice(6)];
  const outcomes = batches.map((batch) => archive.intake.submit(encodeBatch(batch), "test"));
  await Promise.all(outcomes);
  assert.deepEqual(archive.tap.groups, [["0", "1"], ["2", "3"], ["4", "5"], ["6"], ["7"]]);
});

Deno.test("when it is full it says so at once, and takes more when there is room", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"), { maxReceipts: 1_000_000 });
  const { intake, tap } = archive;
  const gate = Promise.withResolvers<void>();
  tap.before = () => gate.promise;
  const [batch] = makeBatches(1);
  const bytes = encodeBatch(batch);
  const taken: Promise<unknown>[] = [];
  for (let i = 0; i < 5000; i++) {
    const before = intake.status().batches;
    const outcome = intake.submit(bytes, "test");
    if (intake.status().batches > before) taken.push(outcome);
    else assert.deepEqual(await outcome, { status: "busy" });
  }
  assert.ok(taken.length < 5000, "it took all");
  let room = false;
  const waiting = intake.room(1, bytes.length).then(() => room = true);
  await until(() => tap.groups.length === 1);
  assert.equal(room, false);
  gate.resolve();
  await waiting;
  await Promise.all(taken);
  assert.equal((await intake.submit(bytes, "test")).status, "duplicate");
});

Deno.test("bytes that are no batch are set aside with their reason, and hold up nothing", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, store } = archive;
  const good = encodeBatch(makeBatches(1)[0]);
  const damaged = Uint8Array.from(good);
  damaged[good.length - 1] ^= 1;
  const outcomes = await Promise.all([
    intake.submit(damaged, "gossip.batches.alpha"),
    intake.submit(good, "http"),
    intake.submit(new Uint8Array(), "http"),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status), [
    "dead_letter",
    "committed",
    "dead_letter",
  ]);
  const letters = await rows(
    store,
    "SELECT source, reason, octet_length(raw) AS n FROM dead_letters",
  );
  assert.equal(letters.length, 2);
  assert.equal(letters[0].source, "gossip.batches.alpha");
  assert.match(String(letters[0].reason), /^bad_checksum: /);
  assert.equal(letters[0].n, good.length);
});

Deno.test("while commits fail nothing is answered; then they work again, and nothing is doubled", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, tap, store } = archive;
  let failures = 2;
  tap.before = () => {
    if (failures-- > 0) throw new Error("IO Error: No space left on device\nmore");
  };
  let answers = 0;
  const outcomes = makeBatches(3).map(async (batch) => {
    const outcome = await intake.submit(encodeBatch(batch), "test");
    answers++;
    return outcome.status;
  });
  await until(() => intake.status().failure !== null);
  assert.equal(answers, 0);
  assert.equal(intake.status().failure?.reason, "IO Error: No space left on device");
  assert.deepEqual(await Promise.all(outcomes), ["committed", "committed", "committed"]);
  assert.equal(intake.status().failure, null);
  assert.equal((await receiptLines(store)).length, 3);
});

Deno.test("a commit that failed after it was done is not done twice", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, tap, store } = archive;
  let failures = 1;
  tap.before = async (batches) => {
    if (failures-- <= 0) return;
    await store.commit(batches);
    throw new Error("FATAL Error: Transaction COMMIT succeeded, but the autocheckpoint failed");
  };
  const outcome = await intake.submit(encodeBatch(makeBatches(1)[0]), "test");
  assert.equal(outcome.status, "duplicate");
  assert.equal((await receiptLines(store)).length, 1);
});

Deno.test("a batch that cannot be stored is set aside, and those beside it are committed", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, tap, store } = archive;
  const batches = makeBatches(3);
  tap.before = (group) => {
    if (group.some(({ number }) => number === 1)) {
      throw new Error("Conversion Error: out of range");
    }
  };
  const outcomes = await Promise.all(
    batches.map((batch) => intake.submit(encodeBatch(batch), "test")),
  );
  assert.deepEqual(outcomes.map(({ status }) => status), ["committed", "dead_letter", "committed"]);
  const [letter] = await rows(
    store,
    "SELECT source, reason, octet_length(raw) AS n FROM dead_letters",
  );
  assert.deepEqual(letter, {
    source: batchId(batches[1]),
    reason: "cannot be stored: Conversion Error: out of range",
    n: encodeBatch(batches[1]).length,
  });
});

Deno.test("stopping commits what was taken, and takes nothing more", async () => {
  await using dir = await tempDir();
  const archive = await openIntake(dir.join("a.duckdb"), { maxWaitMs: 60_000 });
  const { intake, store } = archive;
  const [first, second] = makeBatches(2).map(encodeBatch);
  const outcome = intake.submit(first, "test");
  await intake[Symbol.asyncDispose]();
  assert.equal((await outcome).status, "committed");
  assert.deepEqual(await intake.submit(second, "test"), { status: "busy" });
  await intake.room(2000, 2 ** 30);
  await intake[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

Deno.test("stopping while commits fail gives back what was taken", async () => {
  await using dir = await tempDir();
  const archive = await openIntake(dir.join("a.duckdb"));
  const { intake, tap } = archive;
  tap.before = () => {
    throw new Error("IO Error: no disk");
  };
  const outcomes = makeBatches(2).map((batch) => intake.submit(encodeBatch(batch), "test"));
  await until(() => intake.status().failure !== null);
  await archive[Symbol.asyncDispose]();
  for (const outcome of outcomes) assert.deepEqual(await outcome, { status: "busy" });
});

Deno.test("a batch that names another collector than its sender is set aside, and takes no number away", async () => {
  await using dir = await tempDir();
  await using archive = await openIntake(dir.join("a.duckdb"));
  const { intake, store } = archive;
  const subject = "gossip.batches.evil";
  const [forged, next] = makeBatches(2);
  const stolen = { ...forged, messages: { ...forged.messages, raws: [plainMessage(7)] } };
  const outcome = await intake.submit(encodeBatch(stolen), subject, "evil");
  assert.deepEqual(outcome, {
    status: "dead_letter",
    reason: `wrong_sender: evil sent a batch that names ${forged.collector}`,
  });
  for (const batch of [forged, next]) {
    const { status } = await intake.submit(encodeBatch(batch), "x", batch.collector);
    assert.equal(status, "committed");
  }
  assert.equal((await receiptLines(store)).length, 2);
  const letters = await rows(store, "SELECT source, reason FROM dead_letters");
  assert.deepEqual(letters.map(({ source }) => source), [subject]);
  assert.deepEqual(intake.status().setAside, new Map([...NONE_SET_ASIDE, ["wrong_sender", 1]]));
  assert.equal(intake.status().lastSetAside?.source, subject);
});

Deno.test("what is over a limit is set aside when a broker brought it, and kept by a sender on this host", async () => {
  await using dir = await tempDir();
  const limits = { ...INTAKE_LIMITS, sessionsPerHour: 1 };
  await using archive = await openIntake(dir.join("a.duckdb"), { limits });
  const { intake, store } = archive;
  const maker = new BatchMaker();
  maker.session(1);
  assert.equal((await intake.submit(encodeBatch(maker.close()), "http")).status, "committed");
  maker.session(2);
  const second = encodeBatch(maker.close());
  assert.equal((await intake.submit(second, "http")).status, "busy");
  const brought = await intake.submit(second, "gossip.batches.alpha", "alpha");
  assert.equal(brought.status, "dead_letter");
  assert.equal(intake.status().setAside.get("over_limit"), 2);
  const [{ reason }] = await rows(store, "SELECT reason FROM dead_letters");
  assert.equal(reason, "over_limit: alpha is over its limit of 1 sessions_per_hour");
});
