// What a spread amounts to: its class, its rank, and one sentence. Pure.

import { formatDuration, formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import type { Answer, SpreadClass } from "./answer.ts";
import type { FoundMessage } from "./find.ts";

/** Below it a message stayed among a few: in the run of 2025-09-26 a third of the messages reached 100 of 978 peers at most. */
const NARROW_SHARE = 0.15;
const BROAD_SHARE = 0.5;
/** A fast burst: at least these peers, three quarters of them within these seconds, before any 60 s timer is over. */
const BURST_PEERS = 5;
const BURST_SECONDS = 20;

/** What the words mean, for people. */
export const SPREAD_RULES: Readonly<Record<SpreadClass, string>> = {
  "fast burst":
    `${BURST_PEERS} peers or more, three quarters of them within ${BURST_SECONDS} s of first sight`,
  narrow: `under ${100 * NARROW_SHARE} % of the subscribed peers within an hour`,
  broad: `at least ${100 * BROAD_SHARE} % of the subscribed peers within an hour`,
  partial: "between narrow and broad",
  unheard: "no receipt that counts",
};

/** The class of a spread. @param atUs delays of the peers that delivered, ascending. */
export function spreadClass(subscribed: number, atUs: readonly number[]): SpreadClass {
  if (atUs.length === 0) return "unheard";
  const threeQuarters = atUs[Math.ceil(0.75 * atUs.length) - 1];
  if (atUs.length >= BURST_PEERS && threeQuarters <= BURST_SECONDS * 1e6) return "fast burst";
  const share = atUs.length / Math.max(subscribed, atUs.length);
  return share < NARROW_SHARE ? "narrow" : share < BROAD_SHARE ? "partial" : "broad";
}

/** When half of the subscribed peers had it, in seconds; null when they never did. @param atUs ascending. */
export function halfSeconds(subscribed: number, atUs: readonly number[]): number | null {
  const half = Math.max(1, Math.ceil(subscribed / 2));
  return atUs.length < half ? null : atUs[half - 1] / 1e6;
}

/** Percent of `others` that were sooner; those that never got there were not. */
export function slowerThan(half: number | null, others: readonly (number | null)[]): number | null {
  if (others.length === 0) return null;
  const sooner = others.filter((other) => other !== null && (half === null || other < half)).length;
  return Math.round(100 * sooner / others.length);
}

/** Whether a message may be its signer's: anyone can forge one that fails its check. */
export function mayBeSigned({ verdict }: Pick<FoundMessage, "verdict">): boolean {
  return verdict !== "invalid" && verdict !== "malformed";
}

/** The signed message with the latest own timestamp: a late copy of an old one is first seen later. @param messages the newest first. */
export function newestSigned(messages: readonly FoundMessage[]): FoundMessage | undefined {
  return messages.filter(mayBeSigned)
    .toSorted((a, b) => (b.ownTimestamp ?? 0) - (a.ownTimestamp ?? 0)).at(0);
}

/** What replaced a message, and which earlier one has the same content. @param messages all of a subject, in any order. */
export function history(
  message: FoundMessage,
  messages: readonly FoundMessage[],
): { supersededBy: FoundMessage | null; resignedFrom: FoundMessage | null } {
  const alike = messages.filter((other) =>
    other.id !== message.id && mayBeSigned(other) && other.type === message.type &&
    other.scid === message.scid &&
    other.direction === message.direction && other.nodeId === message.nodeId
  ).sort((a, b) => a.firstSeen - b.firstSeen || Number(a.id - b.id));
  const { ownTimestamp, innerId, firstSeen } = message;
  return {
    supersededBy:
      alike.find((other) =>
        ownTimestamp !== null && other.ownTimestamp !== null && other.ownTimestamp > ownTimestamp
      ) ?? null,
    resignedFrom:
      alike.findLast((other) =>
        innerId !== null && other.innerId === innerId && other.firstSeen <= firstSeen &&
        other.ownTimestamp !== ownTimestamp
      ) ?? null,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  channel_update: "update",
  node_announcement: "node announcement",
  channel_announcement: "channel announcement",
};

/** The answer in one sentence. */
export function sentence(answer: Omit<Answer, "sentence">): string {
  if (answer.is_dropped) return droppedSentence(answer);
  const { message, peers, compared, slower_than_percent: slower, archive_until: until } = answer;
  const word = WORDS[message.type] ?? message.type;
  const when = formatInstant(message.first_seen).slice(0, 16);
  const { subscribed, reached, half_seconds: half } = message;
  const spread = subscribed === 0
    ? "came when no peer was subscribed"
    : half === null
    ? `reached ${formatNumber(reached)} of ${formatPlural(subscribed, "peer")}, never half`
    : `reached half of ${formatPlural(subscribed, "peer")} in ${formatDuration(Math.round(half))}`;
  const ofDay = `of that day's ${word}s`;
  const others = `${slower} % ${ofDay}`;
  const rank = subscribed === 0 || slower === null
    ? ""
    : half === null
    ? `; ${others} reached half`
    : slower < 50
    ? `, at least as fast as ${100 - slower} % ${ofDay}`
    : `, slower than ${others}`;
  const parts = [`Your ${word} of ${when} ${spread}${rank}`];
  const never = peers.filter(({ state }) => state === "never").length;
  if (subscribed > 0) {
    parts.push(
      never === 0
        ? "no peer that stayed kept it back"
        : `${formatPlural(never, "peer")} never sent it`,
    );
  }
  const age = (until - message.first_seen) / 1e6;
  if (age < 600) {
    parts.push(`it was still spreading: the archive ends ${formatDuration(age)} later`);
  }
  if (compared > 0 && message.is_backlog) parts.push("it was backlog when first seen, no news");
  return `${parts.join("; ")}.`;
}

function droppedSentence({ message, whole_day: day }: Omit<Answer, "sentence">): string {
  const word = WORDS[message.type] ?? message.type;
  const when = formatInstant(message.first_seen).slice(0, 16);
  const half = day?.curve.find(({ percent }) => percent === 50)?.seconds;
  const spread = day === null || half === undefined
    ? "was no news, or its day has no summary"
    : `${day.is_reached_half ? "reached half of the peers" : "never reached half of the peers"}; ` +
      `half of those that sent it did so within ${formatDuration(half)}, slower than ` +
      `${day.slower_than_percent ?? 0} % of that day's ${word}s`;
  return `Your ${word} of ${when} ${spread}; the day's receipts are dropped.`;
}
