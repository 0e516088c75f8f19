import { deepEqual, ok } from "node:assert/strict";
import { CapturedLog } from "../support/captured_log.ts";
import { clusterChaos } from "../support/cluster_chaos.ts";

Deno.test("SIGKILL of a cluster's servers under load, leaders too, loses and doubles nothing", async () => {
  using _ = new CapturedLog();
  const { stamped, lost, doubled, slowestSeconds, kills } = await clusterChaos("suite", 2, true);
  deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, kills.join());
  ok(stamped > 0);
  // A loaded machine is slower; `deno task bench --only cluster` holds it against 10 s.
  ok(slowestSeconds < 60, `${slowestSeconds} s`);
});
