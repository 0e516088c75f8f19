// Readers of other nodes' logs, on samples of real Core Lightning and LND nodes.

import assert from "node:assert/strict";
import { messageType } from "../../shared/bolt/message_types.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { ClnIoLogReader } from "../../shared/node_logs/cln_io_log.ts";
import { readRecords, StoreFault, storeVersion } from "../../shared/node_logs/gossip_store.ts";
import { LndLogReader } from "../../shared/node_logs/lnd_log.ts";
import type { LogSink } from "../../shared/node_logs/reader.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { type Find, findsOf, listFinds } from "../support/fixtures/log_finds.ts";

const cln = (sink: LogSink) => new ClnIoLogReader(sink);
const lnd = (level: "trace" | "debug") => (sink: LogSink) =>
  new LndLogReader(sink, { level, zone: "UTC" });

function sample(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`../vectors/node_logs/${name}`, import.meta.url));
}

const latin1 = (bytes: Uint8Array) =>
  Array.from(bytes, (each) => String.fromCharCode(each)).join("");
const bytesOf = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const receipts = (finds: readonly Find[]) => finds.filter((find) => find.what === "receipt");

/** Nodes of the LND samples: bob and carol. */
const LND_NODES = [
  "030b57be7f52ac3438cec202f0bcb4b522c742447db2cff30d35ad6537fd084ff4",
  "036be35327531c965c8e4a599a4dc6077667fe9530e63d080d8a47dabb2f9d8a57",
];

/** Whether all signatures hold; an update's against any of the keys. */
function isProven(hex: string, keys: readonly string[]): boolean {
  const raw = Uint8Array.fromHex(hex);
  const { signatures, signers, digestInput } = signedPart(raw)!;
  const holds = (signature: Uint8Array, key: string) =>
    verifyGossip(signature, digestInput, Uint8Array.fromHex(key));
  if (messageType(raw) === 258) return keys.some((key) => holds(signatures[0], key));
  return signatures.every((signature, i) => holds(signature, signers[i]));
}

Deno.test("a Core Lightning io log gives each message that came in, repeats too, byte for byte", () => {
  const bytes = sample("cln_io.log");
  const lines = latin1(bytes).split("\n");
  const wanted = lines.filter((line) => /\[IN\] 010[012]/.test(line)).map((line) => ({
    peer: line.slice(25, 91),
    hex: line.slice(107),
    at: Date.parse(line.slice(0, 24)) * 1000,
  }));
  const { finds, counts } = findsOf(cln, bytes);
  const found = receipts(finds).map(({ peer, hex, at }) => ({ peer, hex, at }));
  assert.equal(found.length, 53);
  assert.deepEqual(found, wanted);
  assert.deepEqual(counts, { receipts: 53, unreadable: 0, tooLong: 0 });
  assert.ok(new Set(found.map(({ hex }) => hex)).size < found.length, "the sample has repeats");
  const nodes = new Set(found.flatMap(({ peer, hex }) => [
    peer,
    ...signedPart(Uint8Array.fromHex(hex))!.signers,
  ]));
  for (const { hex } of found) assert.ok(isProven(hex, [...nodes]), hex);
  assert.equal(finds.filter(({ what }) => what === "opened").length, 4);
});

Deno.test("lines of RPC calls and cut messages are no receipts", () => {
  assert.deepEqual(findsOf(cln, sample("cln_io_jsonrpc.log")).finds, []);
  const line = latin1(sample("cln_io.log")).split("\n").find((each) => /\[IN\] 0102/.test(each))!;
  const { finds, counts } = findsOf(cln, bytesOf(`${line.slice(0, -1)}\n${line}\n`));
  assert.equal(receipts(finds).length, 1);
  assert.equal(counts.unreadable, 1);
});

Deno.test("a line past the limit is skipped and counted, and the next one is read", () => {
  const line = latin1(sample("cln_io.log")).split("\n").find((each) => /\[IN\] 0102/.test(each))!;
  const bytes = bytesOf(`${line}${"00".repeat(200_000)}\n${line}\n`);
  const { finds, counts } = findsOf(cln, bytes, { size: 65_536 });
  assert.deepEqual(receipts(finds).map(({ end }) => end), [bytes.length]);
  assert.equal(counts.tooLong, 1);
});

Deno.test("dumps in lnd.log give the bytes back, and the signature proves them", () => {
  const proofs = (name: string) =>
    receipts(findsOf(lnd("trace"), sample(name)).finds).map(({ hex }) => isProven(hex, LND_NODES));
  assert.deepEqual(proofs("lnd_channel_announcement.log"), [true]);
  assert.deepEqual(proofs("lnd_channel_update.log"), [true, true]);
  assert.deepEqual(proofs("lnd_extra_tlv.log"), [true]);
  assert.deepEqual(proofs("lnd_node_announcement.log"), [true]);
  // An alias that starts with NUL: LND prints it without.
  assert.deepEqual(proofs("lnd_na_odd_alias.log"), [false]);
});

Deno.test("each message that lnd.log names at debug is named once", () => {
  const { finds } = findsOf(lnd("debug"), sample("lnd_debug.log"));
  const named = finds.filter((find) => find.what === "named");
  const lines = latin1(sample("lnd_debug.log")).split("\n").filter((line) =>
    / Received Ch/.test(line)
  );
  assert.equal(named.length, lines.length);
  assert.deepEqual(named[0], {
    what: "named",
    peer: "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa",
    name: {
      scid: 557452395675648n,
      direction: 0,
      timestamp: Date.UTC(2026, 10, 30, 20, 44, 56) / 1000,
    },
    at: Date.UTC(2026, 10, 30, 20, 47, 10, 265) * 1000,
    end: lines[0].length + 1,
  });
});

