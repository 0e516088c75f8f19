import assert from "node:assert/strict";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { startArchiver } from "../../archiver/run.ts";
import {
  askOverHttp,
  askOverNats,
  type AskTime,
  type Sample,
  sampleOffsets,
} from "../../collector/clock/samples.ts";
import { NatsLink } from "../../collector/uplink/nats_link.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** The machine's clock, `ahead` µs too fast; its sleeps end when the test says so. */
class FastClock implements Clock {
  asleep: (() => void) | null = null;

  constructor(private readonly ahead: number) {}

  now(): number {
    return systemClock.now() + this.ahead;
  }

  sleep(_milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => resolve(), { once: true });
      this.asleep = resolve;
    });
  }
}

/** Measures with `askTime`, first of nobody, then of a real archiver; the truth is 5 s less. */
async function measure(askTime: AskTime, start: () => Promise<AsyncDisposable>): Promise<void> {
  const clock = new FastClock(5_000_000);
  const samples: Sample[] = [];
  await using _sampling = sampleOffsets(askTime, clock, (sample) => samples.push(sample));
  // Nobody answers yet.
  await until(() => clock.asleep !== null);
  assert.deepEqual(samples, []);
  await using _archiver = await start();
  await until(() => {
    clock.asleep!();
    return samples.length > 1;
  });
  for (const { offset, uncertainty, at } of samples) {
    assert.ok(Math.abs(offset + 5_000_000) <= uncertainty, `${offset} ± ${uncertainty}`);
    assert.ok(at > systemClock.now());
  }
}

function archiver(dir: TempDir, port: number, more = "") {
  const yaml = `archive: ${dir.join("a.duckdb")}\napi: {port: ${port}}\nthreads: 1\n` +
    `memory_limit: 256MiB\n${more}`;
  return startArchiver(parseConfig(yaml, ArchiverConfigSchema, "test.yaml"));
}

Deno.test("the offset to a real archiver is measured within its uncertainty, however late that comes", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using link = new NatsLink({
    collector: "alpha",
    servers: [server.url],
    readAccess: () => Promise.resolve({ servers: [server.url] }),
  });
  const nats = `nats: {servers: ['${server.url}']}\n`;
  await measure(askOverNats(link), () => archiver(dir, 0, nats));
});

Deno.test("a collector on the archiver's host measures over HTTP", async () => {
  await using dir = await tempDir();
  const port = freePort();
  await measure(askOverHttp(`http://127.0.0.1:${port}`), () => archiver(dir, port));
});

Deno.test("an answer that is no time, too long or no answer at all is an error", async () => {
  const answers: Record<string, Response> = {
    "HTTP status 404": new Response("{}", { status: 404 }),
    "at: Invalid": Response.json({ at: "noon" }),
    "more than": new Response("x".repeat(100_000)),
  };
  const signal = new AbortController().signal;
  for (const [why, answer] of Object.entries(answers)) {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    await using server = Deno.serve(options, () => answer);
    await assert.rejects(
      askOverHttp(`http://127.0.0.1:${server.addr.port}`)(signal),
      (error: Error) => error.message.includes(why),
      why,
    );
  }
  await assert.rejects(
    askOverHttp("http://127.0.0.1:9")(AbortSignal.abort(new Error("stop"))),
    /stop/,
  );
});
