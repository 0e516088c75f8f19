import assert from "node:assert/strict";
import fc from "fast-check";
import { LiveLine, ProgressLine } from "./terminal.ts";

/** A terminal of so many columns that understands what {@link LiveLine} writes; long lines wrap. */
class Screen {
  readonly rows: string[] = [""];
  writes = 0;
  #row = 0;
  #column = 0;

  readonly isTerminal = true;

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

/** What a progress line writes to a pipe, and the lines a terminal shows. */
function pipe() {
  let text = "";
  return {
    output: { isTerminal: false, columns: () => 0, write: (part: string) => void (text += part) },
    text: () => text,
  };
}

Deno.test("on a terminal progress is renewed in place five times a second, and gives way to lines that stay", () => {
  const screen = new Screen(12);
  let now = 0;
  const progress = new ProgressLine(screen, { now: () => now });
  progress.show("one");
  assert.deepEqual(screen.rows, ["one"]);
  now = 199;
  progress.show("two");
  assert.deepEqual(screen.rows, ["one"]);
  now = 200;
  progress.show("a line too long");
  assert.deepEqual(screen.rows, ["a line too "]);
  progress.print("done");
  assert.deepEqual(screen.rows, ["done", "a line too "]);
  progress.show("all", 1);
  assert.deepEqual(screen.rows, ["done", "all"]);
  progress.clear();
  assert.deepEqual(screen.rows, ["done", ""]);
});

Deno.test("on a pipe progress is printed again after its time, or a twentieth of the work", () => {
  const { output, text } = pipe();
  let now = 0;
  const progress = new ProgressLine(output, { everyMs: 3000, now: () => now });
  progress.print("begin");
  for (now = 100; now <= 6200; now += 100) progress.show(`at ${now}`);
  progress.show("3 %", 0.03);
  progress.show("6 %", 0.06);
  progress.show("10 %", 0.1);
  progress.show("11 %", 0.11);
  progress.clear();
  assert.equal(text(), "begin\nat 3000\nat 6000\n6 %\n11 %\n");
});
