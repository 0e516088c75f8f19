// Seeded SIGKILLs against a cluster of three NATS servers under load.

import { errorText } from "../../shared/errors.ts";
import { type ChaosOutcome, clusterChaos } from "../support/cluster_chaos.ts";
import { movingChaos, type MovingOutcome } from "../support/moving_chaos.ts";
import { type Benchmark, type Figure, figure } from "./figure.ts";

const SCHEDULES = 50;
const KILLS = 4;
const MOVING_SCHEDULES = 24;
const MOVES = 4;

/**
 * What schedules lose, double and delay: every other one lets the cluster recover before its next kill. Then at most one
 * server at a time is away or behind, so that the limit holds; the others kill as they like.
 */
export const clusterBenchmark: Benchmark = {
  name: "cluster",
  what: "SIGKILL of a cluster's servers under load: lost, doubled, delayed",
  async run({ progress, full }): Promise<Figure[]> {
    const outcomes: ChaosOutcome[] = [];
    const delays: number[] = [];
    const hastyDelays: number[] = [];
    for (let i = 0; i < SCHEDULES * (full ? 4 : 1); i++) {
      const isPatient = i % 2 === 0;
      const outcome = await clusterChaos(`cluster ${i}`, KILLS, isPatient);
      progress(`${i} ${isPatient ? "patient" : "hasty"} ${JSON.stringify(outcome)}`);
      outcomes.push(outcome);
      (isPatient ? delays : hastyDelays).push(outcome.slowestSeconds);
    }
    const sum = (of: (outcome: ChaosOutcome) => number) =>
      outcomes.reduce((total, outcome) => total + of(outcome), 0);
    const none = { sense: "<=", limit: 0 } as const;
    const name = `cluster, ${outcomes.length} schedules`;
    return [
      figure(`${name}: receipts stamped`, [sum(({ stamped }) => stamped)], "receipts"),
      figure(`${name}: receipts lost`, [sum(({ lost }) => lost)], "receipts", none),
      figure(`${name}: receipts doubled`, [sum(({ doubled }) => doubled)], "receipts", none),
      figure(`${name}: slowest commit, per schedule`, delays, "s", { sense: "<=", limit: 10 }),
      figure(`${name}: slowest commit of all`, [Math.max(...delays)], "s", {
        sense: "<=",
        limit: 10,
      }),
      figure(`${name}: slowest commit, per hasty schedule`, hastyDelays, "s"),
      figure(`${name}: slowest commit of all hasty ones`, [Math.max(...hastyDelays)], "s"),
    ];
  },
};

/** What moves of a collector between two archivers lose, double and take, each while a server is killed. */
export const movesBenchmark: Benchmark = {
  name: "moves",
  what:
    "a collector moved between archivers while servers are killed: lost, doubled, hung, slowest",
  async run({ progress, full }): Promise<Figure[]> {
    const outcomes: MovingOutcome[] = [];
    const schedules = MOVING_SCHEDULES * (full ? 4 : 1);
    for (let i = 0; i < schedules; i++) {
      try {
        outcomes.push(await movingChaos(`moves ${i}`, MOVES));
        progress(`${i} ${JSON.stringify(outcomes.at(-1))}`);
      } catch (error) {
        progress(`${i} ${errorText(error)}`);
      }
    }
    const sum = (of: (outcome: MovingOutcome) => number) =>
      outcomes.reduce((total, outcome) => total + of(outcome), 0);
    const none = { sense: "<=", limit: 0 } as const;
    const name = `moves, ${schedules} schedules of ${MOVES}`;
    const slowest = outcomes.map(({ slowestSeconds }) => slowestSeconds);
    return [
      figure(`${name}: receipts stamped`, [sum(({ stamped }) => stamped)], "receipts"),
      figure(`${name}: receipts lost`, [sum(({ lost }) => lost)], "receipts", none),
      figure(`${name}: receipts doubled`, [sum(({ doubled }) => doubled)], "receipts", none),
      figure(`${name}: hung`, [schedules - outcomes.length], "schedules", none),
      figure(`${name}: slowest move, per schedule`, slowest, "s"),
      figure(`${name}: slowest move of all`, [Math.max(...slowest)], "s"),
    ];
  },
};
