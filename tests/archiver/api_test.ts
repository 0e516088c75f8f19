import assert from "node:assert/strict";
import { openApiToken } from "../../archiver/api/access.ts";
import { type ApiDependencies, createApi } from "../../archiver/api/api.ts";
import { Counters } from "../../archiver/status/counters.ts";
import { jsonValue } from "../../archiver/api/debug.ts";
import type { Status } from "../../archiver/status/status.ts";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { Days } from "../../archiver/days/days.ts";
import { Heartbeats } from "../../archiver/intake/heartbeats.ts";
import type { IntakeStatus } from "../../archiver/intake/contract.ts";
import { Intake } from "../../archiver/intake/intake.ts";
import { Refusal } from "../../shared/errors.ts";
import { authorization } from "../../shared/api_token.ts";
import { encodeBatch, MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { encodeMessage } from "../../shared/nats/message.ts";
import { isoTime } from "../../shared/time.ts";
import { INTAKE_LIMITS, openArchive, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, nodeId, plainMessage } from "../support/fixtures/batch_maker.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";
import { tempDir } from "../support/temp_dir.ts";

const TOKEN = "ab".repeat(32);
const IDLE: IntakeStatus = {
  batches: 0,
  bytes: 0,
  receipts: 0,
  setAside: new Map(),
  lastSetAside: null,
  failure: null,
};

const now = () => new BatchMaker().epoch + 60_000_000;

/** An API on a real archive; `now` is when its clock stands. */
async function openApi(
  path: string,
  overrides: Partial<ApiDependencies> = {},
  clock: Clock = systemClock,
) {
  const store = await openArchive(path, { clock });
  const counters = new Counters(0);
  const intake = new Intake(
    { maxReceipts: 1000, maxWaitMs: 0, limits: INTAKE_LIMITS },
    { store, clock: systemClock, onCommit: (commit) => counters.add(commit, 7) },
  );
  const app = createApi({
    store,
    intake,
    jetStream: null,
    heartbeats: { last: new Map() },
    counters,
    watch: { problems: () => [] },
    days: new Days(
      { ...parseConfig("", ArchiverConfigSchema, "none").days, memoryLimitBytes: 2 ** 28 },
      { store, clock },
    ),
    analytics: {
      status: () => ({ halted: null, sets: [] }),
      runNow: (set) => Promise.reject(new Refusal(`no ${set} today`)),
    },
    snapshots: { take: () => Promise.reject(new Refusal("none today")) },
    now,
    feed: { open: () => null, maxViewers: 16, viewers: 0, refused: 0, dropped: 0 },
    sets: [],
    token: TOKEN,
    names: ["gossip.example"],
    ...overrides,
  });
  const request = (path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { ...authorization(TOKEN), ...init.headers } });
  return {
    app: { request },
    bare: app,
    store,
    post: (body: Uint8Array<ArrayBuffer>, headers = {}) =>
      request("/batches", { method: "POST", body, headers }),
    async [Symbol.asyncDispose]() {
      await intake[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

Deno.test("posted batches are committed, recognised, or refused, each with its answer", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const maker = new BatchMaker();
  maker.receipt(maker.epoch, 3, 4);
  const bytes = encodeBatch(maker.close());
  const answer = async (response: Response | Promise<Response>) => {
    const { status, headers } = await response;
    assert.match(headers.get("content-type") ?? "", /^application\/json/);
    return [status, await (await response).json()];
  };
  const resend = { epoch: maker.epoch, messages: [3], sessions: [4] };
  assert.deepEqual(await answer(api.post(bytes)), [200, { status: "committed", resend }]);
  assert.deepEqual(await answer(api.post(bytes)), [200, { status: "duplicate", resend }]);
  assert.deepEqual(await answer(api.post(new Uint8Array(9))), [
    422,
    { status: "dead_letter", reason: "bad_magic: these bytes are not a batch" },
  ]);
  assert.equal((await api.post(new Uint8Array(MAX_BATCH_BYTES + 1))).status, 413);
  assert.equal((await api.post(bytes, { origin: "http://evil.example" })).status, 403);
});

Deno.test("a full intake is told as 503 with when to come again", async () => {
  await using dir = await tempDir();
  const status = () => ({ ...IDLE, batches: 1, bytes: 2, receipts: 3 });
  const intake = { status, submit: () => Promise.resolve({ status: "busy" as const }) };
  await using api = await openApi(dir.join("a.duckdb"), { intake });
  const response = await api.post(new Uint8Array(1));
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
  assert.deepEqual(await response.json(), { status: "busy" });
});

Deno.test("status tells receipts, batches, marks, lag, gaps and cut-off epochs of each collector", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const alpha = new BatchMaker("alpha");
  const session = alpha.session(1);
  const message = alpha.message(plainMessage(1));
  alpha.event({ kind: "run_started", at: alpha.epoch, version: "1\u0000", target_peers: 9 });
  alpha.receipt(alpha.epoch + 1, message, session);
  for (const second of [9, 5]) {
    const at = alpha.epoch + second * 1_000_000;
    alpha.event({ kind: "clock_sample", at, offset: -1000 * second, uncertainty: second });
  }
  await api.post(encodeBatch(alpha.close()));
  alpha.receipt(alpha.epoch + 2, message, session);
  alpha.receipt(alpha.epoch + 3, message, session);
  alpha.close(); // lost
  alpha.receipt(alpha.epoch + 30_000_000, message, session + 1);
  await api.post(encodeBatch(alpha.close()));
  const later = new BatchMaker("alpha", alpha.epoch + 45_000_000);
  later.event({ kind: "run_ended", at: later.epoch + 5, receipts: 0 });
  await api.post(encodeBatch(later.close()));
  await api.post(new Uint8Array(1));

  const status: Status = await (await api.app.request("/status")).json();
  assert.equal(status.dead_letters, 1);
  assert.equal(status.last_commit?.batches, 1);
  assert.equal(status.nats, null);
  assert.ok(status.archive.bytes > 0);
  assert.equal(status.collectors.length, 1);
  const [{ last_commit_at: _, gaps, ...collector }] = status.collectors;
  assert.deepEqual(collector, {
    name: "alpha",
    receipts: 2,
    unresolved_receipts: 1,
    lost_receipts: 2,
    batches: 3,
    lag_seconds: 30,
    last_receipt_at: isoTime(alpha.epoch + 30_000_000),
    late: false,
    heartbeat: null,
    epoch: {
      started_at: isoTime(later.epoch),
      version: null,
      target_peers: null,
      high_water_mark: 1,
      ended_at: isoTime(later.epoch + 5),
    },
    clock: {
      measured_at: isoTime(alpha.epoch + 9_000_000),
      offset_seconds: -0.009,
      uncertainty_seconds: 0.000009,
    },
    cut_off_epochs: [isoTime(alpha.epoch)],
  });
  assert.equal(gaps.count, 1);
  assert.equal(gaps.batches, 1);
  assert.deepEqual({ ...gaps.latest[0], noticed_at: "" }, {
    epoch: isoTime(alpha.epoch),
    first_batch: 1,
    last_batch: 1,
    receipts: 2,
    reason: "missing",
    noticed_at: "",
  });
});

Deno.test("metrics are Prometheus text with what was counted", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const maker = new BatchMaker("alpha");
  maker.receipt(maker.epoch, maker.message(plainMessage(1)), maker.session(1));
  const bytes = encodeBatch(maker.close());
  await api.post(bytes);
  await api.post(bytes);
  for (let time = 0; time < 2; time++) {
    const response = await api.app.request("/metrics");
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const lines = (await response.text()).split("\n");
    for (
      const line of [
        "gossip_archiver_receipts_total 1",
        "gossip_archiver_duplicate_batches_total 1",
        'gossip_archiver_collector_receipts{collector="alpha"} 1',
        'gossip_archiver_lag_seconds{collector="alpha"} 60',
        'gossip_archiver_collector_peers{collector="alpha"} 1',
        "gossip_archiver_failing 0",
      ]
    ) assert.ok(lines.includes(line), line);
  }
  // What has shut down does not lag, or alerts would never end.
  maker.event({ kind: "clock_sample", at: maker.epoch, offset: 1, uncertainty: 1 });
  const clockAge = /^gossip_archiver_clock_age_seconds\{collector="alpha"\}/m;
  await api.post(encodeBatch(maker.close()));
  assert.match(await (await api.app.request("/metrics")).text(), clockAge);
  maker.event({ kind: "run_ended", at: maker.epoch, receipts: 1 });
  await api.post(encodeBatch(maker.close()));
  const ended = await (await api.app.request("/metrics")).text();
  assert.doesNotMatch(ended, clockAge);
  assert.doesNotMatch(ended, /^gossip_archiver_lag_seconds\{/m);
  assert.match(ended, /^gossip_archiver_collector_receipts\{collector="alpha"\} 1$/m);
});

Deno.test("health tells why it is not well", async () => {
  await using dir = await tempDir();
  const failure = { reason: "IO Error: No space left on device", since: 1 };
  const intake = {
    status: () => ({
      ...IDLE,
      failure,
      setAside: new Map([["wrong_sender", 2], ["ahead", 1]] as const),
      lastSetAside: {
        at: now() - 60_000_000,
        source: "gossip.batches.evil",
        reason: "wrong_sender: x",
      },
    }),
    submit: () => Promise.resolve({ status: "busy" as const }),
  };
  const problem = "disconnected";
  const jetStream = { status: () => ({ server: null, problem, unacknowledged: 0 }) };
  const days: ApiDependencies["days"] = {
    folder: "/days",
    progress: () => ({
      isRunning: false,
      lastAt: null,
      lines: [],
      failure: { at: 1, reason: "no room" },
      due: { dropHotBefore: null, dropFilesBefore: null },
      unreadable: { missing: ["/days/a.parquet", "/days/b.parquet"], damaged: ["/days/c.parquet"] },
      counts: new Map(),
      failures: 1,
    }),
    run: () => Promise.resolve([]),
  };
  const analytics: ApiDependencies["analytics"] = {
    status: () => ({ halted: "a worker hangs", sets: [] }),
    runNow: () => Promise.reject(new Refusal("halted")),
  };
  await using api = await openApi(dir.join("a.duckdb"), {
    intake,
    jetStream,
    days,
    analytics,
    watch: { problems: () => ["vps1 lost batches in the last day: 3 (receipts: 9)"] },
  });
  const response = await api.app.request("/healthz");
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), {
    ok: false,
    problems: [
      "commits fail: IO Error: No space left on device",
      "3 payloads set aside, the last from gossip.batches.evil: wrong_sender: x",
      "no batches from NATS: disconnected",
      "vps1 lost batches in the last day: 3 (receipts: 9)",
      "days do not roll over: no room",
      "2 day files are missing, such as /days/a.parquet",
      "1 day files are damaged, such as /days/c.parquet",
      "scheduled queries are halted: a worker hangs",
    ],
  });
  await using well = await openApi(dir.join("b.duckdb"));
  assert.deepEqual(await (await well.app.request("/healthz")).json(), { ok: true, problems: [] });
});

