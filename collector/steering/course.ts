// What a wish means for this collector: held against the same rules as its config.

import { parseWish, type Wish } from "../../shared/fleet/wish.ts";
import { UserError } from "../../shared/errors.ts";
import { formatNodeAddress, type NodeAddress, parseNodeAddress } from "../addresses/endpoint.ts";
import { AddressFault } from "../addresses/fault.ts";
import type { CollectorConfig } from "../config.ts";
import type { DialPolicy } from "../dial/connect.ts";
import { refusalOf } from "../peer/peer_choice.ts";

/** What to do from now on. Times in ms, instants µs since the Unix epoch. */
export interface Course extends Pick<CollectorConfig["peers"], "target" | "kinds"> {
  readonly rotateEveryMs?: number;
  readonly rotateShare: number;
  /** These alone; null: all that it knows. */
  readonly peers: readonly NodeAddress[] | null;
  readonly paused: boolean;
  readonly until: number;
}

/** The course of a config, and of a wish over it. */
export function courseOf({ peers }: CollectorConfig, wish?: Wish): Course {
  return {
    target: wish?.target ?? peers.target,
    kinds: wish?.kinds ?? peers.kinds,
    rotateEveryMs: wish?.rotate_every ?? peers.rotate_every,
    rotateShare: wish?.rotate_share ?? peers.rotate_share,
    peers: wish?.peers?.map((line) => parseNodeAddress(line)) ?? null,
    paused: wish?.paused ?? false,
    until: wish?.until ?? Infinity,
  };
}

/**
 * Reads a wish.
 * @param policy the collector's rules on what it dials.
 * @throws {UserError} in one line, when it is not a wish, or this collector cannot follow it.
 */
export function readCourse(text: string, config: CollectorConfig, policy: DialPolicy): Course {
  try {
    return courseIn(text, config, policy);
  } catch (error) {
    if (!(error instanceof UserError || error instanceof AddressFault)) throw error;
    // What it quotes came from outside.
    const line = error.message.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").replaceAll('"', "'");
    throw new UserError(line, { cause: error });
  }
}

function courseIn(text: string, config: CollectorConfig, policy: DialPolicy): Course {
  const read = parseWish(text);
  if ("fault" in read) throw new UserError(read.fault);
  const course = courseOf(config, read.wish);
  if (course.target === 0 && config.sources.length === 0) {
    throw new UserError("target: 0 — should be from 1, or use paused: true");
  }
  const { peers, kinds } = course;
  const refusals = (peers ?? []).map((peer) =>
    refusalOf(peer, { ...policy, kinds: new Set(kinds) }, config.peers.tor_share)
  );
  if (peers !== null && refusals.every((refusal) => refusal !== null)) {
    const first = formatNodeAddress(peers[0]);
    throw new UserError(`peers: none can be dialled, such as ${first}: ${refusals[0]}`);
  }
  return course;
}
