// Other nodes' logs: whatever they hold, readers find nothing but gossip, and the same in chunks as in one piece.

import { messageType } from "../../../shared/bolt/message_types.ts";
import { ClnIoLogReader } from "../../../shared/node_logs/cln_io_log.ts";
import { readRecords, StoreFault, storeVersion } from "../../../shared/node_logs/gossip_store.ts";
import { LndLogReader } from "../../../shared/node_logs/lnd_log.ts";
import type { LogReader, LogSink } from "../../../shared/node_logs/reader.ts";
import type { Fault } from "../../../shared/errors.ts";
import { findsOf } from "../../support/fixtures/log_finds.ts";
import { check, refusal, type Target } from "../target.ts";

function sample(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`../../vectors/node_logs/${name}`, import.meta.url));
}

/** Two chunks: a chunk's border is where readers go wrong. */
function logTarget(name: string, corpus: Uint8Array[], make: (sink: LogSink) => LogReader): Target {
  return {
    name,
    corpus,
    maxBytes: 8000,
    run(input) {
      const { finds, counts } = findsOf(make, input);
      const inTwo = findsOf(make, input, { size: Math.max(1, input.length >> 1) });
      const text = (value: unknown) =>
        JSON.stringify(value, (_, each) => typeof each === "bigint" ? `${each}` : each);
      check(text(inTwo.finds) === text(finds), "chunks change what is found");
      let last = 0;
      for (const find of finds) {
        if ("end" in find) {
          check(find.end > last && find.end <= input.length, "a find ends where it does not");
          last = find.end;
        }
        if (find.what !== "receipt") continue;
        const type = messageType(Uint8Array.fromHex(find.hex));
        check(type >= 256 && type <= 258, `a message of type ${type} was kept`);
      }
      const kinds = [...new Set(finds.map(({ what }) => what))].sort();
      return `ok ${kinds} ${counts.unreadable > 0} ${counts.tooLong > 0}`;
    },
  };
}

/** One target per reader. */
export function nodeLogTargets(): Target[] {
  const lndLogs = ["channel_announcement", "extra_tlv", "na_odd_alias", "node_announcement"]
    .map((name) => sample(`lnd_${name}.log`));
  return [
    logTarget(
      "cln_io_log",
      [sample("cln_io.log").slice(0, 8000), sample("cln_io_jsonrpc.log")],
      (sink) => new ClnIoLogReader(sink),
    ),
    logTarget(
      "lnd_trace_log",
      lndLogs,
      (sink) => new LndLogReader(sink, { level: "trace", zone: "UTC" }),
    ),
    logTarget(
      "lnd_debug_log",
      [sample("lnd_debug.log"), ...lndLogs],
      (sink) => new LndLogReader(sink, { level: "debug", zone: "Europe/Berlin" }),
    ),
    {
      name: "gossip_store",
      corpus: ["ended", "compacted"].map((name) => sample(`gossip_store_v16_${name}.bin`)),
      maxBytes: 6000,
      run(input) {
        let version: number;
        try {
          version = storeVersion(input[0] ?? 0);
        } catch (error) {
          return refusal(error, StoreFault as typeof Fault<string>);
        }
        const { messages, used } = readRecords(input.subarray(1), version);
        check(used < input.length, "more was read than there is");
        const kinds = messages.every((raw) => messageType(raw) >= 256 && messageType(raw) <= 258);
        check(kinds, "a message that is no gossip was kept");
        return `ok ${used === input.length - 1} ${Math.min(messages.length, 9)}`;
      },
    },
  ];
}
