// Charts of the live page, drawn by uPlot (a script of its own): stacked areas over time, or curves.

const { uPlot } = globalThis;

const HEIGHT = 230;
const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };
/** Of lines, and of fills (as hex), by the round in which a colour is given. */
const DASHES = [undefined, [6, 3], [2, 3]];
const OPACITIES = ["66", "33", "11"];
/** Steps of axes: whole numbers. */
const STEPS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));

/** The palette's colour of this name, as the system's colour scheme has it now. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A chart in `root`, made anew when its series or the colour scheme change. */
export class Chart {
  #root;
  #options;
  #plot = null;
  #shape = "";
  #last = null;
  #values = [];

  /** @param options `stacked`: areas with a legend, else curves; `time`: x is an instant, else seconds. */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#shape = "";
      if (this.#last !== null) this.draw(...this.#last);
    });
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param series `{name, key: {color, round}, width, values}`; a null value leaves a gap. */
  draw(x, series) {
    this.#last = [x, series];
    this.#values = series.map(({ values }) => values);
    const lines = this.#options.stacked ? stacked(this.#values) : this.#values;
    const data = [x, ...lines];
    const shape = JSON.stringify(series.map(({ name, key, width }) => [name, key, width]));
    if (this.#plot !== null && shape === this.#shape) this.#plot.setData(data);
    else {
      this.#plot?.destroy();
      this.#shape = shape;
      this.#plot = new uPlot(this.#plotOptions(series), data, this.#root);
    }
    // A new plot sets its legend in a microtask of its own.
    queueMicrotask(() => this.#showLast());
  }

  #size() {
    return { width: Math.max(this.#root.clientWidth, 240), height: HEIGHT };
  }

  #plotOptions(series) {
    const { stacked, time } = this.#options;
    const family = getComputedStyle(document.body).fontFamily;
    const axis = { stroke: color("muted"), ticks: { show: false }, font: `12px ${family}` };
    const xText = (value) => time ? utc(value) : `${value} s`;
    const value = (_, _sum, at, i) => shown(i === null ? null : this.#values[at - 1][i]);
    return {
      ...this.#size(),
      legend: {
        show: stacked,
        markers: { dash: (_, i) => series[i - 1]?.key.round > 0 ? "dashed" : "solid" },
      },
      cursor: { show: stacked, y: false, drag: { x: false } },
      scales: { x: { time }, y: { range: (_, _min, max) => [0, Math.max(max * 1.08, 1)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 30,
          space: 70,
          ...time ? {} : { incrs: STEPS },
          values: (_, ticks) => ticks.map(xText),
        },
        {
          ...axis,
          grid: { stroke: color("line"), width: 1 },
          size: 56,
          incrs: STEPS,
          values: (_, ticks) => ticks.map(grouped),
        },
      ],
      bands: stacked ? series.slice(1).map((_, i) => ({ series: [i + 1, i + 2] })) : [],
      series: [
        { label: "UTC", value: (_, v) => v === null ? "–" : xText(v) },
        ...series.map(({ name, key, width = 1 }) => ({
          label: name,
          stroke: color(key.color),
          width,
          dash: DASHES[key.round],
          fill: stacked ? color(key.color) + OPACITIES[key.round] : undefined,
          points: stacked
            ? { show: false }
            : { show: true, size: 7, fill: color(key.color), filter: lastPoint },
          spanGaps: !stacked,
          value,
        })),
      ],
    };
  }

  /** Without a cursor on it the legend shows the last values. */
  #showLast() {
    const { cursor, data } = this.#plot;
    if (this.#options.stacked && (cursor.idx ?? null) === null) {
      this.#plot.setLegend({ idx: data[0].length - 1 });
    }
  }

  /** Arrow keys move the cursor: the legend shows its values, and a screen reader reads them. */
  #key(event) {
    const step = ARROWS[event.key];
    const plot = this.#plot;
    if (step === undefined || plot === null) return;
    event.preventDefault();
    const count = plot.data[0].length;
    const at = Math.min(Math.max((plot.cursor.idx ?? count - 1) + step, 0), count - 1);
    plot.setCursor({ left: plot.valToPos(plot.data[0][at], "x"), top: 0 });
    const values = plot.series.slice(1).map(({ label }, i) =>
      `${label} ${shown(this.#values[i][at])}`
    );
    this.#root.setAttribute("aria-valuetext", [utc(plot.data[0][at]), ...values].join(", "));
  }
}

/** A curve has a dot where it has got to. */
function lastPoint(plot, series) {
  const last = plot.data[series].findLastIndex((value) => value !== null);
  return last === -1 ? null : [last];
}

/** Sums from the last series up, so that the first one is on top of all. */
function stacked(lines) {
  const sums = [];
  for (let i = lines.length - 1; i >= 0; i--) {
    const below = sums[0];
    sums.unshift(lines[i].map((value, k) => value === null ? null : value + (below?.[k] ?? 0)));
  }
  return sums;
}

function utc(seconds) {
  const text = new Date(seconds * 1000).toISOString();
  return text.slice(11, seconds % 60 === 0 ? 16 : 19);
}

function shown(value) {
  return value === null ? "–" : grouped(value);
}

export function grouped(value) {
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 })
    .replace("-", "−");
}
