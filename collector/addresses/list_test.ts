import assert from "node:assert/strict";
import fc from "fast-check";
import { AGE_BINS, ageLines, countAges, MAX_LIST_LINES, sortList } from "./list.ts";

/** The generator of secp256k1 (SEC 2), and 3 G. */
const KEY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const OTHER = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
const ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const NOW = 1_758_844_800;
const DAY = 86_400;

Deno.test("a list is split into clearnet and Tor, and what nobody can dial is left out", () => {
  const { clearnet, onion, leftOut, undated } = sortList(
    [
      "# a list",
      `${KEY}@1.2.3.4:9735`,
      `${KEY}@[2600:0::1]:9735  # with a comment`,
      `${KEY}@${ONION}:9735`,
      `${OTHER}@Node.Example.com:9735`,
      `${OTHER}@expyuzz4wqqyqhjn.onion:9735`,
      `${OTHER}@${ONION.replace("2g", "2h")}:9735`,
      `${OTHER}@127.0.0.1:9735`,
      `${OTHER}@192.168.1.5:9735`,
      `${OTHER}@[fd00::1]:9735`,
      `${OTHER}@umbrel.local:9735`,
      `${OTHER}@localhost:9735`,
      `${KEY.toUpperCase()}@1.2.3.4:9735`,
      `${KEY}@1.2.3.4`,
      `${KEY}@1.2.3.4:0`,
      "02ab@1.2.3.4:9735",
      `02${"ff".repeat(32)}@1.2.3.4:9735`,
      "1.2.3.4:9735",
      "",
    ].join("\r\n"),
    NOW,
  );
  assert.deepEqual(clearnet, [
    `${KEY}@1.2.3.4:9735`,
    `${KEY}@[2600::1]:9735`,
    `${OTHER}@node.example.com:9735`,
  ]);
  assert.deepEqual(onion, [`${KEY}@${ONION}:9735`]);
  assert.deepEqual(leftOut, { malformed: 6, torV2: 1, local: 5, repeated: 1 });
  assert.equal(undated, 2);
});

Deno.test("timestamps are kept on their lines, and each node counts once, by its newest", () => {
  const { clearnet, onion, ages, undated } = sortList(
    [
      `${KEY}@1.2.3.4:9735,${NOW - 10 * DAY}`,
      `${KEY}@${ONION}:9735,${NOW - 20}`,
      `${OTHER}@1.2.3.5:9735`,
      `${OTHER}@1.2.3.6:9735,soon`,
      `${OTHER}@1.2.3.6:9735,1,2`,
    ].join("\n"),
    NOW,
  );
  assert.deepEqual(clearnet, [`${KEY}@1.2.3.4:9735,${NOW - 10 * DAY}`, `${OTHER}@1.2.3.5:9735`]);
  assert.deepEqual(onion, [`${KEY}@${ONION}:9735,${NOW - 20}`]);
  assert.equal(ages.hour, 1);
  assert.equal(AGE_BINS.reduce((sum, [name]) => sum + ages[name], 0), 1);
  assert.equal(undated, 1);
});

Deno.test("an age belongs to the first bin that it fits", () => {
  for (const [i, [name, limit]] of AGE_BINS.entries()) {
    const lower = i === 0 ? -5 : AGE_BINS[i - 1][1] + 1;
    const upper = limit === Infinity ? NOW : limit;
    const ages = countAges([NOW - lower, NOW - upper], NOW);
    assert.equal(ages[name], 2, name);
  }
  assert.deepEqual(AGE_BINS.map(([name]) => name), [
    "hour",
    "day",
    "week",
    "2 weeks",
    "month",
    "3 months",
    "6 months",
    "12 months",
    "older",
  ]);
});

Deno.test("ages are shown with their shares and sums", () => {
  const ages = countAges([NOW, NOW, NOW - 2 * DAY, 0], NOW);
  assert.deepEqual(ageLines(ages).map((line) => line.trimEnd().split(/ {2,}/)), [
    ["within", "nodes", "share", "so far", "share"],
    ["hour", "2", "50.0 %", "2", "50.0 %"],
    ["day", "0", "0.0 %", "2", "50.0 %"],
    ["week", "1", "25.0 %", "3", "75.0 %"],
    ["2 weeks", "0", "0.0 %", "3", "75.0 %"],
    ["month", "0", "0.0 %", "3", "75.0 %"],
    ["3 months", "0", "0.0 %", "3", "75.0 %"],
    ["6 months", "0", "0.0 %", "3", "75.0 %"],
    ["12 months", "0", "0.0 %", "3", "75.0 %"],
    ["older", "1", "25.0 %", "4", "100.0 %"],
  ]);
  assert.match(ageLines(countAges([], NOW))[1], /^hour +0 +- +0 +-$/);
});

Deno.test("a list with more lines than the network could have is refused whole", () => {
  assert.throws(() => sortList("\n".repeat(MAX_LIST_LINES), NOW), /400001 lines, at most 400000/);
});

Deno.test("any text is sorted out, and every line counted once", () => {
  const part = fc.constantFrom(KEY, "@", "1.2.3.4", "10.0.0.1", ONION, ":9735", ",", "7", "#", " ");
  const line = fc.oneof(
    fc.array(part, { maxLength: 7 }).map((parts) => parts.join("")),
    fc.string().map((text) => text.replace(/[\r\n]/g, "")),
  );
  fc.assert(fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
    const { clearnet, onion, leftOut } = sortList(lines.join("\n"), NOW);
    const { malformed, torV2, local, repeated } = leftOut;
    const counted = clearnet.length + onion.length + malformed + torV2 + local + repeated;
    assert.equal(counted, lines.filter((line) => line.replace(/#.*/, "").trim() !== "").length);
    const again = sortList([...clearnet, ...onion].join("\n"), NOW);
    assert.deepEqual([again.clearnet, again.onion], [clearnet, onion]);
  }));
});
