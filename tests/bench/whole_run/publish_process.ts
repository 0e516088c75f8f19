// A process that publishes a file of batches into JetStream as its collector would: `publish_process.ts JSON` prints a
// line of JSON, {@link Published}, when all is published, or when it is told to stop by SIGTERM.

import { systemClock } from "../../../shared/clock.ts";
import { connectNats } from "../../../shared/nats/connect.ts";
import { batchSubject } from "../../../shared/subjects.ts";
import { readBatchFile } from "./batch_file.ts";

/** What to publish, and where. */
export interface PublishOptions {
  /** The server. */
  readonly url: string;
  /** The batches. */
  readonly file: string;
  /** Whose they are. */
  readonly collector: string;
  /** Seconds of the run in a second; absent: as fast as the server takes them. */
  readonly speed?: number;
  /** So many seconds of the run are published at once all the same. */
  readonly headSeconds?: number;
}

/** What was published. */
export interface Published {
  /** Batches. */
  readonly batches: number;
  /** Whether they were all. */
  readonly isWhole: boolean;
}

/** Publishes under way without the server's word. */
const MAX_OUTSTANDING = 256;
const ACK_MILLISECONDS = 30_000;

async function publish(options: PublishOptions, stop: AbortSignal): Promise<Published> {
  const { url, file, collector, speed = Infinity, headSeconds = 0 } = options;
  const connection = await connectNats({ servers: [url], name: "bench publisher" });
  const jetstream = connection.jetstream();
  const subject = batchSubject(collector);
  const underWay = new Set<Promise<unknown>>();
  const started = performance.now();
  let number = 0, isWhole = true;
  for await (const { bytes, closedAt } of readBatchFile(file)) {
    const due = started + (closedAt / 1e6 - headSeconds) * 1000 / speed;
    const early = due - performance.now();
    if (early > 0) await systemClock.sleep(early, stop).catch(() => {});
    if (stop.aborted) {
      isWhole = false;
      break;
    }
    number++;
    const ack = jetstream.publish(subject, bytes, { timeout: ACK_MILLISECONDS });
    const done: Promise<unknown> = ack.finally(() => underWay.delete(done));
    underWay.add(done);
    if (underWay.size >= MAX_OUTSTANDING) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  await connection.close();
  return { batches: number, isWhole };
}

if (import.meta.main) {
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort());
  console.log(JSON.stringify(await publish(JSON.parse(Deno.args[0]), stop.signal)));
  Deno.exit(0);
}
