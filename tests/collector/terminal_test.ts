import assert from "node:assert/strict";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { freePort } from "../support/servers/free_port.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { writeToken } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";

const graph = signedGraph({ nodes: 3, channels: 3, timestamp: 1_758_844_000 });

/** What a collector of one peer writes to a terminal until `seen` is on it; then it gets Ctrl-C, and to its end. */
async function onTerminal(
  seen: RegExp,
  { env = {}, log = {} }: { env?: Record<string, string>; log?: Record<string, string> } = {},
): Promise<string> {
  await using dir = await tempDir();
  await using peer = new ScriptedPeer("on a terminal", honest(graph));
  await Deno.writeTextFile(dir.join("peers.txt"), formatNodeAddress(peer.address));
  const config = {
    name: "test",
    network: "regtest",
    data_dir: dir.join("data"),
    // Should it never be seen.
    run_for: "2m",
    peers: { file: dir.join("peers.txt"), target: 1 },
    uplink: {
      kind: "local",
      url: `http://127.0.0.1:${freePort()}`,
      token_file: await writeToken(dir.path),
    },
    stop_timeout: "0s",
    log,
  };
  await Deno.writeTextFile(dir.join("collector.yaml"), JSON.stringify(config));
  const program = [
    ...[Deno.execPath(), "run", "--quiet", "--ignore-env", "--allow-net=127.0.0.1"],
    ...[`--allow-read=${dir.path}`, `--allow-write=${dir.path}`],
    ...["collector/main.ts", "--config", dir.join("collector.yaml")],
  ];
  // util-linux' script runs a program on a terminal of its own.
  await using terminal = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", program.join(" "), "/dev/null"],
    // npx may have set NO_COLOR for all its children.
    env: { TERM: "xterm", NO_COLOR: "", ...env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const keyboard = terminal.stdin.getWriter();
  let output = "", isStopped = false;
  for await (const text of terminal.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (isStopped || !seen.test(output)) continue;
    isStopped = true;
    await keyboard.write(new Uint8Array([3]));
  }
  await keyboard.close().catch(() => {});
  await terminal.status;
  return output;
}

/** The uplink leads nowhere, which is said once. */
const WAITING = /Batches wait in the spool/;
// deno-lint-ignore no-control-regex -- a terminal is made of them
const LIVE = /\r1\/1 peers \| 12 receipts \| \d+\/s \| .*\x1b\[K/;

Deno.test("a terminal gets a live line below the log, and it is gone in the end", async () => {
  const output = await onTerminal(LIVE);
  assert.match(output, LIVE);
  // deno-lint-ignore no-control-regex -- likewise
  assert.match(output, /\r\x1b\[K[^\r]*Stopping: [^]*\r\x1b\[K[^\r]*Done: [^\r]*\r\n/);
  assert.ok(output.endsWith("\r\x1b[K"));
});

Deno.test("with NO_COLOR, or as plain text, a terminal gets lines and nothing that moves a cursor", async () => {
  const outputs = [
    onTerminal(WAITING, { env: { NO_COLOR: "1" } }),
    onTerminal(WAITING, { log: { format: "text" } }),
  ];
  for (const output of await Promise.all(outputs)) {
    assert.match(output, /Done: /);
    assert.doesNotMatch(output, /1\/1 peers|\r[^\n]/);
  }
});
