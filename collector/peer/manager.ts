import type { DialOutcome, DialOutcomes } from "../../shared/batch/batch.ts";
import type { Network } from "../../shared/bolt/chains.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { type Random, shuffled } from "../../shared/random.ts";
import { every, pause } from "../../shared/waiting.ts";
import type { AddressBook } from "../addresses/address_book.ts";
import { formatNodeAddress, type NodeAddress } from "../addresses/endpoint.ts";
import type { GossipService } from "../gossip/service.ts";
import { GraphSync, type GraphSyncCounts } from "../gossip/queries/graph_sync.ts";
import type { BadMessage } from "../gossip/verifier.ts";
import type { ReceiptSink } from "../receipt/recorder.ts";
import { ConnectFault, type DialPolicy } from "../dial/connect.ts";
import { type Backoff, type Cause, CAUSES, releaseOutcomeOf } from "./backoff.ts";
import { type ControlCounts, noControlCounts } from "./control.ts";
import { DialTally, outcomeBeforeInit, outcomeOfDial, reportDials } from "./dial_outcomes.ts";
import { dial, DialFault, type Dialled } from "./dialer.ts";
import { Meter } from "../meter.ts";
import { zeros } from "../zeros.ts";
import { Session, type SessionEnd } from "./session.ts";

export interface ManagerOptions {
  readonly privateKey: Uint8Array;
  readonly network: Network;
  readonly target: number;
  readonly dialsPerSecond: number;
  /** Connections between dial and end of init. */
  readonly maxPending: number;
  /** Peers asked for all they have. */
  readonly bootstrap: number;
  /** Peers per round of graph sync; 3 by default. */
  readonly syncPeers?: number;
  /** From the end of one round to the next; 6 hours by default. */
  readonly syncEveryMs?: number;
  /** How far back the other peers are asked. */
  readonly lookbackMs: number;
  /** Name lookup, TCP and proxy together. */
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly initTimeoutMs: number;
  /** Never by default. */
  readonly rotateEveryMs?: number;
  /** Of the connected peers, 0 to 1. */
  readonly rotateShare?: number;
}

export interface ManagerDependencies {
  readonly book: AddressBook;
  readonly policy: DialPolicy;
  readonly gossip: GossipService;
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: ReceiptSink;
  /** Whether more peers are being looked for. */
  readonly isSeeking?: () => boolean;
  /** Every minute. */
  readonly onDials?: (event: DialOutcomes) => void;
  readonly backoff?: Backoff;
}

export interface PeerCounts {
  /** Init done, filter sent. */
  readonly connected: number;
  /** Dialling, or before the end of init. */
  readonly pending: number;
  readonly dials: number;
  readonly outcomes: Readonly<Record<DialOutcome, number>>;
  readonly ended: Readonly<Record<Cause, number>>;
  readonly control: Readonly<ControlCounts>;
  /** Sessions that the peer ended right after an answer of ours. */
  readonly cutAfterAnswer: number;
}

/** Kept that long, a peer's earlier failures are cleared. */
const WORKED_US = 300_000_000;
/** LND takes that long to send a whole graph at 50 KiB/s; then no successor is needed. */
const BOOTSTRAPPED_US = 900_000_000;
/** Within what timers can do. */
const MAX_WAIT_MS = 3_600_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
const SYNC_TICK_MS = 1000;
const STOPPED: SessionEnd = { by: "us", reason: "the collector stopped", cause: "lost" };
const STEERED: SessionEnd = { by: "us", reason: "not wanted any more", cause: "steered" };
const ROTATED: SessionEnd = { by: "us", reason: "rotated out", cause: "rotated" };
/** Per hour: trouble on our side concerns many peers alike. */
const OUR_SIDE_WARNINGS = 5;
/** Per hour, too. */
const BAN_WARNINGS = 5;
/** LND checks an answer and cuts its peer off in a fraction of a second. */
const BANNED_WITHIN_US = 5_000_000;
const HOUR_US = 3_600_000_000;
/** For the uplink's connection, files of the spool, the graph and the book, and questions to DNS. */
const SPARE_DESCRIPTORS = 16;
const NO_DESCRIPTOR: SessionEnd = { by: "us", reason: "out of descriptors", cause: "our_side" };

