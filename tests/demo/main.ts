// `deno task demo`: the main job end to end on loopback, with a report.

import { relative } from "node:path";
import { runMain, stopSignal } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { isFaithful } from "./compare.ts";
import { ProgressLine, standardError } from "../../shared/terminal.ts";
import { lastLine, resultLines } from "./result.ts";
import { runDemo } from "./run.ts";

const command = {
  name: "deno task demo",
  summary:
    "Run a simulated Lightning network, a collector and an archiver on this machine, compare the\n" +
    "archive with what was sent, and report on it. Exit status: 1 if anything was lost, doubled or\n" +
    "changed.",
  flags: {
    peers: { type: "number", help: "how many simulated nodes", default: 200, min: 1, max: 2000 },
    seconds: { type: "number", help: "how long they send", default: 30, min: 1, max: 3600 },
    seed: { help: "equal seeds give equal traffic", default: "1" },
    nats: { help: "send through this NATS server, e.g. nats://127.0.0.1:4222", value: "URL" },
    out: { help: "where the results go", value: "DIR", default: "query_results/runs/demo" },
  },
  examples: [
    "deno task demo",
    "deno task demo --peers 50 --seconds 10 --seed friday",
    "deno task demo --nats nats://127.0.0.1:4222",
  ],
} as const;

if (import.meta.main) {
  await runMain(command, async ({ peers, seconds, seed, nats, out }) => {
    const signal = stopSignal();
    const display = new ProgressLine(standardError(), { everyMs: 3000 });
    const result = await runDemo({ peers, seconds, seed, nats, out, signal, display })
      .catch((error) => {
        if (!signal.aborted) throw error;
        const why = errorText(signal.reason);
        throw new UserError(`The demo was ${why}; there is no report`, { exitCode: 130 });
      });
    const shown = (path: string) => relative(Deno.cwd(), path);
    console.log(resultLines(result).join("\n"));
    console.log(
      lastLine(result, {
        peers,
        archive: shown(result.archive),
        report: shown(result.queried.report),
      }),
    );
    return isFaithful(result.comparison) ? 0 : 1;
  });
}
