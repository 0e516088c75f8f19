// An archiver that follows `crash_script.ts`, and ends with SIGKILL at a step of its own choosing. Started again it goes
// on behind the last act that it knows to be done: what was committed and not noted is committed once more, as a
// collector would that got no answer.
//
//     deno run -A tests/support/crash/crash_victim.ts DIR [STEP OCCURRENCE]

import { join } from "node:path";
import { Days } from "../../../archiver/days/days.ts";
import { Store } from "../../../archiver/store/store.ts";
import { seededRandom } from "../../../shared/random.ts";
import { CRASH_ARCHIVE, CRASH_DAYS, CRASH_NOTES, UPGRADE } from "./crash_folder.ts";
import { type CrashAct, crashScript, KEPT_DAYS } from "./crash_script.ts";
import { ManualClock } from "../manual_clock.ts";

const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;

const [dir, fatalStep, occurrence] = Deno.args;
let left = Number(occurrence ?? 0);

function onStep(step: string): void {
  if (step === fatalStep && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
}

const clock = new ManualClock();
const random = seededRandom(1);
const notes = await Deno.open(join(dir, CRASH_NOTES), { create: true, read: true, append: true });
const done = (await notes.stat()).size;
const store = await Store.open(
  { path: join(dir, CRASH_ARCHIVE), memoryLimitBytes: MEMORY_LIMIT_BYTES, threads: 1 },
  { clock, random, onStep, migrations: UPGRADE },
);
const folder = join(dir, CRASH_DAYS);
const options = { ...KEPT_DAYS, folder, memoryLimitBytes: MEMORY_LIMIT_BYTES };
for (const [i, act] of crashScript().acts.entries()) {
  if (act.kind === "pass") await clock.advance((act.now - clock.now()) / 1000);
  if (i < done) continue;
  await perform(act);
  // One byte an act, on disk before the next begins.
  await notes.write(new Uint8Array(1));
  await notes.syncData();
}
await store[Symbol.asyncDispose]();
notes.close();
console.log("finished");

async function perform(act: CrashAct): Promise<void> {
  if (act.kind === "commit") return void await store.commit(act.batches);
  await using days = new Days(options, { store, clock, onStep });
  await days.recover();
  await days.run({ day: null, drop: "hot", apply: true });
  await days.run({ day: null, drop: "files", apply: true });
}