Deno.test("a message is described by id and by hash, decoded, with its arrivals", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const maker = new BatchMaker("alpha");
  // An error message (BOLT 1) whose text would be markup, were it not JSON.
  const text = new TextEncoder().encode("<script>");
  const raw = new Uint8Array([0, 17, ...new Uint8Array(32), 0, text.length, ...text]);
  const message = maker.message(raw);
  maker.receipt(maker.epoch, message, maker.session(1));
  maker.receipt(maker.epoch + 1, message, maker.session(2), 3);
  await api.post(encodeBatch(maker.close()));
  const byId = await (await api.app.request("/debug/messages/1")).json();
  const byHash = await (await api.app.request(`/debug/messages/${byId.sha256}`)).json();
  assert.deepEqual(byHash, byId);
  assert.equal(byId.type, 17);
  assert.equal(byId.decoded.type, 17);
  assert.ok(byId.decoded.known);
  assert.equal(byId.receipts.count, 2);
  assert.equal(byId.receipts.peers, 2);
  assert.deepEqual(byId.arrivals[1], {
    received_at: isoTime(maker.epoch + 1),
    peer: nodeId(2),
    collector: "alpha",
    is_repeat: true,
    is_warmup: true,
  });
  assert.equal((await api.app.request("/debug/messages/2")).status, 404);
  assert.equal((await api.app.request("/debug/messages/1%20or%201=1")).status, 400);
  const figures = sessionFigures({ receipts: 7, pings_sent: 2, pings_answered: 1, rtt_median: 9 });
  const at = maker.epoch + 300_000_000;
  maker.event({ kind: "session_state", session: 1, at, ...figures });
  await api.post(encodeBatch(maker.close()));
  const peers = await (await api.app.request("/debug/peers")).json();
  assert.deepEqual(peers.map((peer: { node_id: string }) => peer.node_id), [nodeId(1), nodeId(2)]);
  const { sessions_not_closed, receipts, last_counted, pings_sent, last_rtt_median_microseconds } =
    peers[1];
  assert.deepEqual(
    [sessions_not_closed, receipts, last_counted, pings_sent, last_rtt_median_microseconds],
    [1, 7, isoTime(at), 2, 9],
  );
  assert.equal(peers[0].last_counted, null);
  assert.equal((await api.app.request("/nothing")).status, 404);
});

