import { deepEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../shared/errors.ts";
import { readGroups, readPeerList } from "./peer_list.ts";

const [one, two] = [`02${"a".repeat(64)}`, `03${"b".repeat(64)}`];

Deno.test("a list gives each node its addresses, a CSV its group", () => {
  const text =
    `# mine\n${one}@1.2.3.4:9735\n${one}@x.example:1 # name\n\n${two.toUpperCase()}@[::1]:9\n`;
  deepEqual([...readPeerList(text, "p")], [
    [one, [`${one}@1.2.3.4:9735`, `${one}@x.example:1`]],
    [two, [`${two.toUpperCase()}@[::1]:9`]],
  ]);
  const csv = `node_id,alias,region\n${one},x,EU\n${two},y,\n`;
  deepEqual([...readGroups(csv, "region", "c")], [[one, "EU"]]);
});

Deno.test("what is wrong is named with its line", () => {
  throws(() => readPeerList(`${one}@1.2.3.4:9735\nx\n`, "p"), /p: line 2 is "x"; it should be pub/);
  throws(() => readPeerList("", "p"), /names no peer/);
  throws(() => readGroups("a,b\n", "region", "c"), /columns node_id and region/);
  const twice = `node_id,region\n${one},EU\n${one},EU\n`;
  deepEqual([...readGroups(twice, "region", "c")], [[one, "EU"]]);
  throws(() => readGroups(`${twice}${one},US\n`, "region", "c"), /line 4 names another region of/);
  throws(() => readGroups(`node_id,region\n${one}\n`, "region", "c"), /line 2 should have 2 cells/);
});

Deno.test("any text is a list or refused", () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(one, "@", "h:1", ",", "\n", '"', "node_id,r")).map((a) => a.join("")),
  );
  fc.assert(fc.property(text, (input) => {
    for (const read of [() => readPeerList(input, "p"), () => readGroups(input, "r", "c")]) {
      try {
        for (const nodeId of read().keys()) ok(/^0[23][0-9a-f]{64}$/.test(nodeId));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
  }));
});
