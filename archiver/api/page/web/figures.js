// What the frames of the feed say, as charts and tables.
import { Chart, grouped } from "./chart.js";
import { fill, setText, showEmpty } from "./table.js";

const SECONDS = 300;
const TYPES = ["other", "channel_announcement", "node_announcement", "channel_update"];
const TYPE_COLORS = ["slate", "green", "orange", "blue"];
const COLORS = ["blue", "orange", "green", "violet", "teal", "sand", "red", "slate"];
/** Rates in tables are means of so many whole seconds. */
const MEAN_SECONDS = 10;
const BEHIND_SECONDS = 60;
const WRONG_CLOCK_SECONDS = 1;

const byId = (id) => document.getElementById(id);
const sum = (list) => list.reduce((total, value) => total + value, 0);

export class Figures {
  #rates = new Chart(byId("rates"), { stacked: true, legend: true, time: true });
  #spreads = new Chart(byId("spreads"), { stacked: false, legend: false, time: false, x: "s" });
  #peers = new Chart(byId("peers"), { stacked: true, legend: true, time: true });
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
        values.forEach((count, i) => seconds.set(from + i, count));
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
    this.#drawProblems();
    if (this.#survey !== null) {
      this.#drawPeers();
      this.#drawFleet();
      this.#drawElsewhere();
      const isEmpty = this.#survey.collectors.length === 0 && this.#counts.size === 0;
      document.body.toggleAttribute("data-nothing", isEmpty);
    }
    this.#drawTiles();
    const { viewers } = this.#frame;
    setText(byId("viewers"), `${viewers} ${viewers === 1 ? "viewer" : "viewers"} now.`);
  }

  /** One sentence, which changes seldom: a screen reader reads it aloud. */
  summary() {
    const late = this.#survey?.collectors.filter((one) => one.late).length ?? 0;
    const problems = this.#frame.problems.length;
    const wrong = [late > 0 ? `${late} late` : "", problems > 0 ? `${problems} problems` : ""];
    return ["Live", ...wrong.filter((part) => part !== "")].join(" · ") +
      (late + problems === 0 ? " · all well" : "");
  }

  /** The last second that all of its receipts should have come of: batches take a moment. */
  #whole() {
    const { at, last_receipt_at: last } = this.#frame;
    return Math.floor(Math.min(at / 1e6 - 1, Math.max((last ?? 0) / 1e6 - 1, at / 1e6 - 10)));
  }

  #count(name, type, second) {
    return this.#counts.get(name)[type].get(second) ?? 0;
  }

  /** Peers held now; one that several collectors hold counts for each. */
  #held() {
    return sum((this.#survey?.collectors ?? []).map((one) => one.ended ? 0 : one.peers));
  }

  #mean(name, types) {
    const last = this.#whole();
    const seconds = Array.from({ length: MEAN_SECONDS }, (_, i) => last - i);
    return sum(types.map((type) => sum(seconds.map((s) => this.#count(name, type, s))))) /
      MEAN_SECONDS;
  }

  #drawRates() {
    const last = this.#whole();
    const seconds = Array.from({ length: SECONDS - 5 }, (_, i) => last - SECONDS + 6 + i);
    const names = [...this.#counts.keys()].sort();
    const all = TYPES.map((_, type) => type);
    const series = this.#by === "type"
      ? all.map((type) => ({
        name: TYPES[type],
        color: TYPE_COLORS[type],
        values: seconds.map((s) => sum(names.map((name) => this.#count(name, type, s)))),
      }))
      : names.map((name, i) => ({
        name,
        color: COLORS[i % COLORS.length],
        values: seconds.map((s) => sum(all.map((type) => this.#count(name, type, s)))),
      }));
    this.#rates.draw(seconds, series);
    const head = byId("rates-head");
    if (head.rows.length === 0) {
      const row = head.insertRow();
      for (const text of ["Collector", ...TYPES.slice(1), TYPES[0], "all"]) {
        const cell = row.appendChild(document.createElement("th"));
        cell.scope = "col";
        cell.textContent = text.replace("_", " ");
        if (text !== "Collector") cell.className = "number";
      }
    }
    const order = [1, 2, 3, 0];
    const active = names.filter((name) => this.#mean(name, all) > 0);
    const number = (value) => ({ text: grouped(value), kind: "number" });
    const rows = active.map((name) => [
      this.#by === "type" ? name : { text: name, key: COLORS[names.indexOf(name) % COLORS.length] },
      ...order.map((type) => number(this.#mean(name, [type]))),
      number(this.#mean(name, all)),
    ]);
    if (active.length > 1) {
      const total = (types) => number(sum(active.map((name) => this.#mean(name, types))));
      rows.push(["all", ...order.map((type) => total([type])), total(all)]);
    }
    fill(byId("rates-rows"), rows);
    const older = this.#caughtUp > 0
      ? `Catching up: ${grouped(this.#caughtUp)}/s from before.`
      : "";
    setText(byId("older"), older);
  }

  #drawSpreads() {
    const { spreads, at } = this.#frame;
    const held = this.#held();
    const shown = spreads.map((one) => ({ ...one, color: COLORS[one.number % COLORS.length] }));
    const x = [...new Set(shown.flatMap(({ points }) => points.map(([t]) => t)))].sort((a, b) =>
      a - b
    );
    const place = new Map(x.map((t, i) => [t, i]));
    const series = shown.map(({ about, color, points }, i) => {
      const values = Array(x.length).fill(null);
      for (const [t, peers] of points) values[place.get(t)] = peers;
      return { name: shortened(about), color, width: i === 0 ? 2.5 : 1.5, values };
    });
    this.#spreads.draw(x, series);
    fill(
      byId("spreads-rows"),
      shown.map(({ sha256, type, about, color, first_seen, peers, half_seconds }) => [
        {
          text: shortened(about),
          key: color,
          href: `/debug/messages/${sha256}`,
          title: `${type} ${about}`,
        },
        { text: span((at - first_seen) / 1e6), kind: "number" },
        { text: grouped(peers), kind: "number" },
        { text: held === 0 ? "–" : `${Math.round(100 * peers / held)} %`, kind: "number" },
        { text: span(half_seconds), kind: "number" },
      ]),
    );
  }

  #drawPeers() {
    const { peers, ends, at } = this.#survey;
    const minutes = Array.from({ length: 60 }, (_, i) => at / 1e6 - (59 - i) * 60);
    this.#peers.draw(
      minutes,
      peers.map(({ name, held }, i) => ({ name, color: COLORS[i % COLORS.length], values: held })),
    );
    fill(
      byId("ends-rows"),
      ends.map(({ by, reason, sessions }) => [
        by,
        { text: reason === "" ? "no reason given" : reason, kind: "wrap" },
        { text: grouped(sessions), kind: "number" },
      ]),
    );
  }

  #lag(collector) {
    const seconds = Math.max(
      0,
      ...[...this.#counts.get(collector.name) ?? []].flatMap((type) =>
        [...type].filter(([, count]) => count > 0).map(([second]) => second + 1)
      ),
    );
    const last = Math.max(seconds, Date.parse(collector.last_receipt_at ?? 0) / 1000);
    return last === 0 ? null : Math.max(this.#frame.at / 1e6 - last, 0);
  }

  #drawFleet() {
    const number = (value, isBad = false) => ({
      text: grouped(value),
      kind: isBad ? "number bad" : "number",
    });
    fill(
      byId("fleet-rows"),
      this.#survey.collectors.map((one) => {
        const lag = this.#lag(one);
        const all = TYPES.map((_, type) => type);
        const { clock, stalls } = one;
        const offset = clock?.offset_seconds ?? 0;
        return [
          one.name,
          {
            text: one.late ? "late" : one.ended ? "stopped" : "at work",
            kind: one.late ? "bad" : "",
          },
          number(this.#counts.has(one.name) ? this.#mean(one.name, all) : 0),
          {
            text: lag === null ? "–" : span(lag),
            kind: `number${lag > BEHIND_SECONDS && !one.ended ? " bad" : ""}`,
          },
          {
            text: one.target_peers
              ? `${grouped(one.peers)} of ${grouped(one.target_peers)}`
              : grouped(one.peers),
            kind: "number",
          },
          number(one.receipts),
          number(one.lost_receipts, one.lost_receipts > 0),
          number(one.missing_batches, one.missing_batches > 0),
          {
            text: clock === null
              ? "not measured"
              : `${milliseconds(offset)} ± ${milliseconds(clock.uncertainty_seconds)} ms`,
            kind: `number${
              clock === null || Math.abs(offset) >= WRONG_CLOCK_SECONDS ? " bad" : ""
            }`,
          },
          {
            text: stalls.count === 0 ? "none" : `${stalls.count}, ${span(stalls.seconds)} in all`,
            kind: "number",
          },
          one.version ?? "–",
        ];
      }),
    );
  }

  #drawElsewhere() {
    const { disk, reports } = this.#survey;
    const lines = [
      ["Archive", bytes(disk.archive_bytes)],
      ["Its log", bytes(disk.log_bytes)],
      ["Day files", bytes(disk.day_file_bytes)],
      ["Free", disk.free_bytes === null ? "not known" : bytes(disk.free_bytes)],
    ];
    const list = byId("disk");
    lines.forEach(([name, text], i) => {
      const line = list.children[i] ?? list.appendChild(document.createElement("div"));
      if (line.children.length === 0) {
        line.append(document.createElement("dt"), document.createElement("dd"));
      }
      setText(line.children[0], name);
      setText(line.children[1], text);
    });
    const links = byId("reports");
    if (links.dataset.shown !== JSON.stringify(reports)) {
      links.dataset.shown = JSON.stringify(reports);
      links.replaceChildren(...reports.map(({ set, window }) => {
        const link = document.createElement("a");
        link.href = `/reports/${encodeURIComponent(set)}/${encodeURIComponent(window)}/index.html`;
        link.textContent = `Report ${set}, ${window}`;
        const item = document.createElement("li");
        item.append(link);
        return item;
      }));
    }
    showEmpty("reports", reports.length === 0);
  }

  #drawProblems() {
    const { problems, survey_failure: failure } = this.#frame;
    const lines = failure === null
      ? problems
      : [...problems, `figures of the archive are old: ${failure}`];
    const list = byId("problems");
    list.hidden = lines.length === 0;
    while (list.children.length > lines.length) list.lastChild.remove();
    lines.forEach((line, i) =>
      setText(list.children[i] ?? list.appendChild(document.createElement("li")), line)
    );
  }

  #drawTiles() {
    const tile = (name, text) => setText(document.querySelector(`[data-tile="${name}"]`), text);
    const all = TYPES.map((_, type) => type);
    const { at, last_receipt_at: last } = this.#frame;
    const rate = grouped(sum([...this.#counts.keys()].map((name) => this.#mean(name, all))));
    tile("rate", rate);
    document.title = `${rate}/s · Gossip Observer`;
    tile("lag", last === null ? "–" : span((at - last) / 1e6));
    if (this.#survey === null) return;
    const { collectors, disk } = this.#survey;
    const late = collectors.filter((one) => one.late).length;
    tile("peers", grouped(this.#held()));
    tile("collectors", grouped(collectors.filter((one) => !one.ended).length));
    tile("late", late === 0 ? "collectors at work" : `collectors, ${late} late`);
    tile("receipts", compact(sum(collectors.map((one) => one.receipts))));
    tile("disk", bytes(disk.archive_bytes + disk.log_bytes + disk.day_file_bytes));
    tile("free", disk.free_bytes === null ? "on disk" : `on disk, ${bytes(disk.free_bytes)} free`);
  }
}

/** A node's id by its two ends. */
function shortened(name) {
  return name.length <= 24 ? name : `${name.slice(0, 10)}…${name.slice(-6)}`;
}

function span(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} d`;
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