Deno.test("while the archive cannot be read, pages say so and metrics go on", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  await api.store[Symbol.asyncDispose]();
  const response = await api.app.request("/status");
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { error: "the archive is not open" });
  assert.equal((await api.app.request("/metrics")).status, 200);
  assert.equal((await api.app.request("/healthz")).status, 200);
});

Deno.test("values of the archive become JSON without loss", () => {
  assert.deepEqual(jsonValue({ a: [2n ** 53n, -5n, null], b: Uint8Array.of(1, 255), c: "x" }), {
    a: ["9007199254740992", -5, null],
    b: "01ff",
    c: "x",
  });
});

Deno.test("a collector that is silent without having ended is late, until it is heard again", async () => {
  await using dir = await tempDir();
  const maker = new BatchMaker("alpha");
  const seconds = (count: number) => maker.epoch + count * 1_000_000;
  let at = seconds(0);
  const clock = { ...systemClock, now: () => at };
  const heartbeats = new Heartbeats(clock);
  const counters = new Counters(at);
  const overrides = { heartbeats, counters, now: clock.now };
  await using api = await openApi(dir.join("a.duckdb"), overrides, clock);
  const told = { epoch: maker.epoch, version: "1\n2", peers: 3, receipts: 4, spool_bytes: 5 };
  const beat = (subject = "gossip.heartbeats.alpha") =>
    heartbeats.take(subject, encodeMessage({ ...told, at: at - 7 }));
  const status = async () => await (await api.app.request("/status")).json() as Status;

  beat();
  beat("gossip.heartbeats.Not a name");
  assert.equal(heartbeats.ignored, 1);
  const fresh = await status();
  assert.deepEqual(fresh.collectors, []);
  const times = { heard_at: isoTime(at), sent_at: isoTime(at - 7), epoch: isoTime(maker.epoch) };
  const newer = { spool_max: null, target: null, steering: null, problems: null };
  const heartbeat = { ...told, ...times, ...newer, version: "1\\u{a}2" };
  assert.deepEqual(fresh.new_collectors, [{ name: "alpha", late: false, heartbeat }]);
  at = seconds(31);
  assert.equal((await status()).new_collectors[0].late, true);

  const isLate = async () => (await status()).collectors[0].late;
  await api.post(encodeBatch(maker.close()));
  assert.deepEqual((await status()).new_collectors, []);
  assert.equal(await isLate(), false);
  at = seconds(62);
  assert.equal(await isLate(), true);
  assert.match(
    await (await api.app.request("/metrics")).text(),
    /^gossip_archiver_collector_late\{collector="alpha"\} 1$/m,
  );
  beat();
  assert.equal(await isLate(), false);
  maker.event({ kind: "run_ended", at, receipts: 0 });
  await api.post(encodeBatch(maker.close()));
  at = seconds(1000);
  assert.equal(await isLate(), false);
});

