/**
 * How a collector is doing, in one line of a terminal.
 *
 * @module
 */
import type { DeliveryStatus } from "../uplink/delivery.ts";

/** What the line tells. */
export interface Figures {
  /** Peers connected, */
  readonly peers: number;
  /** and to be kept. */
  readonly target: number;
  /** Receipts so far, */
  readonly receipts: number;
  /** and a second, of late. */
  readonly rate: number;
  /** Distinct messages. */
  readonly messages: number;
  /** Batches that wait, */
  readonly waiting: number;
  /** and the bytes of the spool. */
  readonly spoolBytes: number;
  /** Batches delivered. */
  readonly delivered: number;
  /** Why batches wait, or null. */
  readonly trouble: DeliveryStatus["trouble"];
}

const SEPARATOR = " | ";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** The line, with as much in it as fits into `width` characters: what matters least is left out first. */
export function statusLine(figures: Figures, width: number): string {
  const { peers, target, receipts, rate, messages, waiting, spoolBytes, delivered } = figures;
  const parts: readonly (readonly [importance: number, text: string])[] = [
    [1, `${grouped(peers)}/${grouped(target)} peers`],
    [4, `${grouped(receipts)} receipts`],
    [2, `${grouped(rate)}/s`],
    [7, `${grouped(messages)} messages`],
    [5, `${grouped(waiting)} in spool (${sized(spoolBytes)})`],
    [6, `${grouped(delivered)} delivered`],
    [3, figures.trouble === null ? "uplink ok" : `uplink: ${figures.trouble}`],
  ];
  for (let least = parts.length; least > 0; least--) {
    const line = parts.filter(([importance]) => importance <= least).map(([, text]) => text)
      .join(SEPARATOR);
    if (line.length <= width) return line;
  }
  return "";
}

/** `1,234,567`. */
function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `1.4 MiB`. */
function sized(bytes: number): string {
  let value = bytes, unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
