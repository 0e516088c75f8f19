import assert from "node:assert/strict";
import { nanos, StorageType } from "nats";
import { connectNats } from "../../shared/nats/connect.ts";
import { startNatsServer } from "./servers/nats_server.ts";
import { startProcess } from "./servers/process.ts";
import { tempDir } from "./temp_dir.ts";

Deno.test("a temporary folder is there while it is used and gone after, even twice", async () => {
  const dir = await tempDir();
  await Deno.writeTextFile(dir.join("a.txt"), "x");
  await dir[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(dir.path), Deno.errors.NotFound);
});

Deno.test("a process gives its lines of both outputs, its exit code, and takes signals", async () => {
  const script =
    'console.log("one"); console.error("two"); Deno.addSignalListener("SIGTERM", () => Deno.exit(7)); ' +
    'setInterval(() => {}, 1000); console.log("ready");';
  await using child = startProcess("deno", ["eval", script]);
  await child.waitForLine(/^ready$/);
  await child.waitForLine(/^two$/);
  assert.deepEqual([...child.lines].sort(), ["one", "ready", "two"]);
  assert.equal((await child.terminate()).code, 7);
  await assert.rejects(child.waitForLine(/never/), /ended \(exit code 7\) without a line/);
});

Deno.test("a process reads the lines that are written to its piped standard input", async () => {
  const script = "for await (const bytes of Deno.stdin.readable) { " +
    "const text = new TextDecoder().decode(bytes); console.log(`got ${text.trim()}`); " +
    'if (text === "end\\n") break; }';
  await using child = startProcess("deno", ["eval", script], { stdin: "piped" });
  await child.writeLine("one");
  await child.waitForLine(/^got one$/);
  await child.writeLine("end");
  assert.equal((await child.wait()).code, 0);
  await assert.rejects(child.writeLine("more"));
  await using closed = startProcess("deno", ["eval", "1"]);
  await assert.rejects(closed.writeLine("one"), /not piped/);
});

Deno.test("nats-server keeps a JetStream message over SIGKILL and restart on its port", async () => {
  await using server = await startNatsServer({ config: "max_payload: 65536" });
  const before = await connectNats({ servers: [server.url], name: "test" });
  assert.equal(before.info!.max_payload, 65536);
  const manager = await before.jetstreamManager();
  await manager.streams.add({
    name: "KEPT",
    subjects: ["kept"],
    storage: StorageType.File,
    duplicate_window: nanos(60_000),
  });
  await before.jetstream().publish("kept", new Uint8Array([1, 2, 3]), { msgID: "1" });
  await server.kill();
  await before.closed();

  await server.restart();
  const after = await connectNats({ servers: [server.url], name: "test" });
  const again = await after.jetstreamManager();
  const stored = await again.streams.getMessage("KEPT", { last_by_subj: "kept" });
  assert.deepEqual([...stored.data], [1, 2, 3]);
  await after.close();
});
