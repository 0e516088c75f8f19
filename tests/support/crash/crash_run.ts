// Killing an archiver at named steps, and letting it finish.

import type { StepName } from "../../../archiver/store/crash_points.ts";
import { type CrashDamage, crashDamage } from "./crash_check.ts";
import { makeOlderArchive } from "./crash_folder.ts";
import { type CrashScript, crashScript } from "./crash_script.ts";
import { startProgram } from "../servers/process.ts";
import { tempDir } from "../temp_dir.ts";

const WAIT_MILLISECONDS = 120_000;

/** Where a life of the archiver ends. */
export interface CrashPoint {
  /** The step. */
  readonly step: StepName;
  /** The how-manieth time that this life comes by it, from 1. */
  readonly occurrence: number;
}

/**
 * An archiver's lives in one archive: each is ended by SIGKILL at its point, and after the last one it finishes.
 *
 * @returns what is wrong with the archive in the end.
 * @throws {Error} when a life did not come by its point, or the last did not finish.
 */
export async function crashAndFinish(points: readonly CrashPoint[]): Promise<CrashDamage> {
  await using dir = await tempDir();
  const script = crashScript();
  await livesIn(dir.path, script, points);
  return await crashDamage(dir.path, script);
}

/** The lives of {@link crashAndFinish} alone. @param dir where the archive is made; it should be empty. */
export async function livesIn(
  dir: string,
  script: CrashScript,
  points: readonly CrashPoint[],
): Promise<void> {
  await makeOlderArchive(dir, script.older);
  for (const { step, occurrence } of points) {
    await using victim = startVictim(dir, step, String(occurrence));
    const { signal } = await victim.wait(WAIT_MILLISECONDS);
    if (signal === "SIGKILL") continue;
    const lines = victim.lines.join("\n");
    throw new Error(`the archiver was not killed at "${step}", time ${occurrence}:\n${lines}`);
  }
  await using survivor = startVictim(dir);
  const { success } = await survivor.wait(WAIT_MILLISECONDS);
  if (!success) throw new Error(`the archiver did not finish:\n${survivor.lines.join("\n")}`);
}

function startVictim(...args: string[]) {
  return startProgram("tests/support/crash/crash_victim.ts", args, ["-A", "--quiet"]);
}
