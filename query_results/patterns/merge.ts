/**
 * One entry per cause: what several detectors, or one of them for many channels of a node, found of the same. Pure.
 *
 * @module
 */
import { formatPlural } from "../format/numbers.ts";
import { factor, type Finding, receiptsSql, score } from "./finding.ts";
import type { World } from "./world.ts";

/** Messages of two origins in the same seconds: this share of them, of all, makes it one cause. */
const TOGETHER = 0.5;
const TOGETHER_MS = 10_000;
/** More findings of one kind are not compared with each other by their seconds. */
const MOST_COMPARED = 2000;
/** Of the conditions on channels, so many fit into one query. */
const MOST_LISTED = 100;

/** Findings with one cause become one, the most remarkable of them first. */
export function mergeCauses(findings: readonly Finding[], world: World): Finding[] {
  const groups = new Groups(findings.length);
  joinBy(
    groups,
    findings,
    ({ entity, kind, origins, peers }) => origins || peers && kind !== "group" ? entity : null,
  );
  joinBy(groups, findings, ({ kind, origins }) => {
    const owner = origins?.length === 1 ? world.origins[origins[0]].owner : null;
    return owner && `${kind} ${owner}`;
  });
  joinTogether(groups, findings, world);
  return groups.members().map((members) => causeOf(members.map((i) => findings[i]), world))
    .sort((a, b) => score(b) - score(a) || a.fromUs - b.fromUs);
}

/** Joins findings of equal keys that overlap in time; null has no equal. */
function joinBy(
  groups: Groups,
  findings: readonly Finding[],
  keyOf: (finding: Finding) => string | null,
): void {
  const order = [...findings.keys()].sort((a, b) => findings[a].fromUs - findings[b].fromUs);
  const open = new Map<string, { at: number; untilUs: number }>();
  for (const i of order) {
    const key = keyOf(findings[i]);
    if (key === null) continue;
    const last = open.get(key);
    if (last && findings[i].fromUs <= last.untilUs) {
      groups.join(last.at, i);
      last.untilUs = Math.max(last.untilUs, findings[i].untilUs);
    } else open.set(key, { at: i, untilUs: findings[i].untilUs });
  }
}

/** Joins bursts of channels whose announcements never came, by the seconds of their messages. */
function joinTogether(groups: Groups, findings: readonly Finding[], world: World): void {
  const own = [...findings.keys()].filter((i) =>
    findings[i].kind === "burst" && findings[i].origins
  )
    .sort((a, b) => findings[a].fromUs - findings[b].fromUs).slice(0, MOST_COMPARED);
  const seconds = new Map(own.map((i) => [i, secondsOf(findings[i], world)]));
  own.forEach((a, place) => {
    for (const b of own.slice(place + 1)) {
      if (findings[b].fromUs > findings[a].untilUs) break;
      const [of, other] = [seconds.get(a)!, seconds.get(b)!];
      const common = of.intersection(other).size;
      if (common >= TOGETHER * (of.size + other.size - common)) groups.join(a, b);
    }
  });
}

function secondsOf({ origins, fromUs, untilUs }: Finding, world: World): Set<number> {
  const [from, until] = [fromUs, untilUs].map((us) => (us - world.window.from) / 1000);
  const times = world.timesOf(origins![0]).filter((time) => time >= from && time <= until);
  return new Set(Array.from(times, (time) => Math.floor(time / TOGETHER_MS)));
}

function causeOf(members: readonly Finding[], world: World): Finding {
  const [first, ...rest] = members.toSorted((a, b) => score(b) - score(a));
  if (rest.length === 0) return first;
  const origins = [...new Set(members.flatMap(({ origins = [] }) => origins))];
  const kinds = [...new Set(rest.map(({ kind }) => kind))].filter((kind) => kind !== first.kind);
  const also = kinds.length > 0 ? `; also: ${kinds.join(", ")}` : "";
  if (origins.length < 2) return { ...first, sentence: first.sentence + also };
  const same = members.filter(({ kind }) => kind === first.kind);
  const sum = (of: (finding: Finding) => number) =>
    same.reduce((total, finding) => total + of(finding), 0);
  const [observed, expected] = [sum((f) => f.observed), sum((f) => f.expected)];
  const fromUs = Math.min(...same.map((f) => f.fromUs)),
    untilUs = Math.max(...same.map((f) => f.untilUs));
  const owner = world.origins[first.origins![0]].owner;
  const entity = owner ? `node ${owner}` : first.entity;
  const many = formatPlural(origins.length, owner ? "channel" : "origin");
  const where = origins.slice(0, MOST_LISTED).map((origin) => `(${world.origins[origin].where})`)
    .join(" OR ");
  const values = first.spark.values.map((_, i) => sum(({ spark }) => spark.values[i]));
  return {
    ...first,
    entity,
    fromUs,
    untilUs,
    observed,
    expected,
    effect: factor(observed, expected),
    sentence: `${entity}: ${first.kind} of ${many} at once, such as this: ${first.sentence}${also}`,
    evidence: receiptsSql(`(${where})`, fromUs, untilUs),
    spark: {
      ...first.spark,
      values,
      from: Math.min(...same.map(({ spark }) => spark.from)),
      to: Math.max(...same.map(({ spark }) => spark.to)),
      label: `messages of ${many} over the window`,
    },
    origins,
  };
}

/** Disjoint sets of the numbers below `size`. */
class Groups {
  readonly #parent: Int32Array;

  constructor(size: number) {
    this.#parent = Int32Array.from({ length: size }, (_, i) => i);
  }

  root(i: number): number {
    while (this.#parent[i] !== i) i = this.#parent[i] = this.#parent[this.#parent[i]];
    return i;
  }

  join(a: number, b: number): void {
    this.#parent[this.root(b)] = this.root(a);
  }

  members(): number[][] {
    return [...Map.groupBy(this.#parent.keys(), (i) => this.root(i)).values()];
  }
}
