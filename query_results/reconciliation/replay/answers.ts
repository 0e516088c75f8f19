// What a replay comes to, in sentences.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../../shared/errors.ts";
import { seededRandom } from "../../../shared/random.ts";
import type { Frame } from "../../archive/frame.ts";
import { formatBytes, formatDuration, formatNumber, formatPlural } from "../../format/numbers.ts";
import type { Opening } from "../../report/opening.ts";
import { CellSums, interval, resample, type Resamples } from "./bootstrap.ts";
import { dayTraffic, protocolBytes } from "./costs.ts";
import { compareDifferences, type Differences } from "./differences.ts";
import { type DesignCost, DRAFT_SECONDS, draftOf, PRESETS, replayDesigns } from "./estimation.ts";
import { drawPairs } from "./pairs.ts";
import { readRecording, type Recording } from "./recording.ts";

/** Peers, pairs and seconds of network time that an opening takes at most: seconds of work on any archive. */
const SAMPLE = { peers: 64, pairs: 64, seconds: 6 * 3600 };
/** Links of a node as LND makes them. */
const LINKS = 3;

/** What the sentences are made of. */
export interface Findings {
  readonly recording: Recording;
  readonly pairs: number;
  readonly resamples: Resamples;
  readonly differences: Differences;
  readonly designs: readonly DesignCost[];
}

type Estimate = readonly [value: number, low: number, high: number];

/** The opening of a report, from a bounded sample of the archive's latest hours; where it has too little, why. */
export async function sampleOpening(
  connection: DuckDBConnection,
  frame: Frame,
  scale: number,
): Promise<Opening> {
  const { from, to } = frame.window;
  const window = { from: Math.max(from, to - Math.round(SAMPLE.seconds / scale * 1e6)), to };
  try {
    const random = seededRandom("opening");
    const recording = await readRecording(connection, {
      window,
      scale,
      peers: SAMPLE.peers,
      random,
    });
    const pairs = drawPairs(recording, SAMPLE.pairs, random);
    const resamples = resample(pairs.length, recording.fromMs, recording.untilMs, random);
    const seconds = [DRAFT_SECONDS];
    const differences = compareDifferences(recording, pairs, resamples, random, seconds);
    const designs = replayDesigns(recording, pairs, resamples, random, seconds);
    return opening({ recording, pairs: pairs.length, resamples, differences, designs }, frame);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { figures: [], sentences: [error.message], limits: "" };
  }
}

/** The answers that a person wants first. @throws {UserError} when the window is too short or has too little for it. */
export function opening(findings: Findings, frame: Frame): Opening {
  const { recording, resamples } = findings;
  const draft = draftOf(findings.designs);
  const apart = differenceAt(findings.differences, "channel_update") ??
    differenceAt(findings.differences, "all");
  const times = deliveries(recording, resamples);
  const traffic = dayTraffic(recording);
  const bytes = new Map(protocolBytes(traffic, LINKS, draft));
  const [flood, sketched] = [bytes.get("flood")!, bytes.get("draft-bolt")!];
  const [least, greatest] = draft.bytesPerRound.slice(1).map((bytesPerRound) =>
    new Map(protocolBytes(traffic, LINKS, { ...draft, bytesPerRound: [bytesPerRound, 0, 0] }))
      .get("draft-bolt")!
  );
  if (flood === 0 || ![...times, ...draft.bytesPerDifference].every(Number.isFinite)) {
    throw new UserError("Too little to replay: the peers that stayed delivered too few messages.");
  }
  const share = (value: number) => `${formatNumber(round(100 * value))} %`;
  const sentences = [`Peers delivered each byte ${estimate(times)} times.`];
  if (apart !== null) {
    const { kind, tail, average } = apart;
    const fixed = PRESETS["fixed-512-384-32"].fixed[0];
    sentences.push(
      `At ${DRAFT_SECONDS} s two peers differ by at most ${estimate(tail)} ${
        unitOf(kind)
      } in 99.9 % of rounds, ` +
        `${estimate(average)} on average` +
        (tail[0] === 0
          ? "."
          : `; ${fixed} elements are ${
            formatNumber(round(fixed / tail[0]))
          } times what is needed.`),
    );
  }
  sentences.push(
    `The draft's estimator fails in ${
      estimate(draft.failed.map((v) => 100 * v))
    } % of rounds and costs ` +
      `${estimate(draft.bytesPerDifference)} bytes per difference.`,
    `With ${LINKS} links a node would receive ${formatBytes(flood)} per day by flooding, and ` +
      `${formatBytes(sketched)} (${formatBytes(least)} to ${formatBytes(greatest)}), ` +
      `${share(sketched / flood)} of that, by the draft's design.`,
  );
  return {
    figures: [
      [formatNumber(round(times[0])), "times each byte is delivered"],
      ...apart === null ? [] : [
        [
          formatNumber(apart.tail[0]),
          `${unitOf(apart.kind)} apart at ${DRAFT_SECONDS} s (99.9 % of rounds)`,
        ] as const,
      ],
      [formatBytes(draft.bytesPerRound[0]), "of sketches per round (draft)"],
      [share(sketched / flood), "of flooding's bytes (draft)"],
    ],
    sentences,
    limits: limits(findings, frame),
  };
}

