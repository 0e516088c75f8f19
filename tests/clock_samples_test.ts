import assert from "node:assert/strict";
import { ArchiverConfigSchema } from "../archiver/config.ts";
import { startArchiver } from "../archiver/run.ts";
import { type Sample, sampleOffsets } from "../collector/clock/samples.ts";
import { NatsLink } from "../collector/uplink/nats_link.ts";
import { type Clock, systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import { startNatsServer } from "./support/nats_server.ts";
import { tempDir } from "./support/temp_dir.ts";
import { until } from "./support/until.ts";

/** The machine's clock, `ahead` µs too fast; its sleeps end when the test says so. */
class FastClock implements Clock {
  asleep: (() => void) | null = null;
  readonly #ahead: number;

  constructor(ahead: number) {
    this.#ahead = ahead;
  }

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  sleep(_milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => resolve(), { once: true });
      this.asleep = resolve;
    });
  }
}

Deno.test("the offset to a real archiver is measured within its uncertainty, however late that comes", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using link = new NatsLink({ servers: [server.url] }, "alpha");
  const clock = new FastClock(5_000_000);
  const samples: Sample[] = [];
  using _sampling = sampleOffsets(link, clock, (sample) => samples.push(sample));
  // Nobody answers yet.
  await until(() => clock.asleep !== null);
  assert.deepEqual(samples, []);
  const yaml = `archive: ${dir.join("a.duckdb")}\napi: {port: 0}\nthreads: 1\n` +
    `memory_limit: 256MiB\nnats: {servers: ['${server.url}']}\n`;
  await using _archiver = await startArchiver(parseConfig(yaml, ArchiverConfigSchema, "test.yaml"));
  await until(() => {
    clock.asleep!();
    return samples.length > 1;
  });
  for (const { offset, uncertainty, at } of samples) {
    assert.ok(Math.abs(offset + 5_000_000) <= uncertainty, `${offset} ± ${uncertainty}`);
    assert.ok(at > systemClock.now());
  }
});