Deno.test("a snapshot that cannot be made now is told as 409, and none is made for a web page", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const refused = await api.app.request("/snapshots", { method: "POST" });
  assert.equal(refused.status, 409);
  assert.deepEqual(await refused.json(), { error: "none today" });
  const headers = { origin: "http://evil.example" };
  const page = await api.app.request("/snapshots", { method: "POST", headers });
  assert.equal(page.status, 403);
});

Deno.test("what changes or copies the archive takes the token, and is not done without", async () => {
  await using dir = await tempDir();
  let done = 0;
  await using api = await openApi(dir.join("a.duckdb"), {
    snapshots: { take: () => Promise.reject(new Refusal(`call ${++done}`)) },
  });
  const body = encodeBatch(new BatchMaker().close());
  for (const path of ["/batches", "/rollover", "/snapshots", "/analytics/daily", "/nothing"]) {
    for (
      const given of [undefined, "", "Bearer ", `Bearer ${"ab".repeat(31)}ac`, `Basic ${TOKEN}`]
    ) {
      const headers = given === undefined ? undefined : { authorization: given };
      const response = await api.bare.request(path, { method: "POST", body, headers });
      assert.equal(response.status, 401, path);
      assert.match((await response.json()).error, /takes the archiver's token \(api\.token_file\)/);
    }
  }
  assert.equal(done, 0);
  assert.deepEqual(await rows(api.store, "SELECT * FROM epochs"), []);
  assert.equal((await api.bare.request("/healthz")).status, 200, "pages are for everyone");
  assert.equal((await api.app.request("/snapshots", { method: "POST" })).status, 409);
});

Deno.test("pages are served under the host's own names alone, so that no name elsewhere can be bound to it", async () => {
  await using dir = await tempDir();
  await using api = await openApi(dir.join("a.duckdb"));
  const status = async (host: string) => (await api.bare.request(`http://${host}/status`)).status;
  for (
    const host of ["127.0.0.1:8470", "[::1]:8470", "localhost", "LOCALHOST:1", "gossip.example"]
  ) {
    assert.equal(await status(host), 200, host);
  }
  for (const host of ["evil.example:8470", "localhost.evil.example", "127.0.0.1.evil.example"]) {
    assert.equal(await status(host), 421, host);
  }
});

Deno.test("files of scheduled reports are served, and nothing else of their folders", async () => {
  await using dir = await tempDir();
  const folder = dir.join("runs");
  await Deno.mkdir(`${folder}/2026-11-22`, { recursive: true });
  await Deno.writeTextFile(`${folder}/2026-11-22/index.html`, "<h1>report</h1>");
  await Deno.writeTextFile(`${folder}/2026-11-22/.hidden.html`, "no");
  await Deno.writeTextFile(`${folder}/secret.html`, "no");
  const { sets } = parseConfig(
    `{analytics: {sets: [{name: daily, folder: ${folder}}]}}`,
    ArchiverConfigSchema,
    "sets",
  ).analytics;
  await using api = await openApi(dir.join("a.duckdb"), { sets });
  const report = await api.bare.request("/reports/daily/2026-11-22/index.html");
  assert.equal(report.status, 200);
  assert.match(report.headers.get("content-security-policy")!, /^default-src 'none'; style-src/);
  assert.equal(await report.text(), "<h1>report</h1>");
  for (
    const path of [
      "daily/2026-11-22/none.html",
      "daily/2026-11-22/.hidden.html",
      "daily/2026-11-22/..%2Fsecret.html",
      "daily/..%2Fruns/secret.html",
      "daily/2026-11-22%2F..%2F../secret.html",
      "daily/2026-11-22_6h/index.html",
      "weekly/2026-11-22/index.html",
    ]
  ) assert.equal((await api.bare.request(`/reports/${path}`)).status, 404, path);
});

Deno.test("the token is made once, for its owner's eyes alone, and one that others can read is refused", async () => {
  await using dir = await tempDir();
  const path = dir.join("token");
  const token = await openApiToken(path);
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.equal(await openApiToken(path), token);
  await Deno.chmod(path, 0o640);
  await assert.rejects(openApiToken(path), /others can read it; run chmod 600 /);
  await Deno.writeTextFile(path, "short\n");
  await Deno.chmod(path, 0o600);
  await assert.rejects(openApiToken(path), /should hold 64 hex digits/);
  await assert.rejects(openApiToken(dir.join("no", "token")), /Cannot make the API's token/);
});
