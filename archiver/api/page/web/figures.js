// What the frames of the feed say, as charts and tables.
import { Chart, grouped } from "./chart.js";
import { fillList, setText, Table } from "./table.js";

const SECONDS = 300;
const TYPES = ["other", "channel_announcement", "node_announcement", "channel_update"];
const ALL = [0, 1, 2, 3];
const TABLE_ORDER = [1, 2, 3, 0];
const TYPE_COLORS = ["slate", "green", "orange", "blue"];
const COLORS = ["blue", "orange", "green", "violet", "teal", "sand", "red", "slate"];
/** Rates in tables are means over this many whole seconds. */
const MEAN_SECONDS = 10;
const BEHIND_SECONDS = 60;
const WRONG_CLOCK_SECONDS = 1;

const byId = (id) => document.getElementById(id);
const sum = (list) => list.reduce((total, value) => total + value, 0);
const colorOf = (number) => COLORS[number % COLORS.length];

export class Figures {
  #charts = {
    rates: new Chart(byId("rates"), { stacked: true, legend: true, time: true }),
    spreads: new Chart(byId("spreads"), { stacked: false, legend: false, time: false, x: "s" }),
    peers: new Chart(byId("peers"), { stacked: true, legend: true, time: true }),
  };
  #tables = {
    rates: new Table(byId("rates-table"), [
      "Collector",
      ...TABLE_ORDER.map((type) => `${TYPES[type].replace("_", " ")}#`),
      "all#",
    ]),
    spreads: new Table(byId("spreads-table"), [
      ...["Message", "Age#", "Peers#", "Of those held#", "Half by#"],
    ]),
    ends: new Table(byId("ends-table"), ["Ended by", "Reason", "Sessions#"]),
    fleet: new Table(byId("fleet-table"), [
      ...["Collector", "State", "Receipts/s#", "Lag#", "Peers#", "Receipts#", "Lost#"],
      ...["Missing batches#", "Clock offset#", "Stalls, last hour#", "Version"],
    ]),
  };
  /** By collector and type: counts by second. */
  #counts = new Map();
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
    const { from, counts } = frame.rates;
    for (const [name, types] of Object.entries(counts)) {
      if (!this.#counts.has(name)) this.#counts.set(name, TYPES.map(() => new Map()));
      types.forEach((values, type) => {
        const seconds = this.#counts.get(name)[type];
        // An archiver that was started again no longer knows what came before.
        values.forEach((count, i) =>
          seconds.set(from + i, Math.max(count, seconds.get(from + i) ?? 0))
        );
        for (const second of seconds.keys()) {
          if (second > frame.at / 1e6 - SECONDS) break;
          seconds.delete(second);
        }
      });
    }
  }

  draw() {
    this.#drawRates();
    this.#drawSpreads();
    const { viewers, problems, survey_failure: failure } = this.#frame;
    const old = failure === null ? [] : [`figures of the archive are old: ${failure}`];
    fillList(byId("problems"), [...problems, ...old]);
    if (this.#survey !== null) {
      this.#drawPeers();
      this.#drawFleet();
      const isEmpty = this.#survey.collectors.length === 0 && this.#counts.size === 0;
      document.body.toggleAttribute("data-nothing", isEmpty);
    }
    this.#drawTiles();
    setText(byId("viewers"), `${viewers} ${viewers === 1 ? "viewer" : "viewers"} now.`);
  }

  /** One sentence, which changes seldom: a screen reader reads it aloud. */
  summary() {
    const late = this.#survey?.collectors.filter((one) => one.late).length ?? 0;
    const problems = this.#frame.problems.length;
    const wrong = [late > 0 ? `${late} late` : "", problems > 0 ? `${problems} problems` : ""];
    return ["Live", ...late + problems > 0 ? wrong.filter(Boolean) : ["all well"]].join(" · ");
  }

  /** The last second that all of its receipts should have come of: batches take a moment. */
  #whole() {
    const { at, last_receipt_at: last } = this.#frame;
    return Math.floor(Math.min(at / 1e6 - 1, Math.max((last ?? 0) / 1e6 - 1, at / 1e6 - 10)));
  }

  /** Receipts of some types in one second. */
  #count(name, types, second) {
    const counts = this.#counts.get(name);
    return counts === undefined ? 0 : sum(types.map((type) => counts[type].get(second) ?? 0));
  }

  #mean(names, types) {
    const last = this.#whole();
    const seconds = Array.from({ length: MEAN_SECONDS }, (_, i) => last - i);
    const counts = names.map((name) => sum(seconds.map((s) => this.#count(name, types, s))));
    return sum(counts) / MEAN_SECONDS;
  }

  /** Peers held now; one that several collectors hold counts for each. */
  #held() {
    return sum((this.#survey?.collectors ?? []).map((one) => one.ended ? 0 : one.peers));
  }

  #drawRates() {
    const last = this.#whole();
    const seconds = Array.from({ length: SECONDS - 5 }, (_, i) => last - SECONDS + 6 + i);
    const names = [...this.#counts.keys()].sort();
    const line = (of, types) => seconds.map((s) => sum(of.map((n) => this.#count(n, types, s))));
    const series = this.#by === "type"
      ? ALL.map((type) => ({
        name: TYPES[type],
        color: TYPE_COLORS[type],
        values: line(names, [type]),
      }))
      : names.map((name, i) => ({ name, color: colorOf(i), values: line([name], ALL) }));
    this.#charts.rates.draw(seconds, series);
    const active = names.filter((name) => this.#mean([name], ALL) > 0);
    const means = (of) =>
      [...TABLE_ORDER.map((type) => [type]), ALL].map((types) => grouped(this.#mean(of, types)));
    const key = (name) => this.#by === "type" ? undefined : colorOf(names.indexOf(name));
    const rows = active.map((name) => [{ text: name, key: key(name) }, ...means([name])]);
    this.#tables.rates.fill(active.length > 1 ? [...rows, ["all", ...means(active)]] : rows);
    const rate = grouped(this.#caughtUp);
    setText(byId("older"), this.#caughtUp > 0 ? `Catching up: ${rate}/s from before.` : "");
  }

  #drawSpreads() {
    const { spreads, at } = this.#frame;
    const held = this.#held();
    const times = new Set(spreads.flatMap(({ points }) => points.map(([t]) => t)));
    const x = [...times].sort((a, b) => a - b);
    const place = new Map(x.map((t, i) => [t, i]));
    const series = spreads.map(({ about, number, points }, i) => {
      const values = Array(x.length).fill(null);
      for (const [t, peers] of points) values[place.get(t)] = peers;
      return { name: about, color: colorOf(number), width: i === 0 ? 2.5 : 1.5, values };
    });
    this.#charts.spreads.draw(x, series);
    this.#tables.spreads.fill(spreads.map((one) => [
      {
        text: shortened(one.about),
        key: colorOf(one.number),
        href: `/debug/messages/${one.sha256}`,
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
    const lines = peers.map(({ name, held }, i) => ({ name, color: colorOf(i), values: held }));
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
    const last = this.#whole() + 2;
    const recent = Array.from({ length: SECONDS }, (_, i) => last - i)
      .find((second) => this.#count(name, ALL, second) > 0) ?? -1;
    const at = Math.max(recent + 1, Date.parse(archived ?? 0) / 1000);
    return at === 0 ? null : Math.max(this.#frame.at / 1e6 - at, 0);
  }

  #drawFleet() {
    this.#tables.fleet.fill(this.#survey.collectors.map((one) => {
      const { name, late, ended, peers, clock, stalls, target_peers: target } = one;
      const lag = this.#lag(one);
      const offset = clock?.offset_seconds ?? 0;
      const isWrong = clock === null || Math.abs(offset) >= WRONG_CLOCK_SECONDS;
      return [
        name,
        { text: late ? "late" : ended ? "stopped" : "at work", bad: late },
        grouped(this.#mean([name], ALL)),
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
    const rate = grouped(this.#mean([...this.#counts.keys()], ALL));
    document.title = `${rate}/s · Gossip Observer`;
    tile("rate", rate);
    tile("lag", last === null ? "–" : span((at - last) / 1e6));
    if (this.#survey === null) return;
    const { collectors, disk } = this.#survey;
    const late = collectors.filter((one) => one.late).length;
    const free = disk.free_bytes === null ? "not known" : bytes(disk.free_bytes);
    const stored = disk.archive_bytes + disk.log_bytes + disk.day_file_bytes;
    tile("peers", grouped(this.#held()));
    tile("collectors", grouped(collectors.filter((one) => !one.ended).length));
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

function tile(name, text) {
  setText(document.querySelector(`[data-tile="${name}"]`), text);
}

/** A node's id by its two ends. */
function shortened(name) {
  return name.length <= 24 ? name : `${name.slice(0, 10)}…${name.slice(-6)}`;
}

function span(seconds) {
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
