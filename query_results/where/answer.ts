// What is said of a message: plain data that text, JSON and page are made of. Instants are µs since the Unix epoch.

export type SpreadClass = "broad" | "fast burst" | "narrow" | "partial" | "unheard";

export interface MessageLine {
  readonly sha256: string;
  readonly type: string;
  readonly direction: number | null;
  readonly channel: string | null;
  readonly size: number;
  readonly verdict: string;
  readonly first_seen: number;
  readonly own_timestamp: number | null;
  /** Peers connected and subscribed when it was first seen, and those of them that delivered it within an hour. */
  readonly subscribed: number;
  readonly reached: number;
  /** Until half of the subscribed peers had delivered it; null when they never did. */
  readonly half_seconds: number | null;
  readonly spread: SpreadClass;
  /** It was no news when first seen: all its receipts count. */
  readonly is_backlog: boolean;
  /** The later message of the same channel and direction, or node, with a later own timestamp. */
  readonly superseded_by: { readonly sha256: string; readonly at: number } | null;
  /** An earlier message with the same content but for timestamp and signature. */
  readonly resigned_from: { readonly sha256: string; readonly at: number } | null;
}

export type PeerState = "delivered" | "as backlog" | "left before" | "never";

/** A peer that was connected and subscribed when the message was first seen. */
export interface PeerLine {
  readonly node_id: string;
  readonly implementation: string;
  readonly state: PeerState;
  /** After first sight; null unless delivered. */
  readonly seconds: number | null;
  readonly repeats: number;
}

export interface CollectorLine {
  readonly name: string;
  readonly first_heard: number;
  readonly peers: number;
  readonly receipts: number;
  readonly repeats: number;
  /** To be added to its times for the archiver's; null where that was never measured. */
  readonly offset_seconds: number | null;
  /** How far its times may be off beside the other collectors'; null: unknown. */
  readonly uncertainty_seconds: number | null;
}

/** How messages of a type spread on a day: seconds until a share of the subscribed peers had them. */
export interface CurvePoint {
  readonly percent: number;
  readonly seconds: number | null;
  readonly day_25: number | null;
  readonly day_50: number | null;
  readonly day_75: number | null;
}

/** All live messages of its type on its day, by the day's summaries. Delays are those of the peers that delivered it. */
export interface WholeDay {
  readonly messages: number;
  /** Of these, by half of the subscribed peers within an hour. */
  readonly reached_half: number;
  readonly is_reached_half: boolean;
  /** Seconds until a share of the peers that delivered it within an hour had; the median of the others. */
  readonly curve: readonly { percent: number; seconds: number; day_50: number | null }[];
  /** Percent of the others that half of their peers had sooner; null without any. */
  readonly slower_than_percent: number | null;
}

export interface Answer {
  readonly sentence: string;
  readonly subject: string;
  readonly kind: string;
  readonly channel: string | null;
  readonly node_id: string | null;
  readonly alias: string | null;
  /** Ends of the channel; null when its announcement was never seen. */
  readonly nodes: readonly string[] | null;
  readonly notes: readonly string[];
  readonly message: MessageLine;
  /** By how much clocks and stalls may have spoilt its delays; null: unknown. */
  readonly uncertainty_seconds: number | null;
  readonly first_from: readonly string[];
  readonly peers: readonly PeerLine[];
  readonly repeats: number;
  readonly collectors: readonly CollectorLine[];
  readonly curve: readonly CurvePoint[];
  /** Messages of its type on its day that it is compared with, of all. */
  readonly compared: number;
  readonly of_day: number;
  /** Percent of those that half of the peers had sooner; null without any. */
  readonly slower_than_percent: number | null;
  /** Null while the day is not summarised, or the message was no news. */
  readonly whole_day: WholeDay | null;
  /** The day's receipts are dropped: nothing is known of single peers. */
  readonly is_dropped: boolean;
  /** The subject's newest messages. */
  readonly latest: readonly MessageLine[];
  readonly archive_until: number;
}
