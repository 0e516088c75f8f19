import assert from "node:assert/strict";
import { Delivery } from "../../collector/uplink/delivery.ts";
import { LocalUplink } from "../../collector/uplink/local.ts";
import { UplinkFault } from "../../collector/uplink/uplink.ts";
import { Spool } from "../../collector/spool/spool.ts";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { MAX_RESEND_NUMBERS } from "../../shared/batch/resend_request.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const COMMITTED = { status: "committed", resend: null };
const json = (value: unknown, status = 200) => Response.json(value, { status });

/** An HTTP server where the archiver's API would be. */
interface Api extends AsyncDisposable {
  readonly url: string;
  readonly bodies: string[];
}

/** Serves `answer` to each POST on `/batches`, `port` 0 for any. */
function startApi(
  answer: (body: string, nth: number) => Response | Promise<Response>,
  port = 0,
): Api {
  const bodies: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    async (request) => {
      assert.equal(new URL(request.url).pathname, "/batches");
      assert.equal(request.method, "POST");
      const body = await request.text();
      bodies.push(body);
      return await answer(body, bodies.length);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    bodies,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const TOKEN = "ab".repeat(32);
const tokenFile = await Deno.makeTempFile({ prefix: "gossip-test-" });
await Deno.writeTextFile(tokenFile, `${TOKEN}\n`);
addEventListener("unload", () => Deno.removeSync(tokenFile));

const batch = (number: number) => ({
  epoch: 1,
  number,
  bytes: new TextEncoder().encode(`batch ${number}`),
});
const never = new AbortController().signal;

const delay = (milliseconds: number) => systemClock.sleep(milliseconds);

function uplinkTo(
  url: string,
  onResendRequest: (resend: ResendRequest) => void = () => {},
): LocalUplink {
  return new LocalUplink({ url, tokenFile, collector: "test", onResendRequest });
}

Deno.test("a batch is delivered when the archiver says so, and its resend request is heard", async () => {
  const requests: ResendRequest[] = [];
  const numbers = Array.from({ length: MAX_RESEND_NUMBERS }, (_, i) => 0xffff_0000 + i);
  const resend = { epoch: 1, messages: numbers, sessions: numbers };
  await using api = startApi((_, nth) =>
    [
      json(COMMITTED),
      json({ status: "duplicate", resend }),
      json({ reason: "not a batch" }, 422),
    ][nth - 1]
  );
  const uplink = uplinkTo(api.url, (resend) => requests.push(resend));
  assert.equal(await uplink.send(batch(1), never), "stored");
  assert.equal(await uplink.send(batch(2), never), "duplicate");
  assert.equal(await uplink.send(batch(3), never), "set_aside");
  assert.deepEqual(api.bodies, ["batch 1", "batch 2", "batch 3"]);
  assert.deepEqual(requests, [resend]);
});

Deno.test("an answer that is no yes leaves the batch undelivered, with its reason", async () => {
  const answers: [string, () => Response][] = [
    ["busy", () => json({ reason: "the disk is full" }, 503)],
    ["refused", () => json({}, 404)],
    ["refused", () => json({ status: "fine" })],
    ["refused", () => new Response("hello")],
    ["refused", () => json({ ...COMMITTED, resend: { epoch: 1 } })],
    ["unreachable", () => new Response(new Uint8Array(1 << 20))],
  ];
  await using api = startApi((_, nth) => answers[nth - 1][1]());
  const uplink = uplinkTo(api.url);
  for (const [code] of answers) {
    await assert.rejects(
      uplink.send(batch(1), never),
      (error) => error instanceof UplinkFault && error.code === code && !/\n/.test(error.message),
      code,
    );
  }
});

Deno.test("an attempt that is stopped ends at once", async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using api = startApi(() => {
    arrived.resolve();
    return answer.promise;
  });
  const stop = new AbortController();
  const attempt = uplinkTo(api.url).send(batch(1), stop.signal);
  await arrived.promise;
  stop.abort(new Error("stopped"));
  await assert.rejects(attempt, /stopped/);
  await assert.rejects(uplinkTo(api.url).send(batch(1), stop.signal), /stopped/);
  answer.resolve(json(COMMITTED));
});

Deno.test("an archiver that is away, busy, and there again gets each batch in order", async () => {
  await using dir = await tempDir();
  using spool = await Spool.open(dir.path, {
    maxBytes: 1 << 20,
    segmentBytes: 1 << 12,
    onDropped: () => {},
  });
  const append = (first: number, last: number) => {
    for (let n = first; n <= last; n++) spool.append(batch(n).bytes, { epoch: 1, number: n });
  };
  // A port that is free, for the archiver to come to.
  const { url } = await (async () => {
    await using api = startApi(() => json(COMMITTED));
    return api;
  })();
  const clock = new ManualClock();
  const random = seededRandom(1);
  const uplink = uplinkTo(url);
  await using delivery = new Delivery({ spool, uplink, clock, random });
  append(1, 30);
  await until(() => delivery.status.trouble === "unreachable" && clock.sleeping === 1);
  assert.equal(spool.batches, 30);
  await until(() => delivery.status.failures >= uplink.maxOutstanding);
  await delay(20);
  assert.equal(delivery.status.failures, uplink.maxOutstanding, "nothing is tried before its time");

  let busy = true;
  const committed: string[] = [];
  await using api = startApi((body) => {
    if (busy) return json({}, 503);
    committed.push(body);
    return json({ status: committed.length % 10 === 0 ? "duplicate" : "committed", resend: null });
  }, Number(new URL(url).port));
  await clock.advance(5000);
  await until(() => delivery.status.trouble === "busy" && clock.sleeping === 1);
  // One batch goes ahead, again and again, to see how things are.
  assert.deepEqual([...new Set(api.bodies)], ["batch 1"]);

  busy = false;
  append(31, 40);
  await clock.advance(5000);
  await until(() => spool.batches === 0);
  // A few are under way at once, over as many connections: near their order, then.
  const numbers = committed.map((body) => Number(body.slice(6)));
  assert.deepEqual(numbers.toSorted((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i + 1));
  numbers.forEach((number, i) => assert.ok(Math.abs(number - i - 1) < 8, numbers.join()));
  const { trouble, delivered, duplicates } = delivery.status;
  assert.deepEqual([trouble, delivered, duplicates], [null, 40, 4]);
});

Deno.test("draining ends with the last batch or with its time, and tells what is left", async () => {
  await using dir = await tempDir();
  const options = { maxBytes: 1 << 20, segmentBytes: 1 << 12, onDropped: () => {} };
  using spool = await Spool.open(dir.path, options);
  for (let n = 0; n < 20; n++) spool.append(batch(n).bytes, { epoch: 1, number: n });
  const held = Promise.withResolvers<void>();
  await using api = startApi(async (_, nth) => {
    if (nth > 10) await held.promise;
    return json(COMMITTED);
  });
  const random = seededRandom(1);
  const uplink = uplinkTo(api.url);
  {
    await using delivery = new Delivery({ spool, uplink, clock: systemClock, random });
    const left = await delivery.drain(300);
    assert.equal(left.batches, 10);
    assert.ok(left.bytes > 0);
  }
  held.resolve();
  spool[Symbol.dispose]();

  using again = await Spool.open(dir.path, options);
  await using patient = startApi(() => json(COMMITTED));
  const dependencies = { spool: again, uplink: uplinkTo(patient.url), clock: systemClock, random };
  await using delivery = new Delivery(dependencies);
  assert.deepEqual(await delivery.drain(60_000), { batches: 0, bytes: again.bytes });
  assert.ok(patient.bodies.length >= 10);
  await delivery[Symbol.asyncDispose]();
});

Deno.test("each batch carries the archiver's token; a refused one is read again, and a missing one is named", async () => {
  await using dir = await tempDir();
  const path = dir.join("token");
  const seen: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    seen.push(request.headers.get("authorization"));
    const isKnown = seen.at(-1) === `Bearer ${"cd".repeat(32)}`;
    return isKnown
      ? Response.json({ status: "committed", resend: null })
      : Response.json({ error: "this takes the archiver's token" }, { status: 401 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await using uplink = new LocalUplink({
    url,
    tokenFile: path,
    collector: "test",
    onResendRequest: () => {},
  });
  const refusal = (why: RegExp) =>
    assert.rejects(uplink.send(batch(0), never), (error: Error) => {
      assert.ok(error instanceof UplinkFault);
      assert.equal(error.code, "refused");
      assert.match(error.message, why);
      return true;
    });
  await refusal(/token: there is no such file; .* \(uplink\.token_file\)$/);
  assert.equal(seen.length, 0);
  await Deno.writeTextFile(path, `${TOKEN}\n`);
  await refusal(/401: .*takes the archiver's token/);
  await Deno.writeTextFile(path, `${"cd".repeat(32)}\n`);
  assert.equal(await uplink.send(batch(0), never), "stored");
  assert.equal(await uplink.send(batch(1), never), "stored");
  assert.equal(seen.length, 3);
  await server.shutdown();
});
