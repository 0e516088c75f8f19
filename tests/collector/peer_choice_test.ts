import assert from "node:assert/strict";
import { type CollectorConfig, CollectorConfigSchema } from "../../collector/config.ts";
import { openPeerChoice, type PeerChoice } from "../../collector/peer/peer_choice.ts";
import { releaseOutcomeOf } from "../../collector/peer/backoff.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";
import { parseConfig } from "../../shared/config.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const US = testKey("us").id;
const ids = ["a", "b", "c", "d"].map((label) => testKey(label).id);

interface World extends AsyncDisposable {
  readonly dir: TempDir;
  readonly log: CapturedLog;
  open(peers: Record<string, unknown>, network?: string, fileAlone?: boolean): Promise<PeerChoice>;
}

async function world(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const log = stack.use(new CapturedLog());
  const config = (peers: Record<string, unknown>, network: string): CollectorConfig =>
    parseConfig(
      JSON.stringify({ name: "x", network, data_dir: dir.path, peers }),
      CollectorConfigSchema,
      "x",
    );
  return {
    dir,
    log,
    open: (peers, network = "regtest", fileAlone = false) =>
      openPeerChoice(config(peers, network), US, {
        clock: systemClock,
        random: seededRandom(1),
        fileAlone,
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function knownTo({ book }: PeerChoice): string[] {
  return [...book.records()].map(({ nodeId }) => nodeId).sort();
}

const announced = (id: string, host: number[]) =>
  encodeMessage({
    type: 257,
    signature: new Uint8Array(64),
    features: new Uint8Array(0),
    timestamp: 1_758_844_000,
    nodeId: Uint8Array.fromHex(id),
    color: new Uint8Array(3),
    alias: new Uint8Array(32),
    addresses: [{ type: 1, host: new Uint8Array(host), port: 9735 }],
  });

Deno.test("the book keeps what it learnt from one run to the next", async () => {
  await using at = await world();
  const { dir, log } = at;
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, `${ids[0]}@127.0.0.1:1\n${US}@127.0.0.1:2\n`);
  {
    await using choice = await at.open({ file });
    assert.deepEqual(knownTo(choice), [ids[0]]);
    assert.equal(log.lines("1 known addresses are left out").length, 1);
    const address = choice.book.take(systemClock.now())!;
    choice.book.worked(address, systemClock.now());
    choice.book.release(
      address,
      releaseOutcomeOf("lost", "it closed", true, seededRandom(1)),
      systemClock.now(),
    );
  }
  await using again = await at.open({});
  const [{ addresses: [kept] }] = [...again.book.records()];
  assert.notEqual(kept.lastWorked, null);
  assert.deepEqual(log.lines("damaged"), []);
});

Deno.test("at start a peer of the file that is left alone, or was never reached, is named with the reason", async () => {
  await using at = await world();
  const file = at.dir.join("peers.txt");
  await Deno.writeTextFile(file, ids.map((id) => `${id}@127.0.0.1:1\n`).join(""));
  {
    await using choice = await at.open({ file });
    assert.deepEqual(at.log.lines("Peer file"), []);
    const now = systemClock.now();
    for (const cause of ["misbehaved", "unreachable"] as const) {
      const address = choice.book.take(now)!;
      if (cause === "misbehaved") choice.book.worked(address, now);
      const outcome = releaseOutcomeOf(cause, `it was ${cause}`, false, seededRandom(1));
      choice.book.release(address, outcome, now);
    }
  }
  await using _ = await at.open({ file });
  const lines = at.log.lines("Peer file").map((line) => line.replace(/^.*9735: |^.*:1: /, ""))
    .sort();
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^left alone for [6-9] hours: it was misbehaved$/);
  assert.equal(lines[1], "never reached: it was unreachable");
});

Deno.test("a damaged book is told and what is whole of it used", async () => {
  await using at = await world();
  const file = at.dir.join("peers.txt");
  await Deno.writeTextFile(file, ids.map((id) => `${id}@127.0.0.1:1\n`).join(""));
  await (await at.open({ file }))[Symbol.asyncDispose]();
  const path = at.dir.join("addresses.book");
  const lines = (await Deno.readTextFile(path)).split("\n");
  lines[2] = lines[2].replace("127.0.0.1", "127.0.0.2");
  await Deno.writeTextFile(path, lines.join("\n"));
  await using choice = await at.open({});
  assert.equal(knownTo(choice).length, ids.length - 1);
  assert.equal(at.log.lines("is damaged").length, 1);
});

Deno.test("on regtest no announcement leads off this host, elsewhere none leads into it", async () => {
  for (
    const [network, seeds, expected] of [
      ["regtest", [], [ids[0], ids[1]]],
      ["bitcoin", ["seed.invalid"], [ids[2]]],
    ] as const
  ) {
    await using at = await world();
    const file = at.dir.join("peers.txt");
    await Deno.writeTextFile(file, `${ids[0]}@127.0.0.1:1\n`);
    // Nobody is asked: one known node is enough, or the name server does not answer.
    await using choice = await at.open({ file, seeds, name_server: "127.0.0.1:1" }, network);
    let learnt = 0;
    choice.onLearnt = () => learnt++;
    choice.learn(announced(ids[1], [127, 0, 0, 1]));
    choice.learn(announced(ids[2], [1, 1, 1, 1]));
    choice.learn(announced(ids[3], [10, 0, 0, 1]));
    assert.deepEqual(knownTo(choice), [...expected].sort(), network);
    assert.equal(learnt, 3);
  }
});

Deno.test("the peer file alone: what was learnt is neither dialled nor lost, nothing is learnt, no seed asked", async () => {
  await using at = await world();
  const file = at.dir.join("peers.txt");
  await Deno.writeTextFile(file, `${ids[0]}@127.0.0.1:1\n`);
  await (await at.open({ file }))[Symbol.asyncDispose]();
  const book = at.dir.join("addresses.book");
  const saved = await Deno.readTextFile(book);
  await Deno.writeTextFile(file, `${ids[1]}@127.0.0.1:2\n`);
  {
    const seeds = ["seed.invalid"];
    await using choice = await at.open(
      { file, seeds, name_server: "127.0.0.1:1" },
      "regtest",
      true,
    );
    choice.learn(announced(ids[2], [127, 0, 0, 1]));
    assert.deepEqual(knownTo(choice), [ids[1]]);
  }
  assert.equal(await Deno.readTextFile(book), saved);
  await Deno.writeTextFile(file, `${ids[1]}@10.0.0.1:1\n`);
  await assert.rejects(at.open({ file, seeds: ["seed.invalid"] }, "regtest", true), UserError);
});

Deno.test("what leaves nobody to dial, or no way to, is said before anything begins", async () => {
  await using at = await world();
  const file = at.dir.join("peers.txt");
  await Deno.writeTextFile(file, `${ids[0]}@10.0.0.1:1\n`);
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /^Cannot start: no known peer can be dialled/],
    [{ file }, /^Cannot use peer file .*: it names no peer that can be dialled$/],
    [{ file, tor_share: 0.5 }, /^Cannot reach peers through Tor: .* peers\.proxy is missing$/],
  ];
  for (const [peers, message] of cases) {
    await assert.rejects(at.open(peers), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  }
});
