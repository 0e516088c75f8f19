// Steering: runs the fleet's wish over the config, keeps the last good one for the next start, and refuses what is wrong.

import { errorText, UserError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { MAX_REFUSAL, type Steering as Report } from "../../shared/nats/message.ts";
import { pause } from "../../shared/waiting.ts";
import type { CollectorConfig } from "../config.ts";
import type { DialPolicy } from "../dial/connect.ts";
import { type Course, courseOf, readCourse } from "./course.ts";

const LONGEST_SLEEP_MS = 3_600_000;

const log = logger("collector", "steering");

export interface SteeringDependencies {
  readonly config: CollectorConfig;
  /** Of the last good wish. */
  readonly path: string;
  readonly policy: DialPolicy;
  readonly clock: Clock;
  readonly apply: (course: Course) => void;
  /** After each change of {@link Steering.report}. */
  readonly onChange?: () => void;
}

/** A wish as the broker has it. */
export interface StoredWish {
  readonly revision: number;
  /** Null: there is none, or none any more. */
  readonly text: string | null;
}

/** Applies wishes until disposed of. */
export class Steering implements Disposable {
  #course: Course;
  #wish: StoredWish = { revision: 0, text: null };
  #refused: Report["refused"] = null;
  #timer = new AbortController();

  constructor(private readonly dependencies: SteeringDependencies) {
    this.#course = courseOf(dependencies.config);
  }

  /** What is run, for heartbeats. */
  get report(): Report {
    const { text, revision } = this.#wish;
    const { peers } = this.#course;
    return {
      revision: text === null ? null : revision,
      listed: peers && new Set(peers.map(({ nodeId }) => nodeId)).size,
      refused: this.#refused,
      paused: this.#isPaused,
    };
  }

  /** Takes up the wish of the last run, so that a start without the broker changes nothing. */
  restore(): void {
    const { path } = this.dependencies;
    try {
      const { revision, text } = JSON.parse(Deno.readTextFileSync(path));
      this.take({ revision: Number(revision), text: String(text) });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      log.warning("Ignoring the kept wish {path}: {error}", { path, error: errorText(error) });
    }
  }

  /** Takes up a wish, or refuses it; the same one again changes nothing. */
  take(wish: StoredWish): void {
    const { revision, text } = wish;
    const isKnown = text === this.#wish.text && revision === this.#wish.revision;
    if (isKnown ? this.#refused === null : revision === this.#refused?.revision) return;
    const { config, policy, onChange = () => {} } = this.dependencies;
    try {
      this.#course = text === null ? courseOf(config) : readCourse(text, config, policy);
      this.#wish = wish;
      this.#refused = null;
      this.#keep();
      log.info("Following wish {revision}: {course}", { revision, course: describe(this.#course) });
      this.#apply();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const reason = error.message.slice(0, MAX_REFUSAL);
      this.#refused = { revision, reason };
      log.warning("Refusing wish {revision}, going on as before: {reason}", { revision, reason });
    }
    onChange();
  }

  [Symbol.dispose](): void {
    this.#timer.abort();
  }

  get #isPaused(): boolean {
    return this.#course.paused || this.dependencies.clock.now() >= this.#course.until;
  }

  #apply(): void {
    const { apply } = this.dependencies;
    const course = this.#course;
    this.#timer.abort();
    this.#timer = new AbortController();
    apply(this.#isPaused ? { ...course, target: 0 } : course);
    if (!this.#isPaused && course.until !== Infinity) {
      void this.#pauseAt(course, this.#timer.signal);
    }
  }

  async #pauseAt({ until }: Course, signal: AbortSignal): Promise<void> {
    const { clock, onChange = () => {} } = this.dependencies;
    while (clock.now() < until) {
      const rest = Math.ceil((until - clock.now()) / 1000);
      if (!await pause(clock, Math.min(rest, LONGEST_SLEEP_MS), signal)) return;
    }
    log.info("Pausing: the wish's time is over");
    this.#apply();
    onChange();
  }

  #keep(): void {
    const { path } = this.dependencies;
    const { text } = this.#wish;
    try {
      if (text === null) return Deno.removeSync(path);
      Deno.writeTextFileSync(`${path}.new`, JSON.stringify(this.#wish), { mode: 0o600 });
      Deno.renameSync(`${path}.new`, path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      log.warning("Cannot keep the wish in {path}: {error}", { path, error: errorText(error) });
    }
  }
}

function describe({ target, kinds, peers, paused }: Course): string {
  if (paused) return "paused";
  const among = peers === null ? "all it knows" : `${peers.length} listed addresses`;
  return `${target} peers among ${among}, ${kinds.join(" ")}`;
}
