// A day into a bucket: publishing, with all that comes with it, beside a plain upload of the same files by the same client.

import { Store } from "../../archiver/store/store.ts";
import { Days } from "../../archiver/days/days.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { upload } from "../../shared/s3/upload.ts";
import { publishDays } from "../../archiver/publish/publish.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { fakeS3, findVersitygw, versitygw } from "../support/servers/s3_server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, figure } from "./figure.ts";

const DAY = "2025-09-26";
/** The real day has 164 million receipts of 400,000 messages; the smaller one a fifth. */
const RECEIPTS = 32_000_000;
const FULL_RECEIPTS = 160_000_000;
const RECEIPTS_PER_MESSAGE = 400;
const PEERS = 978;
const MEMORY_LIMIT_BYTES = 1024 ** 3;

/** Rows as irregular as real ones: in order of time, messages in flight mixed, one in 50 first seen the day before. */
function statements(receipts: number): string[] {
  const us = `CAST(86400000000 / ${receipts} * range AS BIGINT)`;
  const start = `epoch_us(TIMESTAMPTZ '${DAY} 00:00:00+00')`;
  const messages = receipts / RECEIPTS_PER_MESSAGE;
  return [
    "INSERT INTO collectors VALUES (1, 'bench')",
    `INSERT INTO peers SELECT range + 1, '02' || sha256(range::TEXT) FROM range(${PEERS})`,
    `INSERT INTO hot_messages SELECT range + 1, unhex(sha256(range::TEXT)), 258, 136, 'valid', range << 20, 0, NULL,
      make_timestamptz(${start}), unhex(md5(range::TEXT)), make_timestamptz(${start} + ${us} * ${RECEIPTS_PER_MESSAGE} - CASE WHEN range % 50 = 0 THEN 86400000000 ELSE 0 END),
      unhex(sha256('a' || range) || sha256('b' || range) || sha256('c' || range) || sha256('d' || range))
      FROM range(${messages})`,
    `INSERT INTO hot_receipts SELECT make_timestamptz(${start} + ${us} + CAST(hash(range) % 700 AS BIGINT)),
      greatest(1, range // ${RECEIPTS_PER_MESSAGE} - CAST(hash(range) % 40 AS BIGINT)), hash(range * 7) % ${PEERS} + 1, 1, false, false
      FROM range(${receipts})`,
  ];
}

/** Bytes/s of publishing over those of plain uploads. */
export const publishBenchmark: Benchmark = {
  name: "publish",
  what: "a finished day published to S3, beside a plain upload of the same files",
  run: async ({ repeat, full, progress }) => {
    const program = await findVersitygw();
    await using server = program === null ? await fakeS3() : await versitygw(program);
    await using dir = await tempDir();
    const path = dir.join("bench.duckdb");
    await makeEmptyArchive(path, async (connection) => {
      for (const sql of statements(full ? FULL_RECEIPTS : RECEIPTS)) await connection.run(sql);
    });
    await using store = await Store.open(
      { path, memoryLimitBytes: MEMORY_LIMIT_BYTES, threads: 2 },
      { clock: systemClock, random: systemRandom },
    );
    const options = {
      ...{ folder: dir.join("days"), after: 0, keep_hot: null, keep_files: null, apply: false },
      memoryLimitBytes: MEMORY_LIMIT_BYTES,
    };
    const request = { day: null, drop: null, apply: false };
    {
      await using days = new Days(options, { store, clock: systemClock });
      await days.run(request);
    }
    const files = await store.read("SELECT path, bytes, sha256 FROM day_files");
    const bytes = files.reduce((sum, file) => sum + Number(file.bytes), 0);
    const [published, plain, ratios]: [number[], number[], number[]] = [[], [], []];
    const publishOnce = async (prefix: string) => {
      let sent = 0;
      await store.beside(async (connection, signal) => {
        const context = { connection, signal, folder: options.folder };
        const plan = { day: null, withdraw: false };
        await publishDays(
          context,
          server.bucket(prefix),
          "bench",
          plan,
          (line) => sent += line.bytes,
        );
      });
      return sent;
    };
    const uploadOnce = async (prefix: string) => {
      for (const [i, file] of files.entries()) {
        const [path, sha256] = [String(file.path), String(file.sha256)];
        await upload(server.bucket(prefix), {
          path,
          sha256,
          key: String(i),
          bytes: Number(file.bytes),
        });
      }
      return bytes;
    };
    const rate = async (work: (prefix: string) => Promise<number>, prefix: string) => {
      const begin = performance.now();
      return await work(prefix) / (performance.now() - begin) * 1000;
    };
    for (let run = 0; run < repeat; run++) {
      // In turn first, as a machine's load drifts.
      if (run % 2 === 1) plain.push(await rate(uploadOnce, `plain${run}`));
      published.push(await rate(publishOnce, `run${run}`));
      if (run % 2 === 0) plain.push(await rate(uploadOnce, `plain${run}`));
      ratios.push(published[run] / plain[run]);
      progress(`${Math.round(bytes / 1e6)} MB, ${program === null ? "s3rver" : "versitygw"}`);
    }
    return [
      figure("publish", published, "bytes/s"),
      figure("plain upload", plain, "bytes/s"),
      figure("publish / plain upload", ratios, "", { sense: ">=", limit: 0.8 }),
    ];
  },
};