function unitOf(kind: string): string {
  return kind === "channel_update" ? "channel updates" : "messages";
}

function limits({ recording, pairs, differences }: Findings, frame: Frame): string {
  const { features, eligiblePeers, fromMs, untilMs, type } = recording;
  const parts = [
    `Counterfactual, from ${formatPlural(pairs, "pair")} of ${formatNumber(features.length)} of ` +
    `${formatPlural(eligiblePeers, "peer")} that stayed, over ${
      formatDuration((untilMs - fromMs) / 1000)
    }; ` +
    "in brackets 95 % intervals over pairs and hours",
    "a receipt is when a peer sent a message, not when it had it, so differences are upper bounds",
    "flooding is counted for a node that sends nothing; one that relays is spared up to half of it",
    "one update per block, own messages in full and catching up are left out",
  ];
  const types = new Set(type);
  if (types.size === 1) parts.push("the window has messages of one type only");
  if (frame.gaps > 0) parts.push(`${formatPlural(frame.gaps, "gap")} count as not delivered`);
  if (frame.stalledSeconds > 0) {
    parts.push(`collectors were held up for ${formatDuration(frame.stalledSeconds)}`);
  }
  const broken = differences.identities.rows.filter(([, , , , holds]) => !holds);
  for (const [name, , , off, , why] of broken) {
    parts.push(`${name} is off by ${formatNumber(round(Number(off)))} %: ${why}`);
  }
  return `${parts.join("; ")}.`;
}

/** How often the measured messages' bytes were delivered. */
function deliveries(recording: Recording, resamples: Resamples): Estimate {
  const { firstMs, fromMs, untilMs, sizeBytes, reach, messages } = recording;
  const [delivered, unique] = [
    new CellSums(1, resamples.blocks),
    new CellSums(1, resamples.blocks),
  ];
  for (let m = 0; m < messages; m++) {
    if (firstMs[m] < fromMs || firstMs[m] >= untilMs) continue;
    const block = Math.floor((firstMs[m] - fromMs) / resamples.blockMs);
    delivered.add(0, block, sizeBytes[m] * reach[m]);
    unique.add(0, block, sizeBytes[m]);
  }
  const one = Uint8Array.of(1);
  return [
    delivered.total() / unique.total(),
    ...interval(resamples, ({ blocks }) => {
      const weights = { pairs: one, blocks };
      return delivered.total(weights) / unique.total(weights);
    }),
  ];
}

function differenceAt({ differences: { columns, rows } }: Differences, kind: string) {
  const row = rows.find(([name, seconds]) => name === kind && seconds === DRAFT_SECONDS);
  if (!row) return null;
  const of = (...names: string[]) =>
    names.map((name) => Number(row[columns.findIndex((column) => column.name === name)]));
  return {
    kind,
    tail: of("p99_9", "p99_9_low", "p99_9_high"),
    average: of("mean", "mean_low", "mean_high"),
  };
}

/** Three significant digits: the intervals are wider. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}

function estimate([value, low, high]: readonly number[]): string {
  const [v, l, h] = [value, low, high].map((number) => formatNumber(round(number)));
  return `${v} (${l}–${h})`;
}