const LOGS = [
  ["cln_io.log", cln],
  ["lnd_channel_announcement.log", lnd("trace")],
  ["lnd_channel_update.log", lnd("trace")],
  ["lnd_extra_tlv.log", lnd("trace")],
  ["lnd_na_odd_alias.log", lnd("trace")],
  ["lnd_debug.log", lnd("debug")],
] as const;

for (const [name, make] of LOGS) {
  Deno.test(`${name}: chunks of any size give the same, and the end of each find continues it`, () => {
    const bytes = sample(name);
    const { finds: whole } = findsOf(make, bytes);
    for (const size of [1, 7, 100, 4096]) {
      assert.deepEqual(findsOf(make, bytes, { size }).finds, whole, `${size} bytes`);
    }
    const stamped = whole.filter((find) => find.what === "receipt" || find.what === "named");
    for (const [i, { end }] of stamped.entries()) {
      const rest = findsOf(make, bytes, { from: end }).finds;
      assert.deepEqual(
        rest.filter((find) => find.what === "receipt" || find.what === "named"),
        stamped.slice(i + 1),
      );
    }
  });
}

Deno.test("an alias that imitates a log line makes no receipt, and spoils its own dump alone", () => {
  const dump = latin1(sample("lnd_node_announcement.log"));
  const ALIAS = "bob-new";
  assert.ok(dump.includes(`${ALIAS},\n`));
  const imitations = [
    "\n2026-11-30 20:45:11.840 [TRC] ",
    "\n})\n2026-11-30 [TRC] PEER: Peer(",
    "x,\n Addresses: ([]net.Addr) <nil>",
    "\n})\n",
    "x\n] PEER: Peer(\n",
  ];
  for (const alias of imitations) {
    const { finds } = findsOf(lnd("trace"), bytesOf(dump.replace(ALIAS, alias) + dump));
    const proven = receipts(finds).filter(({ hex }) => isProven(hex, LND_NODES));
    assert.equal(proven.length, 1, `proven with alias ${JSON.stringify(alias)}`);
    assert.ok(receipts(finds).length <= 2);
    for (const { peer } of receipts(finds)) assert.equal(peer, LND_NODES[0]);
  }
});

Deno.test("a dump that a killed process left unfinished is counted, and what follows it is read", () => {
  const dump = latin1(sample("lnd_node_announcement.log"));
  const half = dump.slice(0, dump.indexOf(" RGBColor"));
  const { finds, counts } = findsOf(lnd("trace"), bytesOf(half + dump));
  assert.equal(receipts(finds).length, 1);
  assert.equal(counts.unreadable, 1);
});

Deno.test("a dump that two files share is read across them, its end counted in the second", () => {
  const bytes = sample("lnd_node_announcement.log");
  const finds: Find[] = [];
  const [whole] = receipts(findsOf(lnd("trace"), bytes).finds);
  const cut = 1000;
  const reader = lnd("trace")(listFinds(finds));
  reader.push(bytes.slice(0, cut));
  reader.rebase(0);
  reader.push(bytes.slice(cut));
  assert.deepEqual(receipts(finds), [{ ...whole, end: whole.end - cut }]);
});

Deno.test("times in the hour that comes twice are flagged", () => {
  const line = latin1(sample("lnd_channel_update.log")).replaceAll(
    "2026-11-30 20:44",
    "2026-10-25 02:30",
  );
  const { finds } = findsOf(
    (sink) => new LndLogReader(sink, { level: "trace", zone: "Europe/Berlin" }),
    bytesOf(line),
  );
  const flagged = finds.findIndex(({ what }) => what === "doubtful");
  const receipt = finds.findIndex(({ what }) => what === "receipt");
  assert.ok(flagged >= 0 && flagged < receipt);
});

Deno.test("a gossip_store gives its messages, and says that it goes on in a new file", () => {
  const ended = sample("gossip_store_v16_ended.bin");
  const version = storeVersion(ended[0]);
  const old = readRecords(ended.subarray(1), version);
  assert.equal(1 + old.used, ended.length);
  const compacted = sample("gossip_store_v16_compacted.bin");
  const now = readRecords(compacted.subarray(1), version);
  assert.equal(1 + now.used, compacted.length);
  const nodes = now.messages.flatMap((raw) => signedPart(raw)!.signers);
  for (const raw of [...old.messages, ...now.messages]) assert.ok(isProven(raw.toHex(), nodes));
  assert.deepEqual(now.messages.map(messageType).sort(), [
    256,
    256,
    257,
    257,
    257,
    258,
    258,
    258,
    258,
  ]);
});

Deno.test("a store's record is awaited until it is whole, completed and as its checksum says", () => {
  const bytes = sample("gossip_store_v16_compacted.bin").slice(1);
  const { messages } = readRecords(bytes, 16);
  const first = readRecords(bytes.slice(0, 600), 16);
  assert.ok(first.used > 0 && first.used < 600);
  const rest = readRecords(bytes.subarray(first.used), 16);
  assert.deepEqual([...first.messages, ...rest.messages], messages);
  const pending = bytes.slice();
  pending[first.used] &= ~0x20;
  assert.deepEqual(readRecords(pending, 16).used, first.used);
  assert.equal(readRecords(pending, 14).used, bytes.length, "older versions do not mark records");
  const torn = bytes.slice();
  torn[first.used + 40] ^= 1;
  assert.deepEqual(readRecords(torn, 16), { ...first, messages: readRecords(torn, 16).messages });
});

Deno.test("a store of another major version is refused", () => {
  for (const first of [0, 8, 17, 0x30, 255]) assert.throws(() => storeVersion(first), StoreFault);
  for (const first of [9, 12, 16]) assert.equal(storeVersion(first), first);
});
