import assert from "node:assert/strict";
import { scidOf } from "../../../shared/bolt/scid.ts";
import { startLdk } from "./ldk_peer.ts";
import { channelUpdate, signedGraph, testKey } from "../fixtures/signed_gossip.ts";
import { until } from "../until.ts";

const GRAPH = { nodes: 10, channels: 30 };
const now = () => Math.floor(Date.now() / 1000);

Deno.test("LDK takes our signed graph and hands it to another LDK over TCP", async () => {
  await using teacher = await startLdk({ seed: testKey("teacher").privateKey });
  await using pupil = await startLdk({ seed: testKey("pupil").privateKey });
  for (const message of signedGraph({ ...GRAPH, timestamp: now() })) teacher.learn(message);
  await teacher.connect(pupil.nodeId, pupil.port);
  await until(() => pupil.channels().length === GRAPH.channels, () => pupil.log.join("\n"));
  assert.deepEqual(pupil.channels(), teacher.channels());
  assert.deepEqual(pupil.nodes(), teacher.nodes());
  assert.deepEqual(pupil.peers(), [teacher.nodeId]);
  pupil.disconnect(teacher.nodeId);
  await until(() => teacher.peers().length === 0, () => teacher.log.join("\n"));
});

Deno.test("LDK refuses a channel_update with a wrong signature", async () => {
  await using node = await startLdk({ seed: testKey("teacher").privateKey });
  const timestamp = now();
  for (const message of signedGraph({ ...GRAPH, timestamp })) node.learn(message);
  const stranger = [testKey("graph node 0"), testKey("stranger")] as const;
  const direction = stranger[0].id < stranger[1].id ? 1 : 0;
  const scid = scidOf({ block: 100, transaction: 1, output: 0 });
  const update = channelUpdate({ scid, nodes: stranger, direction, timestamp: timestamp + 1 });
  assert.throws(() => node.learn(update), /LDK refuses a message of type 258: Invalid signature/);
});
