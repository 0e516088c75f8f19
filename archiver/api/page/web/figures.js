// What the frames of the feed say, as charts and tables.
import { Chart, grouped } from "./chart.js";
import { ALL, byName, Counts, sum, TYPES } from "./counts.js";
import { fillList, setText, Table } from "./table.js";

const TABLE_ORDER = [1, 2, 3, 0];
const TYPE_COLORS = ["slate", "green", "orange", "blue"];
const SHORT_TYPES = {
  channel_announcement: "channel",
  node_announcement: "node",
  channel_update: "update",
};
const COLORS = ["blue", "orange", "green", "violet", "teal", "sand", "red", "slate"];
/** Further problems are left to `/healthz`. */
const MAX_PROBLEMS = 6;
const BEHIND_SECONDS = 60;
const WRONG_CLOCK_SECONDS = 1;

const byId = (id) => document.getElementById(id);
/** A colour, and how often all were given before: what has had a colour already is drawn another way. */
const keyOf = (number) => ({
  color: COLORS[number % COLORS.length],
  round: Math.min(Math.floor(number / COLORS.length), 2),
});

export class Figures {
  #charts = {
    rates: new Chart(byId("rates"), { stacked: true, time: true }),
    spreads: new Chart(byId("spreads"), { stacked: false, time: false }),
    peers: new Chart(byId("peers"), { stacked: true, time: true }),
  };
  #tables = {
    rates: new Table(byId("rates-table"), [
      "Collector",
      ...TABLE_ORDER.map((type) => `${TYPES[type].replace("_", " ")}#`),
      "all#",
    ]),
    spreads: new Table(byId("spreads-table"), [
      ...["Message", "Age#", "Peers#", "Of peers held#", "Half after#"],
    ]),
    ends: new Table(byId("ends-table"), ["Ended by", "Reason", "Sessions#"]),
    fleet: new Table(byId("fleet-table"), [
      ...["Collector", "State", "Receipts/s#", "Lag#", "Peers#", "Receipts#", "Lost#"],
      ...["Missing batches#", "Clock#", "Stalls, last hour#", "Version"],
    ]),
  };
  #counts = new Counts();
  #frame = null;
  #survey = null;
  #by = "type";
  /** Receipts too old for the chart that came since the frame before. */
  #caughtUp = 0;

  constructor() {
    const choices = document.querySelectorAll("[data-by]");
    for (const choice of choices) {
      choice.onclick = () => {
        this.#by = choice.dataset.by;
        for (const each of choices) each.setAttribute("aria-pressed", String(each === choice));
        if (this.#frame !== null) this.#drawRates();
      };
    }
  }

  /** Takes a frame in; {@link draw} shows it. */
  note(frame) {
    this.#caughtUp = frame.caught_up - (this.#frame?.caught_up ?? frame.caught_up);
    this.#frame = frame;
    if (frame.survey) this.#survey = frame.survey;
    this.#counts.note(frame);
  }

  draw() {
    this.#drawRates();
    this.#drawSpreads();
    const { viewers } = this.#frame;
    const problems = this.#problems();
    const more = problems.length - MAX_PROBLEMS;
    const rest = more > 0 ? [{ text: `and ${more} more`, href: "/healthz" }] : [];
    fillList(byId("problems"), [...problems.slice(0, MAX_PROBLEMS), ...rest]);
    if (this.#survey !== null) {
      this.#drawPeers();
      this.#drawFleet();
      const isEmpty = this.#survey.collectors.length === 0 && this.#counts.names.length === 0;
      document.body.toggleAttribute("data-nothing", isEmpty);
    }
    this.#drawTiles();
    setText(byId("viewers"), `${counted(viewers, "viewer")} now.`);
  }

  /** What is amiss in a few words, which change seldom: a screen reader reads them aloud. */
  amiss() {
    const late = this.#late().length;
    const problems = this.#problems().length;
    return [late > 0 ? `${late} late` : "", problems > 0 ? counted(problems, "problem") : ""]
      .filter(Boolean).join(" · ");
  }

  #late() {
    return (this.#survey?.collectors ?? []).filter((one) => one.late);
  }

  #problems() {
    const { problems, survey_failure: failure } = this.#frame;
    return failure === null
      ? problems
      : [...problems, `figures of the archive are old: ${failure}`];
  }

  /** A collector has one colour in all charts and tables. */
  #keys() {
    const names = new Set([...this.#counts.names, ...this.#survey?.collectors.map(nameOf) ?? []]);
    return new Map([...names].sort(byName).map((name, i) => [name, keyOf(i)]));
  }

  #drawRates() {
    const { names } = this.#counts;
    const keys = this.#keys();
    const isByType = this.#by === "type";
    const parts = isByType
      ? ALL.map((type) => ({ name: TYPES[type], key: typeKey(type), names, types: [type] }))
      : names.map((name) => ({ name, key: keys.get(name), names: [name], types: ALL }));
    const { seconds, lines } = this.#counts.lines(parts);
    this.#charts.rates.draw(seconds, parts.map((part, i) => ({ ...part, values: lines[i] })));
    const active = names.filter((name) => this.#counts.mean([name]) > 0);
    const means = (of) =>
      [...TABLE_ORDER.map((type) => [type]), ALL].map((types) =>
        grouped(this.#counts.mean(of, types))
      );
    const rows = active.map((name) => [
      { text: name, key: isByType ? undefined : keys.get(name) },
      ...means([name]),
    ]);
    this.#tables.rates.fill(active.length > 1 ? [["all", ...means(active)], ...rows] : rows);
    const rate = grouped(this.#caughtUp);
    setText(byId("older"), this.#caughtUp > 0 ? `Catching up: ${rate}/s from before.` : "");
  }

  #drawSpreads() {
    const { spreads, at } = this.#frame;
    const held = this.#survey?.peers_held ?? 0;
    const times = new Set(spreads.flatMap(({ points }) => points.map(([t]) => t)));
    const x = [...times].sort((a, b) => a - b);
    const place = new Map(x.map((t, i) => [t, i]));
    const series = spreads.map(({ about, number, points }, i) => {
      const values = Array(x.length).fill(null);
      for (const [t, peers] of points) values[place.get(t)] = peers;
      return { name: about, key: keyOf(number % 16), width: i === 0 ? 2.5 : 1.5, values };
    });
    this.#charts.spreads.draw(x, series);
    this.#tables.spreads.fill(spreads.map((one) => [
      {
        text: `${SHORT_TYPES[one.type] ?? one.type} ${shortened(one.about)}`,
        key: keyOf(one.number % 16),
        href: `/where?name=${one.sha256}`,
        title: `${one.type} ${one.about}`,
      },
      span((at - one.first_seen) / 1e6),
      grouped(one.peers),
      held === 0 ? "–" : `${Math.round(100 * one.peers / held)} %`,
      span(one.half_seconds),
    ]));
  }

  #drawPeers() {
    const { peers, ends, reports, at } = this.#survey;
    const minutes = Array.from({ length: 60 }, (_, i) => at / 1e6 - (59 - i) * 60);
    const keys = this.#keys();
    const lines = peers.map(({ name, held }) => ({ name, key: keys.get(name), values: held }));
    this.#charts.peers.draw(minutes, lines);
    this.#tables.ends.fill(
      ends.map(({ by, reason, sessions }) => [by, reason || "no reason given", grouped(sessions)]),
    );
    const links = reports.map(({ set, window }) => ({
      text: `Report ${set}, ${window}`,
      href: `/reports/${encodeURIComponent(set)}/${encodeURIComponent(window)}/index.html`,
    }));
    const words = "No scheduled report yet (analytics: in the config)";
    fillList(byId("reports"), links.length > 0 ? links : [words]);
  }

  #lag({ name, last_receipt_at: archived }) {
    const recent = this.#counts.newest(name) ?? -1;
    const at = Math.max(recent + 1, Date.parse(archived ?? 0) / 1000);
    return at === 0 ? null : Math.max(this.#frame.at / 1e6 - at, 0);
  }

  #drawFleet() {
    const keys = this.#keys();
    this.#tables.fleet.fill(this.#survey.collectors.map((one) => {
      const { name, late, ended, peers, clock, stalls, target_peers: target } = one;
      const lag = this.#lag(one);
      const offset = clock?.offset_seconds ?? 0;
      const isWrong = clock === null || Math.abs(offset) >= WRONG_CLOCK_SECONDS;
      return [
        { text: name, key: keys.get(name) },
        { text: late ? "late" : ended ? "stopped" : "at work", bad: late },
        grouped(this.#counts.mean([name])),
        { text: lag === null ? "–" : span(lag), bad: lag > BEHIND_SECONDS && !ended },
        target ? `${grouped(peers)} of ${grouped(target)}` : grouped(peers),
        grouped(one.receipts),
        { text: grouped(one.lost_receipts), bad: one.lost_receipts > 0 },
        { text: grouped(one.missing_batches), bad: one.missing_batches > 0 },
        {
          text: clock === null
            ? "not measured"
            : `${milliseconds(offset)} ± ${milliseconds(clock.uncertainty_seconds)} ms`,
          bad: isWrong,
        },
        stalls.count === 0 ? "none" : `${stalls.count}, ${span(stalls.seconds)} in all`,
        one.version ?? "–",
      ];
    }));
  }

  #drawTiles() {
    const { at, last_receipt_at: last } = this.#frame;
    const rate = grouped(this.#counts.mean(this.#counts.names));
    document.title = `${rate}/s · Gossip Observer`;
    tile("rate", rate);
    tile("lag", last === null ? "–" : span((at - last) / 1e6));
    if (this.#survey === null) return;
    const { collectors, disk, peers_held: held } = this.#survey;
    const late = this.#late().length;
    const free = disk.free_bytes === null ? "not known" : bytes(disk.free_bytes);
    const stored = disk.archive_bytes + disk.log_bytes + disk.day_file_bytes;
    const running = collectors.filter((one) => !one.ended).length;
    tile("peers", grouped(held));
    tile("collectors", grouped(running));
    tile("late", late === 0 ? "collectors at work" : `collectors, ${late} late`);
    tile("receipts", compact(sum(collectors.map((one) => one.receipts))));
    tile("stored", bytes(stored));
    tile("on-disk", disk.free_bytes === null ? "on disk" : `on disk, ${free} free`);
    tile("archive", bytes(disk.archive_bytes));
    tile("log", bytes(disk.log_bytes));
    tile("days", bytes(disk.day_file_bytes));
    tile("free", free);
  }
}

const nameOf = ({ name }) => name;

function typeKey(type) {
  return { color: TYPE_COLORS[type], round: 0 };
}

function counted(count, what) {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function tile(name, text) {
  setText(document.querySelector(`[data-tile="${name}"]`), text);
}

/** A node's id by its two ends. */
function shortened(name) {
  return name.length <= 24 ? name : `${name.slice(0, 10)}…${name.slice(-6)}`;
}

function span(value) {
  const seconds = Math.max(value, 0);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  const [length, unit] = seconds < 172_800 ? [3600, "h"] : [86_400, "d"];
  return `${Math.round(seconds / length)} ${unit}`;
}

function milliseconds(seconds) {
  return grouped(Math.round(seconds * 10_000) / 10);
}

function compact(value) {
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 });
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  return `${Number((count / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
