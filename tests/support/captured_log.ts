// What the programs log, for tests to read.

import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";

/** Log records of one test; disposing gives logging back. */
export class CapturedLog implements Disposable {
  /** All records at debug and above, in order. */
  readonly records: LogRecord[] = [];

  /** Takes logging over. */
  constructor() {
    configureSync({
      reset: true,
      sinks: { memory: (record) => this.records.push(record) },
      loggers: [
        { category: "gossip", lowestLevel: "debug", sinks: ["memory"] },
        { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["memory"] },
      ],
    });
  }

  /** The lines at info and above that hold `text`, as people read them. */
  lines(text = ""): string[] {
    return this.records.filter((record) => record.level !== "debug")
      .map((record) => record.message.map(String).join(""))
      .filter((line) => line.includes(text));
  }

  /** Ends the capture. */
  [Symbol.dispose](): void {
    resetSync();
  }
}
