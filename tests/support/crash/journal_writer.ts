// A process that records receipts until it is killed, with a spool and a journal in the folder it is given. After each
// turn of its event loop it says `stamped N`: so many receipts so far.

import { Journal } from "../../../collector/receipt/journal.ts";
import { Recorder } from "../../../collector/receipt/recorder.ts";
import { JournalFile } from "../../../collector/receipt/journal_file.ts";
import { Spool } from "../../../collector/spool/spool.ts";
import { systemClock } from "../../../shared/clock.ts";
import { systemRandom } from "../../../shared/random.ts";

const [path] = Deno.args;
const spool = await Spool.open(path, {
  maxBytes: 1 << 30,
  segmentBytes: 1 << 20,
  onDropped: (range) => recorder.batchesDropped(range),
});
const recorder: Recorder = new Recorder(
  { collector: "test", epoch: systemClock.now(), version: "0", targetPeers: 1, maxReceipts: 700 },
  {
    clock: systemClock,
    random: systemRandom,
    journal: new Journal(new JournalFile(`${path}/open_batch.journal`)),
    sink: (bytes, id) => spool.append(bytes, id),
  },
);
const session = recorder.openSession({
  node_id: "02".repeat(33),
  address: "127.0.0.1:9735",
  dialled_at: 0,
  handshake_at: 0,
  filter_at: 0,
  filter_first: 0,
  features: "",
});
const raw = new Uint8Array(140);
for (let turn = 0;; turn++) {
  for (let i = 0; i < 20; i++) {
    new DataView(raw.buffer).setUint32(2, turn % 1000 * 20 + i);
    recorder.receive(session, raw, systemClock.now());
  }
  // Lets the journal be written, lines out, and signals in.
  await new Promise((resolve) => setTimeout(resolve, 0));
  console.log(`stamped ${recorder.counters.receipts}`);
}
