// A process that appends batches to a spool until it is killed, one line for each: `kept N`, or `lost N` when the disk
// took it not. Arguments: the spool's folder, the epoch, the size of a batch.

import { Spool } from "../../../collector/spool/spool.ts";

const [path, epoch, size] = Deno.args;
const spool = await Spool.open(path, {
  maxBytes: 1 << 30,
  segmentBytes: 1 << 20,
  onDropped: ({ first, last }) => console.log(`told ${first}-${last}`),
});
const bytes = new Uint8Array(Number(size)).fill(7);
for (let number = 0;; number++) {
  const { dropped } = spool.counters;
  spool.append(bytes, { epoch: Number(epoch), number });
  console.log(`${spool.counters.dropped > dropped ? "lost" : "kept"} ${number}`);
  // Lets lines out, and signals in.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
