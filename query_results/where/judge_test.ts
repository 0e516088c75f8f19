import assert from "node:assert/strict";
import type { FoundMessage } from "./find.ts";
import { newestSigned } from "./judge.ts";

const message = (id: number, ownTimestamp: number | null, verdict = "valid"): FoundMessage => ({
  ...{
    id: BigInt(id),
    ownTimestamp,
    verdict,
    sha256: "",
    type: 258,
    size: 1,
    scid: 1n,
    direction: 0,
  },
  ...{ nodeId: null, innerId: null, firstSeen: id },
});

Deno.test("the newest message has the latest own timestamp, not the latest first sight", () => {
  const announced = message(4, null), stale = message(3, 10), newest = message(2, 20);
  const forged = message(5, 99, "invalid");
  assert.equal(newestSigned([forged, announced, stale, newest, message(1, 20)]), newest);
  assert.equal(newestSigned([forged, announced]), announced);
  assert.equal(newestSigned([forged]), undefined);
});
