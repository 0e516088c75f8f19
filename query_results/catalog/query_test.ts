import fc from "fast-check";
import assert from "node:assert/strict";
import { boundNames, parseQuery, parseValue } from "./query.ts";

const HEADER = `-- title: A title
-- section: A section
-- order: 20
-- telling: count
-- question: What
--   is asked?
-- inputs: receipts
-- pitfall: One.
-- pitfall: Two
--   lines.
-- parameter: share DOUBLE 0.001..1 = 0.5, a share
-- parameter: bin_seconds BIGINT 1..86400 = adaptive(60), a width
-- parameter: all BOOLEAN = false, whether all
`;
const BODY = "SELECT $share, $bin_seconds, $all, $window_from -- not $this\n";

Deno.test("a query's header is read, continued lines joined", () => {
  const query = parseQuery("name", HEADER + BODY, { mark: "bar" });
  assert.deepEqual(query, {
    name: "name",
    title: "A title",
    section: "A section",
    order: 20,
    onlyWithRows: false,
    worker: undefined,
    asksDelays: false,
    by: undefined,
    telling: "count",
    question: "What is asked?",
    inputs: "receipts",
    pitfalls: ["One.", "Two lines."],
    parameters: [
      {
        name: "share",
        type: "DOUBLE",
        bounds: { least: 0.001, greatest: 1 },
        fallback: 0.5,
        meaning: "a share",
      },
      {
        name: "bin_seconds",
        type: "BIGINT",
        bounds: { least: 1, greatest: 86_400 },
        fallback: { preferred: 60 },
        meaning: "a width",
      },
      { name: "all", type: "BOOLEAN", bounds: null, fallback: false, meaning: "whether all" },
    ],
    sql: HEADER + BODY,
    chart: { mark: "bar" },
  });
});

Deno.test("with which values of parameters a query reads summaries", () => {
  const parse = (text: string) => () =>
    parseQuery("bad", HEADER.replace("-- pitfall", `-- summaries: ${text}\n-- pitfall`) + BODY, {});
  assert.deepEqual(parse("always")().summaries, new Map());
  const values = new Map<string, number | boolean>([["share", 0.5], ["all", false]]);
  assert.deepEqual(parse("share=0.5, all=false")().summaries, values);
  const multiples = new Map([["share", { multipleOf: 900 }]]);
  assert.deepEqual(parse("share=n*900")().summaries, multiples);
  assert.throws(parse("share=half"), /bad\.sql: cannot read "share=half" of "summaries"/);
  assert.throws(parse("never"), /cannot read "never"/);
  assert.throws(parse("shape=0.5"), /parameter shape is either undeclared or unused/);
});

Deno.test("a header that lacks a key, repeats one or has an unknown one is refused by name", () => {
  const parse = (sql: string) => () => parseQuery("bad", sql, {});
  assert.throws(parse(BODY), /bad\.sql: "title" should be there once/);
  assert.throws(parse(HEADER.replace("inputs", "title") + BODY), /"title" should be there once/);
  assert.throws(parse(HEADER.replace("inputs", "imputs") + BODY), /cannot read header line/);
  assert.throws(parse(HEADER.replaceAll("pitfall:", "question:") + BODY), /"question"/);
  assert.throws(parse(HEADER.replace("0.5", "half") + BODY), /cannot read parameter "share/);
  assert.throws(parse(HEADER.replace(" 0.001..1", "") + BODY), /cannot read parameter "share/);
  assert.throws(parse(HEADER.replace(/-- pitfall.*\n(-- {3}.*\n)?/g, "") + BODY), /no "pitfall"/);
});

Deno.test("a section is needed; order and rows are not, and are refused when ill-formed", () => {
  const parse = (sql: string) => () => parseQuery("bad", sql, {});
  const order = "-- order: 20\n";
  assert.throws(
    parse(HEADER.replace(/-- section.*\n/, "") + BODY),
    /"section" should be there once/,
  );
  assert.throws(parse(HEADER.replace("20", "last") + BODY), /"order" should be a whole number/);
  assert.throws(parse(HEADER.replace(order, order + order) + BODY), /"order" .* at most once/);
  const { order: place, onlyWithRows } = parse(
    HEADER.replace(order, "-- only-with-rows: true\n") + BODY,
  )();
  assert.deepEqual([place > 600 && place < 900, onlyWithRows], [true, true]);
});

Deno.test("parameters are declared and used, or refused", () => {
  const parse = (sql: string) => () => parseQuery("bad", sql, {});
  assert.throws(
    parse(HEADER + BODY + "+ $other"),
    /parameter other is either undeclared or unused/,
  );
  assert.throws(parse(HEADER + "SELECT $share, $all"), /parameter bin_seconds is either/);
});

Deno.test("names in comments are not bound", () => {
  assert.deepEqual(boundNames("-- $a\nSELECT $b, $c -- $d\n, $b"), ["b", "c"]);
});

Deno.test("a value of any text is of its type or undefined", () => {
  assert.equal(parseValue("BOOLEAN", "true"), true);
  assert.equal(parseValue("BIGINT", "3600"), 3600);
  assert.equal(parseValue("BIGINT", "1.5"), undefined);
  assert.equal(parseValue("DOUBLE", "1.5"), 1.5);
  fc.assert(fc.property(
    fc.constantFrom("BIGINT" as const, "DOUBLE" as const, "BOOLEAN" as const),
    fc.oneof(fc.string(), fc.double().map(String), fc.constantFrom("true", "1e9", "0x10", " 1")),
    (type, text) => {
      const value = parseValue(type, text);
      if (value === undefined) return;
      assert.equal(typeof value, type === "BOOLEAN" ? "boolean" : "number");
      if (typeof value === "number") assert.ok(Number.isFinite(value));
      if (type === "BIGINT") assert.ok(Number.isSafeInteger(value));
    },
  ));
});
