import assert from "node:assert/strict";
import fc from "fast-check";
import { BookFileFault, decodeBook, encodeBook } from "./book_file.ts";
import { type AddressRecord, type NodeRecord, type Source, SOURCES } from "./node_table.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";

const instant = fc.nat(Number.MAX_SAFE_INTEGER);
const end: fc.Arbitrary<Endpoint> = fc.oneof(
  fc.ipV4().map((ip) => parseEndpoint(`${ip}:9735`)),
  fc.ipV6().map((ip) => parseEndpoint(`[${ip}]:1`)),
  fc.stringMatching(/^[a-z]{1,10}\.example$/).map((name) => parseEndpoint(`${name}:65535`)),
);
const address: fc.Arbitrary<AddressRecord> = fc.record({
  end,
  sources: fc.subarray<Source>([...SOURCES], { minLength: 1 }),
  firstSeen: instant,
  lastTried: fc.option(instant),
  lastWorked: fc.option(instant),
  failures: fc.nat(1000),
  lastFailure: fc.option(fc.string({ maxLength: 200 })),
  notBefore: instant,
}, { noNullPrototype: true });
const node: fc.Arbitrary<NodeRecord> = fc.record({
  nodeId: fc.stringMatching(/^0[23][0-9a-f]{64}$/),
  announcedAt: fc.option(fc.nat(0xffff_ffff)),
  notBefore: instant,
  addresses: fc.array(address, { minLength: 1, maxLength: 3 }),
}, { noNullPrototype: true });
const nodes = fc.array(node, { maxLength: 5 });

const written = (records: readonly NodeRecord[]) => [...encodeBook(records, "bitcoin")].join("");

Deno.test("any book is read back as it was written", () => {
  fc.assert(fc.property(nodes, (records) => {
    assert.deepEqual(decodeBook(written(records), "bitcoin"), { records, damage: null });
  }));
});

Deno.test("waits that end with the process are not written", () => {
  const [record] = fc.sample(node, { numRuns: 1, seed: 1 });
  const waiting = {
    ...record,
    notBefore: Infinity,
    addresses: [{ ...record.addresses[0], notBefore: Infinity }],
  };
  const [read] = decodeBook(written([waiting]), "bitcoin").records;
  assert.equal(read.notBefore, 0);
  assert.equal(read.addresses[0].notBefore, 0);
});

Deno.test("a book that was cut or changed anywhere gives its whole nodes, and says that some are missing", () => {
  const records = fc.sample(node, { numRuns: 4, seed: 2 });
  const text = written(records);
  const lineEnds = [...text.matchAll(/\n/g)].map(({ index }) => index);
  for (let cut = 0; cut < text.length - 1; cut++) {
    const read = decodeBook(text.slice(0, cut), "bitcoin");
    // The head is no node; a line is whole with or without its line end.
    const whole = Math.max(0, lineEnds.filter((at) => at <= cut).length - 1);
    assert.deepEqual(read.records, records.slice(0, whole), `cut at ${cut}`);
    assert.match(read.damage!, /its end/);
  }
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}\u0001${text.slice(at + 1)}`;
    const read = decodeBook(changed, "bitcoin");
    if (at === text.length - 1) continue; // the last line end
    assert.notEqual(read.damage, null, `changed at ${at}`);
    assert.ok(read.records.length >= records.length - 2);
    for (const record of read.records) {
      assert.ok(records.some(({ nodeId }) => nodeId === record.nodeId));
    }
  }
});

Deno.test("damage is told in numbers", () => {
  const records = fc.sample(node, { numRuns: 4, seed: 3 });
  const lines = written(records).split("\n");
  const damage = (kept: string[]) => decodeBook(kept.join("\n"), "bitcoin").damage;
  assert.equal(damage(lines.toSpliced(2, 1)), "1 of 4 nodes");
  assert.equal(damage(lines.toSpliced(2, 2, "junk", "")), "2 of 4 nodes");
  assert.equal(damage(lines.slice(1)), "its first line");
  assert.equal(damage(lines.slice(0, 3)), "its end");
  assert.equal(damage([""]), "its first line, its end");
});

Deno.test("a sound book of another network or a newer program is not taken for a damaged one", () => {
  const text = written(fc.sample(node, { numRuns: 1, seed: 4 }));
  assert.throws(() => decodeBook(text, "testnet"), {
    name: "BookFileFault",
    code: "other_network",
    message: /of the network bitcoin, not of testnet/,
  });
  const newer = `189f1906 {"format":"gossip-observer-addresses","version":2,"network":"bitcoin"}\n`;
  assert.throws(() => decodeBook(newer, "bitcoin"), { code: "newer", message: /version 2/ });
});

Deno.test("any text is a book, with or without damage, or a book that is not ours", () => {
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(...written(fc.sample(node, { numRuns: 2, seed: 5 })).split("\n")),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    try {
      const { records } = decodeBook(lines.join("\n"), "bitcoin");
      assert.ok(records.length <= lines.length);
    } catch (error) {
      if (!(error instanceof BookFileFault)) throw error;
    }
  }));
});
