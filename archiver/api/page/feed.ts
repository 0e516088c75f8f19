// One feed for all viewers of the live page: computed once a second while anyone watches, and sent to each as the same
// bytes. A viewer that does not keep up is dropped; its browser comes again.

import { firstLine } from "../../../shared/errors.ts";
import type { Clock } from "../../../shared/clock.ts";
import { logger } from "../../../shared/log.ts";
import { every } from "../../../shared/waiting.ts";
import type { QuerySet } from "../../analytics/config.ts";
import type { StatusSources } from "../../status/status.ts";
import type { Recent } from "./recent.ts";
import { type Survey, survey } from "./survey.ts";

const FRAME_MS = 1000;
/** How often the archive is surveyed; less often where that would take more than a tenth of the time. */
const SURVEY_MS = 3000;
const SURVEY_SHARE = 10;
/** Frames that may wait for one viewer. */
const MAX_WAITING_FRAMES = 8;
/** How soon a browser that lost the feed comes again. */
const RETRY_MS = 1000;
const US_PER_MS = 1000;
/** Messages whose types are read back after a start: some hours of new ones. */
const MAX_LEARNT = 65_536;

const log = logger("archiver", "live");

export interface FeedOptions {
  readonly maxViewers: number;
  readonly sets: readonly QuerySet[];
  /** Of the page's scripts: a page of another archiver's version loads itself anew. */
  readonly version: string;
}

export interface FeedDependencies {
  readonly recent: Recent;
  readonly sources: StatusSources;
  /** One line per problem. */
  readonly problems: () => string[];
  readonly clock: Clock;
}

type Viewer = ReadableStreamDefaultController<Uint8Array>;

/** The live feed as server-sent events. Disposing ends it for all viewers. */
export class Feed implements AsyncDisposable {
  refused = 0;
  dropped = 0;
  readonly #viewers = new Set<Viewer>();
  readonly #encoder = new TextEncoder();
  #stop = new AbortController();
  #closed = false;
  #loop: Promise<void> = Promise.resolve();
  #survey: Survey | null = null;
  #sent: Survey | null = null;
  #surveyFailure: string | null = null;
  #nextSurveyAt = -Infinity;
  #surveying: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: FeedOptions,
    private readonly dependencies: FeedDependencies,
  ) {}

  /** 0: there is no page. */
  get maxViewers(): number {
    return this.options.maxViewers;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** The feed for one more viewer; null when there are too many, or none may be had. */
  open(): ReadableStream<Uint8Array> | null {
    if (this.#closed || this.#viewers.size >= this.options.maxViewers) {
      this.refused++;
      return null;
    }
    let viewer: Viewer;
    return new ReadableStream({
      start: (controller) => {
        viewer = controller;
        this.#viewers.add(viewer);
        controller.enqueue(this.#encoder.encode(`retry: ${RETRY_MS}\n\n`));
        controller.enqueue(this.#frame(true));
        if (this.#viewers.size === 1) this.#begin();
      },
      cancel: () => this.#leave(viewer),
    }, new CountQueuingStrategy({ highWaterMark: MAX_WAITING_FRAMES }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const viewer of this.#viewers) {
      this.#leave(viewer);
      viewer.close();
    }
    await this.#loop;
    await this.#surveying;
  }

  #begin(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#lookUp();
    // After an earlier loop, which ends by itself: its last viewer left.
    this.#loop = this.#loop.then(() =>
      every(this.dependencies.clock, FRAME_MS, signal, () => this.#tick())
    );
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#stop.abort();
  }

  #tick(): void {
    this.#lookUp();
    const frame = this.#frame(false);
    this.#sent = this.#survey;
    for (const viewer of this.#viewers) {
      if ((viewer.desiredSize ?? 0) > 0) {
        viewer.enqueue(frame);
        continue;
      }
      this.dropped++;
      this.#leave(viewer);
      viewer.error(new Error("too slow"));
    }
  }

  /** @param whole for a new viewer; later frames have the seconds that changed. */
  #frame(whole: boolean): Uint8Array {
    const { recent, sources, problems } = this.dependencies;
    const { rates, spreads } = recent;
    const now = sources.now();
    rates.advance(Math.floor(now / 1_000_000));
    const data = {
      at: now,
      version: this.options.version,
      started_at: sources.counters.startedAt,
      viewers: this.#viewers.size,
      problems: problems(),
      last_receipt_at: sources.counters.lastReceiptAt,
      caught_up: rates.late,
      rates: whole ? rates.all() : rates.takeChanges(),
      spreads: spreads.list(),
      ...whole || this.#survey !== this.#sent ? { survey: this.#survey } : {},
      survey_failure: this.#surveyFailure,
    };
    return this.#encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
  }

  #lookUp(): void {
    const { clock, sources } = this.dependencies;
    const begun = clock.now();
    if (begun < this.#nextSurveyAt) return;
    this.#nextSurveyAt = Infinity;
    this.#surveying = (async () => {
      try {
        await this.#learn();
        this.#survey = await survey(sources, this.options.sets);
        this.#surveyFailure = null;
      } catch (error) {
        this.#surveyFailure = firstLine(error);
        log.debug("Cannot look up the live page's figures: {error}", {
          error: this.#surveyFailure,
        });
      }
      const pause = Math.max(SURVEY_MS * US_PER_MS, SURVEY_SHARE * (clock.now() - begun));
      this.#nextSurveyAt = begun + pause;
    })();
  }

  /** Types of messages that runs sent before this process began. */
  async #learn(): Promise<void> {
    const { recent, sources: { store } } = this.dependencies;
    for (const [collector, epoch] of recent.takeEarlier()) {
      // A collector's name has letters, digits and - only.
      const rows = await store.read(
        `SELECT n.number, m.type FROM message_numbers n JOIN hot_messages m ON m.message_id = n.message_id
        WHERE n.epoch_id = (SELECT e.epoch_id FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
          WHERE c.name = '${collector}' AND epoch_us(e.started_at) = ${epoch})
        ORDER BY n.number DESC LIMIT ${MAX_LEARNT}`,
      );
      for (const { number, type } of rows.reverse()) {
        recent.learn(collector, epoch, Number(number), Number(type));
      }
    }
  }
}
