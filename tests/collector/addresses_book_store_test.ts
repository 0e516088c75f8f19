// The address book on a real disk.

import assert from "node:assert/strict";
import { AddressBook } from "../../collector/addresses/address_book.ts";
import {
  loadAddressBook,
  MAX_BOOK_BYTES,
  saveAddressBook,
} from "../../collector/addresses/book_store.ts";
import { DialRules } from "../../collector/addresses/dial_rules.ts";
import { HOST_KINDS, ipEndpoint } from "../../collector/addresses/endpoint.ts";
import { UserError } from "../../shared/errors.ts";
import { seededRandom } from "../../shared/random.ts";
import { tempDir } from "../support/temp_dir.ts";

const NODES = 3000;
const nodeId = (n: number) => `02${n.toString(16).padStart(64, "0")}`;
const end = (n: number) => ipEndpoint(Uint8Array.of(9, n >> 16, n >> 8, n), 9735);

function bookOf(nodes: number): AddressBook {
  const options = { rules: new DialRules(), kinds: new Set(HOST_KINDS), torShare: 0 };
  const book = new AddressBook(options, seededRandom(1));
  for (let n = 0; n < nodes; n++) book.learn(nodeId(n), end(n), "gossip", 1_758_844_800_000_000);
  return book;
}

Deno.test("an address book is saved and loaded whole, and saving again takes its place", async () => {
  await using dir = await tempDir();
  const path = dir.join("addresses");
  assert.deepEqual(await loadAddressBook(path, "bitcoin"), { records: [], damage: null });
  for (const nodes of [NODES, 10]) {
    const book = bookOf(nodes);
    await saveAddressBook(path, book.records(), "bitcoin");
    const { records, damage } = await loadAddressBook(path, "bitcoin");
    assert.equal(damage, null);
    assert.deepEqual(records, [...book.records()]);
  }
  const files = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assert.deepEqual(files, ["addresses"]);
});

Deno.test("a book that grows while it is saved is whole on disk", async () => {
  await using dir = await tempDir();
  const path = dir.join("addresses");
  const book = bookOf(NODES);
  const saving = saveAddressBook(path, book.records(), "bitcoin");
  let more = NODES;
  const growing = setInterval(() => book.learn(nodeId(more), end(more++), "gossip", 0), 0);
  await saving;
  clearInterval(growing);
  const { records, damage } = await loadAddressBook(path, "bitcoin");
  assert.equal(damage, null);
  assert.ok(records.length >= NODES && records.length <= more);
});

Deno.test("of a damaged book what is whole is loaded", async () => {
  await using dir = await tempDir();
  const path = dir.join("addresses");
  await saveAddressBook(path, bookOf(NODES).records(), "bitcoin");
  const bytes = await Deno.readFile(path);
  // A page of the disk that came back as zeros, and a lost end.
  bytes.fill(0, 40_960, 45_056);
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 1000));
  const { records, damage } = await loadAddressBook(path, "bitcoin");
  assert.ok(records.length > NODES - 100 && records.length < NODES, `${records.length} nodes`);
  assert.match(damage!, /^its end, \d+ of \d+ nodes$/);
});

Deno.test("a failed save leaves the saved book as it was", async () => {
  await using dir = await tempDir();
  const path = dir.join("addresses");
  await saveAddressBook(path, bookOf(5).records(), "bitcoin");
  const failing = function* () {
    yield* bookOf(3000).records();
    throw new Deno.errors.WriteZero("disk full");
  };
  await assert.rejects(saveAddressBook(path, failing(), "bitcoin"), /disk full/);
  assert.equal((await loadAddressBook(path, "bitcoin")).records.length, 5);
});

Deno.test("a book that cannot be used is told in one line, and left alone", async () => {
  await using dir = await tempDir();
  const path = dir.join("addresses");
  await saveAddressBook(path, bookOf(5).records(), "testnet");
  const fails = (pattern: RegExp) =>
    assert.rejects(loadAddressBook(path, "bitcoin"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, pattern);
      return true;
    });
  await fails(/^Cannot use address book .*addresses: it is of the network testnet, not of bitcoin/);
  await Deno.truncate(path, MAX_BOOK_BYTES + 1);
  await fails(/^Cannot read address book .*67108865 bytes, at most 67108864/);
  await Deno.remove(path);
  await Deno.mkdir(path);
  await fails(/^Cannot read address book/);
});