const log = logger("collector", "peer");

/** Keeps the target number of peers connected: dials, replaces what is lost, spares what failed. */
export class PeerManager {
  #rotating = new AbortController();
  readonly #sync: GraphSync;
  readonly #attempts = new Set<Promise<void>>();
  readonly #sessions = new Set<Session>();
  readonly #byNumber = new Map<number, Session>();
  readonly #control = noControlCounts();
  readonly #ended = zeros(CAUSES);
  readonly #tally: DialTally;
  #dials = 0;
  /** Bootstrap peers that are connected or stayed long enough. */
  #bootstraps = 0;
  readonly #ourSide = new Meter(OUR_SIDE_WARNINGS, HOUR_US);
  readonly #banWarnings = new Meter(BAN_WARNINGS, HOUR_US);
  #cutAfterAnswer = 0;
  /** As many as our descriptors allow. */
  #mostPeers = Infinity;
  #hadContact = false;
  #bug: unknown;
  #wake: () => void = () => {};

  constructor(private options: ManagerOptions, private readonly dependencies: ManagerDependencies) {
    this.#sync = this.#newSync();
    this.#tally = new DialTally(dependencies.clock.now());
  }

  get counts(): PeerCounts {
    return {
      connected: this.#byNumber.size,
      pending: this.#attempts.size - this.#byNumber.size,
      dials: this.#dials,
      outcomes: { ...this.#tally.totals },
      ended: { ...this.#ended },
      control: { ...this.#control },
      cutAfterAnswer: this.#cutAfterAnswer,
    };
  }

  get target(): number {
    return this.options.target;
  }

  /** Changes what is wanted, at once: sessions past the target, or that the book no longer wants, end. */
  steer(
    { target, rotateEveryMs, rotateShare }: Pick<
      ManagerOptions,
      "target" | "rotateEveryMs" | "rotateShare"
    >,
  ): void {
    this.options = { ...this.options, target, rotateEveryMs, rotateShare };
    this.#rotating.abort();
    const { book, random } = this.dependencies;
    const [wanted, unwanted] = [true, false].map((is) =>
      [...this.#sessions].filter(({ peer }) => book.isWanted(peer) === is)
    );
    const surplus = shuffled(wanted, random).slice(target);
    for (const session of [...unwanted, ...surplus]) session.end(STEERED);
    this.#wake();
  }

  get syncCounts(): GraphSyncCounts {
    return this.#sync.counts;
  }

  blame(bad: BadMessage): void {
    this.#byNumber.get(bad.source)?.blame(bad);
  }

  /** Call after adding addresses. */
  lookAgain(): void {
    if (this.#hasRoom()) this.#wake();
  }

  /** Runs until the signal aborts, then ends all sessions. Throws only on a bug. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, book } = this.dependencies;
    const onAbort = () => this.#wake();
    signal.addEventListener("abort", onAbort, { once: true });
    // Ends upkeep also when a bug ends the run.
    const done = new AbortController();
    const running = AbortSignal.any([signal, done.signal]);
    const { onDials = () => {}, isSeeking = () => false } = this.dependencies;
    const upkeep = [
      this.#rotate(running),
      every(clock, SYNC_TICK_MS, running, () => this.#sync.tick()),
      reportDials(this.#tally, clock, running, onDials),
    ];
    try {
      while (!signal.aborted && this.#bug === undefined) {
        const now = clock.now();
        const peer = this.#hasRoom() ? book.take(now) : undefined;
        if (peer) {
          this.#begin(peer, signal);
          await pause(clock, 1000 / this.options.dialsPerSecond, signal);
        } else {
          const due = book.soonest();
          const isAlone = due === Infinity && this.#attempts.size === 0 && !isSeeking();
          if (isAlone && this.options.target > 0) {
            log.error("No peer is left: none of those known can be dialled again in this run");
          }
          await this.#change(this.#hasRoom() ? due - now : Infinity);
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      for (const session of this.#sessions) session.end(STOPPED);
      done.abort();
      await Promise.all([...this.#attempts, ...upkeep]);
    }
    if (this.#bug !== undefined) throw this.#bug;
  }

  #hasRoom(): boolean {
    const { target, maxPending } = this.options;
    return this.#attempts.size < Math.min(target, this.#mostPeers) &&
      this.#attempts.size - this.#byNumber.size < maxPending;
  }

  async #change(microseconds: number): Promise<void> {
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    const milliseconds = Math.min(microseconds / 1000, MAX_WAIT_MS);
    await pause(this.dependencies.clock, milliseconds, waiting.signal);
  }

  /** Rotates a share of the peers out, while others can take their place. */
  async #rotate(signal: AbortSignal): Promise<void> {
    const { clock, random, book } = this.dependencies;
    while (!signal.aborted) {
      this.#rotating = new AbortController();
      const { rotateEveryMs, rotateShare = 0 } = this.options;
      const either = AbortSignal.any([signal, this.#rotating.signal]);
      const isDue = await pause(clock, Math.min(rotateEveryMs ?? Infinity, MAX_TIMER_MS), either);
      if (!isDue || rotateEveryMs === undefined) continue;
      if (book.soonest() > clock.now()) continue;
      const open = shuffled([...this.#byNumber.values()], random);
      const leaving = open.slice(0, Math.ceil(open.length * rotateShare));
      log.info("Rotating out {count} peers", { count: leaving.length });
      for (const session of leaving) session.end(ROTATED);
    }
  }

  /** Any peer may be asked for what the graph lacks: bootstrap peers leave some day. */
  #newSync(): GraphSync {
    const { gossip, clock, sink } = this.dependencies;
    const { graph, ledger } = gossip;
    const { syncPeers, syncEveryMs } = this.options;
    return new GraphSync({
      view: graph.view,
      chain: graph.chain,
      clock,
      ledger,
      peers: syncPeers,
      roundSeconds: syncEveryMs === undefined ? undefined : syncEveryMs / 1000,
      send: (session, raw) => this.#byNumber.get(session)?.say(raw),
      onAsked: (session, until) => sink.asked(session, until),
      onNamed: (scids, askedAt) => gossip.named(scids, askedAt),
    });
  }

  #begin(peer: NodeAddress, signal: AbortSignal): void {
    this.#dials++;
    const attempt = this.#attempt(peer, signal)
      .catch((error) => {
        this.#bug ??= error;
      })
      .finally(() => {
        this.#attempts.delete(attempt);
        this.#wake();
      });
    this.#attempts.add(attempt);
  }

  async #attempt(peer: NodeAddress, signal: AbortSignal): Promise<void> {
    const { clock, random, policy } = this.dependencies;
    let link: Dialled;
    try {
      const { privateKey, connectTimeoutMs, handshakeTimeoutMs } = this.options;
      link = await dial(peer, {
        ...policy,
        privateKey,
        clock,
        random,
        signal,
        timeoutMs: connectTimeoutMs,
        handshakeTimeoutMs,
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof DialFault)) throw error;
      this.#tally.add(outcomeOfDial(error), peer.end.kind);
      const { cause } = error;
      if (cause instanceof ConnectFault && cause.code === "exhausted") this.#leaveDescriptors();
      this.#release(peer, { by: "network", reason: error.message, cause: error.code }, -Infinity);
      return;
    }
    await this.#hold(link, signal);
  }

  /** Gives up some peers, so that the uplink, the spool and DNS find descriptors. */
  #leaveDescriptors(): void {
    const { size } = this.#attempts;
    // An earlier call is still at work.
    if (size > this.#mostPeers) return;
    const most = Math.max(1, size - 1 - SPARE_DESCRIPTORS);
    this.#mostPeers = most;
    log.warning(
      "Out of file descriptors: keeping {most} peers of {target}; raise the limit (LimitNOFILE= of the unit, or ulimit -n)",
      { most, target: this.options.target },
    );
    for (const session of [...this.#sessions].slice(most)) session.end(NO_DESCRIPTOR);
  }

  async #hold(link: Dialled, signal: AbortSignal): Promise<void> {
    const { book, clock, random, sink, gossip } = this.dependencies;
    const { network, initTimeoutMs, lookbackMs, bootstrap } = this.options;
    const bootstraps = this.#bootstraps < bootstrap;
    if (bootstraps) this.#bootstraps++;
    let openedAt = Infinity;
    const session = new Session(link, {
      network,
      filterFirst: bootstraps ? 0 : Math.floor((clock.now() / 1000 - lookbackMs) / 1000),
      initTimeoutMs,
      clock,
      random,
      sink,
      counts: this.#control,
      answerer: gossip.answerer,
      onMessage: (raw) => this.#sync.receive(session.number, raw),
      onOpen: (features) => {
        openedAt = clock.now();
        this.#hadContact = true;
        this.#tally.add("connected", link.peer.end.kind);
        this.#byNumber.set(session.number, session);
        this.#sync.opened(session.number, features, bootstraps);
        book.worked(link.peer, openedAt);
        log.debug("{peer} connected", { peer: formatNodeAddress(link.peer) });
        this.#wake();
      },
    });
    this.#sessions.add(session);
    if (signal.aborted) session.end(STOPPED);
    else if (!book.isWanted(link.peer) || this.#sessions.size > this.options.target) {
      session.end(STEERED);
    }
    const end = await session.run().finally(() => {
      this.#sessions.delete(session);
      this.#byNumber.delete(session.number);
      this.#sync.closed(session.number);
    });
    if (session.number < 0 && !signal.aborted) {
      this.#tally.add(outcomeBeforeInit(end.cause), link.peer.end.kind);
    }
    const now = clock.now();
    if (end.by !== "us" && now - session.answeredAt < BANNED_WITHIN_US) this.#suspectBan(link, now);
    const lasted = now - openedAt;
    if (bootstraps && lasted < BOOTSTRAPPED_US) this.#bootstraps--;
    if (!signal.aborted) this.#release(link.peer, end, lasted);
  }

  #suspectBan({ peer }: Dialled, now: number): void {
    this.#cutAfterAnswer++;
    log[this.#banWarnings.spend(1, now) ? "warning" : "debug"](
      "{peer} ended the session right after our answer: it may count closed channels against us",
      { peer: formatNodeAddress(peer) },
    );
  }

  /** Gives a peer back; a repeated failure is logged once. @param lasted µs connected; below 0 when never. */
  #release(peer: NodeAddress, end: SessionEnd, lasted: number): void {
    const { by, reason } = end;
    // Without any peer left, it is likelier the network that went away than each of them.
    const isCutOff = this.#hadContact && this.#byNumber.size === 0;
    const cause = end.cause === "unreachable" && isCutOff ? "our_side" : end.cause;
    const { book, clock, random, backoff } = this.dependencies;
    const now = clock.now();
    const outcome = releaseOutcomeOf(cause, reason, lasted >= WORKED_US, random, backoff);
    const failures = book.release(peer, outcome, now);
    this.#ended[cause]++;
    const level = this.#levelOf(cause, failures, now);
    const line = lasted >= 0 ? "{peer} disconnected: {reason}" : "{peer} not connected: {reason}";
    log[level](line, { peer: formatNodeAddress(peer), reason, by, cause, failures });
  }

  #levelOf(cause: Cause, failures: number, now: number): "warning" | "info" | "debug" {
    if (cause === "misbehaved") return "warning";
    if (cause === "our_side") return this.#ourSide.spend(1, now) ? "warning" : "debug";
    return failures === 1 ? "info" : "debug";
  }
}
