import assert from "node:assert/strict";
import { wallTime } from "./instant.ts";
import { LocalTime } from "./local_time.ts";

function located(zone: string, walls: string[]): [string, boolean][] {
  const time = new LocalTime(zone);
  return walls.map((text) => {
    const { at, isDoubtful } = time.locate(wallTime(text, 0));
    return [new Date(at / 1000).toISOString(), isDoubtful];
  });
}

Deno.test("a local time is moved by the offset of its day", () => {
  assert.deepEqual(
    located("Europe/Berlin", ["2026-01-15 12:00:00.125", "2026-07-15 12:00:00.000"]),
    [["2026-01-15T11:00:00.125Z", false], ["2026-07-15T10:00:00.000Z", false]],
  );
  assert.deepEqual(
    located("Asia/Kathmandu", ["2026-07-15 12:00:00.000"]),
    [["2026-07-15T06:15:00.000Z", false]],
  );
});

Deno.test("the hour that comes twice is doubtful, and told apart by the order of the log", () => {
  assert.deepEqual(
    located("Europe/Berlin", [
      "2026-10-25 01:59:59.000",
      "2026-10-25 02:30:00.000",
      "2026-10-25 02:59:59.000",
      "2026-10-25 02:58:30.000",
      "2026-10-25 02:59:59.000",
      "2026-10-25 03:00:00.000",
    ]),
    [
      ["2026-10-24T23:59:59.000Z", false],
      ["2026-10-25T00:30:00.000Z", true],
      ["2026-10-25T00:59:59.000Z", true],
      // Before the last one as a first pass would have it: so it is the second.
      ["2026-10-25T01:58:30.000Z", true],
      ["2026-10-25T01:59:59.000Z", true],
      ["2026-10-25T02:00:00.000Z", false],
    ],
  );
});

Deno.test("the hour that is left out is read by the offset before it", () => {
  assert.deepEqual(
    located("Europe/Berlin", ["2026-03-29 02:30:00.000"]),
    [["2026-03-29T01:30:00.000Z", false]],
  );
});

Deno.test("text that is no time is not taken for one", () => {
  for (const text of ["", "2026-13-01 00:00:00.000", "2026-11-30 24:00:00.000", "x".repeat(23)]) {
    assert.ok(Number.isNaN(wallTime(text, 0)), text);
  }
});
