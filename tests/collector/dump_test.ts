import assert from "node:assert/strict";
import { saveAddressBook } from "../../collector/addresses/book_store.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { holdDataDir } from "../../collector/spool/data_dir.ts";
import { loopbackBook } from "../support/fixtures/dialling.ts";
import { type LdkNode, startLdk } from "../support/ldk/ldk_peer.ts";
import { startProgram } from "../support/servers/process.ts";
import { honest, lightning, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const NODES = 6, CHANNELS = 9;

/** Runs `dump` on regtest with loopback alone; its exit code and what it printed. */
async function dump(dir: TempDir, ...args: string[]): Promise<[number, string]> {
  const config = dir.join("collector.yaml");
  const keys = { name: "x", network: "regtest", data_dir: dir.join("data") };
  await Deno.writeTextFile(config, JSON.stringify(keys));
  await using program = startProgram("collector/main.ts", ["dump", "--config", config, ...args], [
    "--ignore-env",
    "--allow-net=127.0.0.1",
    `--allow-read=${dir.path}`,
    `--allow-write=${dir.path}`,
  ]);
  const { code } = await program.wait(60_000);
  return [code, program.lines.join("\n")];
}

const linesOf = async (path: string) => (await Deno.readTextFile(path)).trim().split("\n");
const addressOf = ({ nodeId, port }: LdkNode) =>
  formatNodeAddress({ nodeId, end: { kind: "ipv4", host: "127.0.0.1", port } });

Deno.test("a dump asks given peers for all they know, writes it when no more comes, and keeps it", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ nodes: NODES, channels: CHANNELS, timestamp });
  const peer = stack.use(await startLdk({ seed: testKey("teller").privateKey }));
  for (const message of graph) peer.learn(message);
  const peers = dir.join("peers.txt");
  await Deno.writeTextFile(peers, addressOf(peer));
  // A collector of the same folder knows others, whom nobody wants to ask now.
  const other = stack.use(new ScriptedPeer("other", honest([])));
  const book = loopbackBook([other.address]);
  await Deno.mkdir(dir.join("data"));
  await saveAddressBook(dir.join("data", "addresses.book"), book.records(), "regtest");

  const out = dir.join("lists");
  const [code, told] = await dump(dir, "--peers", peers, "--settle", "2", "--out", out);
  assert.equal(code, 0, told);
  const channels = await linesOf(`${out}/channel_list.csv`);
  assert.equal(channels.length, CHANNELS);
  assert.equal(other.accepted, 0);
  for (const line of channels) assert.match(line, /^\d+,0[23][0-9a-f]{64},0[23][0-9a-f]{64}$/);
  const nodes = await linesOf(`${out}/node_list.csv`);
  const ids = Array.from({ length: NODES }, (_, i) => testKey(`graph node ${i}`).id);
  assert.deepEqual(nodes.toSorted(), ids.toSorted());
  assert.deepEqual(
    (await linesOf(`${out}/node_addresses.txt`)).toSorted(),
    ids.map((id) => `${id}@203.0.113.7:9735`).toSorted(),
  );

  // It is in the collector's own graph now, which --saved lists without asking anybody.
  const again = dir.join("again");
  assert.equal((await dump(dir, "--saved", "--out", again))[0], 0);
  assert.deepEqual(await linesOf(`${again}/channel_list.csv`), channels);

  // A graph of an earlier run is no answer of a peer.
  await peer[Symbol.asyncDispose]();
  const [cut, lines] = await dump(dir, "--peers", peers, "--settle", "2", "--out", again);
  assert.match(lines, /^The lists may be incomplete: no peer is connected any more$/m);
  assert.equal(cut, 3);
  assert.deepEqual(await linesOf(`${again}/channel_list.csv`), channels);
});

Deno.test("a peer that leaves in the midst of its channels leaves a dump unsettled", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const timestamp = Math.floor(Date.now() / 1000) - 600;
  const graph = signedGraph({ nodes: NODES, channels: CHANNELS, timestamp });
  const peer = stack.use(
    new ScriptedPeer(
      "leaver",
      lightning(async (wire) => {
        await wire.send(...graph.slice(0, 5));
        await wire.send({ type: 18, numPongBytes: 1, ignored: new Uint8Array(0) });
        await wire.nextOf(19);
      }),
    ),
  );
  const peers = dir.join("peers.txt");
  await Deno.writeTextFile(peers, formatNodeAddress(peer.address));
  const [code, told] = await dump(
    dir,
    "--peers",
    peers,
    "--settle",
    "1",
    "--out",
    dir.join("lists"),
  );
  assert.equal(code, 3, told);
});

Deno.test("a dump keeps away from a collector that runs, and from nobody it ends with what is wrong", async () => {
  await using dir = await tempDir();
  const peers = dir.join("peers.txt");
  await Deno.writeTextFile(peers, `${testKey("nobody").id}@127.0.0.1:1`);
  {
    using _ = await holdDataDir(dir.join("data"));
    const [code, told] = await dump(dir, "--peers", peers);
    assert.equal(code, 2);
    assert.match(told, /another collector holds it; .*; use --saved to list what it saved last$/);
  }
  const [code, told] = await dump(dir);
  assert.equal(code, 2);
  assert.match(told, /^Cannot start: no known peer can be dialled/m);
});

Deno.test("a dump of a gossip_store needs no connection, and lists what its signatures prove", async () => {
  await using dir = await tempDir();
  const store = new URL("../vectors/node_logs/gossip_store_v16_compacted.bin", import.meta.url);
  const bytes = await Deno.readFile(store);
  await Deno.writeFile(dir.join("store"), bytes);
  const out = dir.join("lists");
  const [code, told] = await dump(dir, "--from", dir.join("store"), "--out", out);
  assert.equal(code, 0, told);
  assert.match(told, /9 messages, 0 not valid, 0 bytes unread/);
  assert.equal((await linesOf(`${out}/channel_list.csv`)).length, 2);
  assert.equal((await linesOf(`${out}/node_list.csv`)).length, 3);
  // Cut in the middle of its last record.
  await Deno.writeFile(dir.join("store"), bytes.subarray(0, bytes.length - 9));
  const [, cut] = await dump(dir, "--from", dir.join("store"), "--out", out);
  assert.match(cut, /8 messages, 0 not valid, \d+ bytes unread/);
  await Deno.writeTextFile(dir.join("store"), "no store");
  const [refused, why] = await dump(dir, "--from", dir.join("store"), "--out", out);
  assert.equal(refused, 2);
  assert.match(why, /Cannot read gossip_store .*: version 110 should be from 9 to 16/);
});
