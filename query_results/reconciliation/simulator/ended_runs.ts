// Results of the runs that have ended, kept beside the report until it is whole: a sweep that was broken off goes on.

import { join } from "node:path";
import type { Cell } from "../../format/table.ts";
import { makeFolder, writeWhole } from "../../format/whole_files.ts";
import type { CalibratedRow } from "../calibration/rows.ts";
import { outcomes } from "./outcome.ts";
import type { PlannedRun, Settings } from "./settings.ts";

/** One run's row of the results; of flooding, also what the calibration table says. */
export interface EndedRun {
  readonly row: readonly Cell[];
  readonly calibration: readonly CalibratedRow[] | null;
}

/** See the module. One line of JSON per run, under all that it depends on. */
export class EndedRuns {
  #path?: string;
  #inputs: unknown[] = [];
  #runs = new Map<string, EndedRun>();

  /** Those that an earlier command left in `folder`; without one, none is kept. @throws {UserError} when it cannot be made. */
  static async of(folder: string | undefined, settings: Settings): Promise<EndedRuns> {
    const ended = new EndedRuns();
    if (folder === undefined) return ended;
    await makeFolder(folder);
    ended.#path = join(folder, "ended_runs.jsonl");
    const text = await Deno.readTextFile(ended.#path).catch(() => "");
    // JSON has no NaN: a figure that could not be had.
    const figure = (key: string, value: unknown) =>
      key === "found" ? (value as (number | null)[]).map((found) => found ?? NaN) : value;
    const lines = text.trim().split("\n").filter(Boolean);
    ended.#runs = new Map(lines.map((line) => JSON.parse(line, figure)));
    for (const file of [settings.traffic, settings.network.file]) {
      if (file === undefined) continue;
      const { size, mtime } = await Deno.stat(file);
      ended.#inputs.push(size, mtime);
    }
    return ended;
  }

  get(plan: PlannedRun): EndedRun | undefined {
    return this.#runs.get(this.#key(plan));
  }

  async add(plan: PlannedRun, run: EndedRun): Promise<EndedRun> {
    this.#runs.set(this.#key(plan), run);
    if (this.#path !== undefined) {
      const lines = [...this.#runs].map((entry) => `${JSON.stringify(entry)}\n`);
      await writeWhole(this.#path, lines.join(""));
    }
    return run;
  }

  async forget(): Promise<void> {
    if (this.#path !== undefined) await Deno.remove(this.#path);
  }

  #key({ label, protocol, options, settings, value }: PlannedRun): string {
    return JSON.stringify([
      outcomes([]).columns,
      label,
      protocol,
      options,
      settings,
      value,
      this.#inputs,
    ]);
  }
}
