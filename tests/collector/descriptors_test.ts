// A collector that has fewer file descriptors than peers to connect to.

import assert from "node:assert/strict";
import { loadAddressBook } from "../../collector/addresses/book_store.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProcess } from "../support/servers/process.ts";
import { writeToken } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";

const PEERS = 80;
/** Deno itself has some 25 open. */
const DESCRIPTORS = 80;

Deno.test("without descriptors no peer is blamed, and the uplink finds one", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const peers = Array.from(
    { length: PEERS },
    (_, i) => stack.use(new ScriptedPeer(`crowd ${i}`, honest([]))),
  );
  const port = freePort();
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, peers.map(({ address }) => formatNodeAddress(address)).join("\n"));
  const config = dir.join("collector.yaml");
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      name: "test",
      network: "regtest",
      data_dir: dir.join("data"),
      peers: { file, target: PEERS, dials_per_second: 1000, bootstrap: 0 },
      uplink: {
        kind: "local",
        url: `http://127.0.0.1:${port}`,
        token_file: await writeToken(dir.path),
      },
    }),
  );
  const flags =
    `--ignore-env --allow-net=127.0.0.1 --allow-read=${dir.path} --allow-write=${dir.path}`;
  const collector = stack.use(startProcess("bash", [
    "-c",
    `ulimit -n ${DESCRIPTORS} && exec deno run --quiet --no-prompt ${flags} collector/main.ts --config ${config}`,
  ]));
  await collector.waitForLine(/Out of file descriptors: keeping \d+ peers of 80/);

  // All that is left to open by now is what the peers gave up.
  const delivered = Promise.withResolvers<void>();
  const api = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    await request.body?.cancel();
    if (new URL(request.url).pathname === "/batches") delivered.resolve();
    return Response.json({ status: "committed" });
  });
  stack.defer(() => api.shutdown());
  await delivered.promise;
  collector.signal("SIGTERM");
  assert.equal((await collector.wait()).code, 0, collector.lines.join("\n"));

  const { records } = await loadAddressBook(dir.join("data/addresses.book"), "regtest");
  assert.equal(records.length, PEERS);
  const blamed = records.flatMap(({ addresses }) => addresses).filter(({ failures }) =>
    failures > 0
  );
  assert.deepEqual(blamed, []);
});
