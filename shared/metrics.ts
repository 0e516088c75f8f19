// Metrics of a program for Prometheus, each read as it is asked for.

import { Counter, Gauge, Registry } from "prom-client";

/** One value, or one per value of a label. */
export type MetricValue = number | Readonly<Record<string, number>> | ReadonlyMap<string, number>;

/** What a metric means, how to read it, and its label if it has one. */
export type Metric = readonly [help: string, value: () => MetricValue, label?: string];

/** Metrics by name, without the program's prefix. */
export type MetricTable = Readonly<Record<string, Metric>>;

/** The metrics of a program, whose names begin with `prefix`. */
export class Metrics {
  readonly registry: Registry = new Registry();

  constructor(readonly prefix: string) {}

  /** Values that go up and down. */
  gauges(table: MetricTable): void {
    for (const [name, metric] of Object.entries(table)) this.#define(Gauge, name, metric);
  }

  /** Values that only grow; their names end in `_total`. */
  counters(table: MetricTable): void {
    for (const [name, metric] of Object.entries(table)) {
      this.#define(Counter, `${name}_total`, metric);
    }
  }

  /** A gauge that is set by hand, with several labels. */
  gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    return new Gauge({ name: this.prefix + name, help, labelNames, registers: [this.registry] });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All of them in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #define(Kind: typeof Counter | typeof Gauge, name: string, [help, value, label]: Metric): void {
    new Kind({
      name: this.prefix + name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.registry],
      collect() {
        const values = value();
        this.reset();
        if (typeof values === "number") return this.inc(values);
        const entries = values instanceof Map ? values : Object.entries(values);
        for (const [key, each] of entries) this.inc({ [label!]: key }, each);
      },
    });
  }
}
