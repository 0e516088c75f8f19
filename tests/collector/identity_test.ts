import assert from "node:assert/strict";
import { holdDataDir } from "../../collector/spool/data_dir.ts";
import { loadIdentity } from "../../collector/peer/identity.ts";
import { UserError } from "../../shared/errors.ts";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import { tempDir } from "../support/temp_dir.ts";

async function refusal(path: string): Promise<string> {
  try {
    await loadIdentity(path);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return `${error.message} ${String(error.cause ?? "")}`;
  }
  assert.fail("the key file was taken");
}

Deno.test("the first start makes a key that only its owner may read, later starts use it", async () => {
  await using dir = await tempDir();
  const path = dir.join("key");
  const first = await loadIdentity(path);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.equal(first.nodeId, publicKeyOf(first.privateKey).toHex());
  assert.deepEqual(await loadIdentity(path), first);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map((entry) => entry.name), ["key"]);
});

Deno.test("a start that was cut off while making its key does not stop the next", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("key.new"), "01", { mode: 0o644 });
  await loadIdentity(dir.join("key"));
  assert.equal((await Deno.stat(dir.join("key"))).mode! & 0o777, 0o600);
});

Deno.test("a wrong key file is refused in one line that does not show it", async () => {
  await using dir = await tempDir();
  const path = dir.join("key");
  const zero = "0".repeat(64),
    tooBig = "f".repeat(64),
    notHex = "z".repeat(64),
    short = "ab".repeat(31);
  for (const text of [zero, tooBig, notHex, short, ""]) {
    await Deno.writeTextFile(path, `${text}\n`, { mode: 0o600 });
    const message = await refusal(path);
    assert.match(message, /^Cannot use key file .*key: it/);
    assert.ok(!message.includes("\n"));
    if (text !== "") assert.ok(!message.includes(text.slice(0, 40)), message);
  }
});

Deno.test("a key that others may read is refused", async () => {
  await using dir = await tempDir();
  await loadIdentity(dir.join("key"));
  await Deno.chmod(dir.join("key"), 0o640);
  assert.match(await refusal(dir.join("key")), /its mode is 640, .*chmod 600/);
});

Deno.test("a data folder is held by one collector at a time", async () => {
  await using dir = await tempDir();
  const path = dir.join("data");
  {
    using _held = await holdDataDir(path);
    await assert.rejects(holdDataDir(path), /another collector holds it/);
  }
  using again = await holdDataDir(path);
  again[Symbol.dispose]();
});
