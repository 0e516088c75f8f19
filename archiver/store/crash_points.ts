// Named points at which a crash could leave things half done, so that tests can kill the process at each.

/** Every point, in the archiver's order. A name says what was just done. */
export const STEPS = [
  "upgrade: begun",
  "upgrade: statements run",
  "upgrade: committed",
  "commit: begun",
  "commit: rows appended",
  "commit: changes applied",
  "commit: committed",
  "copy: begun",
  "copy: Parquet written",
  "copy: Parquet synced",
  "copy: Parquet read back",
  "copy: manifest written",
  "copy: Parquet in place",
  "copy: manifest in place",
  "copy: recorded",
  "summary: begun",
  "summary: rows made",
  "summary: files written",
  "summary: recorded",
  "drop hot: file verified",
  "drop hot: keys kept",
  "drop hot: rows verified",
  "drop hot: rows deleted",
  "drop hot: views replaced",
  "drop hot: committed",
  "drop files: verified",
  "drop files: views replaced",
  "drop files: committed",
  "drop files: Parquet removed",
  "drop files: manifest removed",
] as const;

export type StepName = typeof STEPS[number];

/** Called at each step; does nothing outside tests. */
export type OnStep = (step: StepName) => void;
