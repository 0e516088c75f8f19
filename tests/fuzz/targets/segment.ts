// A segment of the spool: whatever its file holds, it opens, and every batch that comes out was put in.

import { encodeRecord, recordBatch, recordNumber } from "../../../collector/spool/record.ts";
import { Segment } from "../../../collector/spool/segment.ts";
import { check, sameBytes, type Target } from "../target.ts";

/** On a file of its own inside `dir`. */
export function segmentTarget(dir: string): Target {
  const batches = [0, 1, 30, 200].map((length, i) => new Uint8Array(length).fill(i + 1));
  const records = batches.map((bytes, number) => encodeRecord(bytes, { epoch: 7, number }));
  const whole = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const record of records) {
    whole.set(record, end);
    end += record.length;
  }
  const path = `${dir}/segment`;
  const file = Deno.openSync(path, { create: true, write: true });
  return {
    name: "spool_segment",
    corpus: [whole, ...records],
    maxBytes: 600,
    run(input) {
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(input);
      file.truncateSync(input.length);
      const { segment, tornBytes } = Segment.recover(path, () => {});
      check(segment.bytes + tornBytes === input.length, "bytes are neither records nor torn");
      let delivered = 0;
      while (segment.hasUnread) {
        const record = segment.read();
        const batch = record && recordBatch(record);
        if (!record || !batch) continue;
        const { epoch, number } = recordNumber(record);
        check(epoch === 7 && sameBytes(batch, batches[number]), `batch ${number} was changed`);
        delivered++;
      }
      const { records } = segment;
      segment.seal();
      return `${tornBytes === 0 ? "ok" : "torn"} ${delivered} of ${records}`;
    },
    dispose() {
      file.close();
      Deno.removeSync(path);
    },
  };
}
