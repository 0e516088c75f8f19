import assert from "node:assert/strict";
import fc from "fast-check";
import { LiveLine } from "./live_line.ts";

/** A terminal of so many columns that understands what {@link LiveLine} writes; long lines wrap. */
class Screen {
  readonly rows: string[] = [""];
  writes = 0;
  #row = 0;
  #column = 0;

  constructor(public width: number) {}

  columns(): number {
    return this.width;
  }

  write(text: string): void {
    this.writes++;
    // deno-lint-ignore no-control-regex -- a terminal is made of them
    for (const [token, escape, count, command] of text.matchAll(/(\x1b\[(\d*)([A-Z]))|[^]/g)) {
      if (escape === undefined) this.#put(token);
      else if (command === "A") this.#row -= Number(count);
      else if (command === "K") this.#cut();
      else if (command === "J") {
        this.#cut();
        this.rows.length = this.#row + 1;
      } else throw new Error(`unknown: ${JSON.stringify(escape)}`);
    }
  }

  #cut(): void {
    this.rows[this.#row] = this.rows[this.#row].slice(0, this.#column);
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") this.#move(this.#row + 1);
    else {
      if (this.#column === this.width) this.#move(this.#row + 1);
      const row = this.rows[this.#row].padEnd(this.#column);
      this.rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
      this.#column++;
    }
  }

  #move(row: number): void {
    this.#row = row;
    this.#column = 0;
    while (this.rows.length <= row) this.rows.push("");
  }

  /** As a terminal does that wraps anew: the last row is the only one that may be too long. */
  narrow(width: number): void {
    this.width = width;
    const last = this.rows.pop()!;
    for (let at = 0; at === 0 || at < last.length; at += width) {
      this.rows.push(last.slice(at, at + width));
    }
    this.#row = this.rows.length - 1;
    this.#column = this.rows[this.#row].length;
  }
}

Deno.test("a line is renewed in place, and others are printed above it", () => {
  const screen = new Screen(20);
  const line = new LiveLine(screen);
  line.print("first\n");
  line.show("one of two");
  line.print("second\nthird\n");
  line.show("two");
  assert.deepEqual(screen.rows, ["first", "second", "third", "two"]);
  line.clear();
  line.print("fourth\n");
  assert.deepEqual(screen.rows, ["first", "second", "third", "fourth", ""]);
});

Deno.test("each change is one write, and what did not change is not written", () => {
  const screen = new Screen(20);
  const line = new LiveLine(screen);
  for (let i = 0; i < 5; i++) line.show("same");
  assert.equal(screen.writes, 1);
  line.print("text\n");
  line.clear();
  line.clear();
  assert.equal(screen.writes, 3);
});

Deno.test("a line that is too long is cut, and one that a narrower terminal wrapped leaves nothing behind", () => {
  const screen = new Screen(10);
  const line = new LiveLine(screen);
  line.show("0123456789abc");
  assert.deepEqual(screen.rows, ["012345678"]);
  screen.narrow(4);
  assert.deepEqual(screen.rows, ["0123", "4567", "8"]);
  line.print("up\n");
  assert.deepEqual(screen.rows, ["up", "012"]);
  line.show("xyz");
  assert.deepEqual(screen.rows, ["up", "xyz"]);
});

Deno.test("whatever is shown and printed, the screen is the lines and the last live line", () => {
  const word = fc.string({ unit: "grapheme-ascii", maxLength: 12 });
  const step = fc.oneof(fc.record({ show: word }), fc.record({ print: word }));
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const screen = new Screen(13);
    const line = new LiveLine(screen);
    const printed: string[] = [];
    let shown = "";
    for (const each of steps) {
      if ("show" in each) line.show(shown = each.show);
      else {
        line.print(`${each.print}\n`);
        printed.push(each.print);
      }
    }
    assert.deepEqual(screen.rows, [...printed, shown]);
  }));
});
