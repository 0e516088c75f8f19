// One entry per cause: what several detectors, or one of them for many channels of a node, found of the same. Pure.

import { formatPlural } from "../format/numbers.ts";
import { type Finding, score } from "./detectors/finding.ts";
import { linked } from "./statistics/groups.ts";
import { originSubject, type World } from "./detectors/world.ts";

type Pair = readonly [number, number];

/** Messages of two origins in the same seconds: this share of them, of all, makes it one cause. */
const TOGETHER = 0.5;
const TOGETHER_MS = 10_000;
/** More bursts are not compared with each other by their seconds. */
const MOST_COMPARED = 2000;

/** Findings with one cause become one, the most remarkable of them first. */
export function mergeCauses(findings: readonly Finding[], world: World): Finding[] {
  const pairs = [
    ...findings.map((_, i): Pair => [i, i]),
    ...pairsBy(findings, ({ subject, kind }) => kind === "group" ? null : subject.name),
    ...pairsBy(findings, ({ kind, subject: { origins } }) => {
      const owner = origins?.length === 1 ? world.origins[origins[0]].owner : null;
      return owner && `${kind} ${owner}`;
    }),
    ...burstsTogether(findings, world),
  ];
  return linked(pairs).map((members) => causeOf(members.map((i) => findings[i]), world))
    .sort((a, b) => score(b) - score(a) || a.fromMs - b.fromMs);
}

/** Findings of equal keys that overlap in time; null has no equal. */
function* pairsBy(
  findings: readonly Finding[],
  keyOf: (finding: Finding) => string | null,
): Generator<Pair> {
  for (const [key, own] of Map.groupBy(inOrder(findings), (i) => keyOf(findings[i]))) {
    let untilMs = -Infinity;
    for (const [place, i] of own.entries()) {
      if (key !== null && findings[i].fromMs <= untilMs) yield [own[place - 1], i];
      untilMs = Math.max(untilMs, findings[i].untilMs);
    }
  }
}

function inOrder(findings: readonly Finding[]): number[] {
  return [...findings.keys()].sort((a, b) => findings[a].fromMs - findings[b].fromMs);
}

/** Bursts of channels whose announcements never came belong together by the seconds of their messages. */
function* burstsTogether(findings: readonly Finding[], world: World): Generator<Pair> {
  const own = inOrder(findings).filter((i) => findings[i].kind === "burst").slice(0, MOST_COMPARED);
  const seconds = new Map(own.map((i) => [i, secondsOf(findings[i], world)]));
  for (const [place, a] of own.entries()) {
    for (const b of own.slice(place + 1)) {
      if (findings[b].fromMs > findings[a].untilMs) break;
      const [of, other] = [seconds.get(a)!, seconds.get(b)!];
      if (of.intersection(other).size >= TOGETHER * of.union(other).size) yield [a, b];
    }
  }
}

function secondsOf({ subject, fromMs, untilMs }: Finding, world: World): Set<number> {
  const times = world.timesOf(subject.origins![0]).filter((time) =>
    time >= fromMs && time <= untilMs
  );
  return new Set(Array.from(times, (time) => Math.floor(time / TOGETHER_MS)));
}

function causeOf(members: readonly Finding[], world: World): Finding {
  const [first, ...rest] = members.toSorted((a, b) => score(b) - score(a));
  const others = new Map(rest.map(({ kind, text }) => [kind, text]));
  others.delete(first.kind);
  const text = [first.text, ...others.values()].join("; it also ");
  const same = members.filter(({ kind }) => kind === first.kind);
  const origins = [...new Set(same.flatMap(({ subject }) => subject.origins ?? []))];
  if (origins.length < 2) return { ...first, text };
  const sum = (of: "observed" | "expected") =>
    same.reduce((total, finding) => total + finding[of], 0);
  const owner = world.origins[first.subject.origins![0]].owner;
  return {
    ...first,
    subject: originSubject(world, origins, owner ? `node ${owner}` : first.subject.name),
    fromMs: Math.min(...same.map(({ fromMs }) => fromMs)),
    untilMs: Math.max(...same.map(({ untilMs }) => untilMs)),
    observed: sum("observed"),
    expected: sum("expected"),
    text:
      `has a ${first.kind} of ${
        formatPlural(origins.length, owner ? "channel" : "origin")
      } at once: ` +
      `${first.subject.name} ${text}`,
  };
}
