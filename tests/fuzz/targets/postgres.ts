// The Postgres endpoint: messages of a client, and log-ins.

import { parseArray } from "../../../archiver/postgres/binary.ts";
import { message, SqlError } from "../../../archiver/postgres/replies.ts";
import { makeVerifier, readVerifier, ScramServer } from "../../../archiver/postgres/scram.ts";
import { type ClientMessage, MessageReader, WireFault } from "../../../archiver/postgres/wire.ts";
import type { Fault } from "../../../shared/errors.ts";
import { check, refusal, type Target, utf8 } from "../target.ts";

const MAX_BYTES = 1000;

/** All messages of a stream that comes in pieces of one size. */
function read(input: Uint8Array, size: number): ClientMessage[] {
  const reader = new MessageReader();
  const messages: ClientMessage[] = [];
  for (let at = 0; at < input.length; at += size) {
    reader.push(input.slice(at, at + size));
    for (let next = reader.message(MAX_BYTES); next !== null; next = reader.message(MAX_BYTES)) {
      messages.push(next);
    }
  }
  return messages;
}

/** One message of each kind that a client sends after its log-in. */
export function clientMessages(): Uint8Array[] {
  const bind = message(
    "B",
    ...["p", "s", { i16: 1 }, { i16: 1 }, { i16: 2 }, { i32: 2 }, utf8("ab"), { i32: -1 }],
    ...[{ i16: 1 }, { i16: 0 }],
  );
  return [
    message("Q", "SELECT 1"),
    message("P", "s", "SELECT $1", { i16: 1 }, { i32: 25 }),
    bind,
    message("D", utf8("S"), "s"),
    message("E", "p", { i32: 10 }),
    message("C", utf8("P"), "p"),
    message("S"),
    message("d", utf8("data")),
    message("X"),
  ];
}

/** A stream of messages gives the same messages, however it is cut. */
export function postgresMessagesTarget(): Target {
  const stream = clientMessages();
  return {
    name: "postgres_messages",
    corpus: [...stream, new Uint8Array(stream.flatMap((bytes) => [...bytes]))],
    maxBytes: 400,
    run(input) {
      try {
        const whole = read(input, Math.max(1, input.length));
        const cut = read(input, 1 + (input[0] ?? 0) % 7);
        check(JSON.stringify(whole) === JSON.stringify(cut), "pieces gave other messages");
        return `ok ${whole.map(({ kind }) => kind).slice(0, 4).join(" ")}`;
      } catch (error) {
        return refusal(error, WireFault as unknown as typeof Fault<string>);
      }
    },
  };
}

/** What opens a connection. */
export function postgresOpeningTarget(): Target {
  const opening = (code: number, ...rest: Parameters<typeof message>[1][]) =>
    message("x", { i32: code }, ...rest).subarray(1);
  return {
    name: "postgres_opening",
    corpus: [
      opening(196_608, "user", "me", "database", "gossip", "options", "-c a=b", ""),
      opening(80_877_103),
      opening(80_877_102, { i32: 1 }, { i32: 2 }),
      opening(80_877_104),
    ],
    maxBytes: 200,
    run(input) {
      const reader = new MessageReader();
      reader.push(input);
      try {
        return `ok ${reader.opening()?.kind}`;
      } catch (error) {
        return refusal(error, WireFault as unknown as typeof Fault<string>);
      }
    },
  };
}

/** Nobody logs in without the password, whatever is sent. */
export function postgresScramTarget(): Target {
  const verifier = readVerifier(makeVerifier("secret", new Uint8Array(16)));
  const secret = new Uint8Array(32);
  return {
    name: "postgres_scram",
    corpus: [
      utf8("n,,n=,r=abc\nc=biws,r=abcnonce,p=" + "A".repeat(43) + "="),
      utf8("y,,n=me,r=x\nc=eSws,r=xnonce,p=" + "x".repeat(44)),
    ],
    maxBytes: 200,
    run(input) {
      const [first, final = ""] = new TextDecoder().decode(input).split("\n");
      const server = new ScramServer(verifier, "me", secret, { nonce: "nonce" });
      if (server.first(first) === null) return "refused at once";
      check(server.final(final) === null, "logged in without the password");
      return "ok refused";
    },
  };
}

/** Array literals. */
export function postgresArrayTarget(): Target {
  return {
    name: "postgres_array",
    corpus: ["{1,2,NULL}", '{"a\\"b",{c,d}}', "{}", "{{{{{{{1}}}}}}}"].map(utf8),
    maxBytes: 200,
    run(input) {
      try {
        return `ok ${parseArray(new TextDecoder().decode(input)).length}`;
      } catch (error) {
        check(error instanceof SqlError && error.code === "22P02", String(error));
        return "refused";
      }
    },
  };
}
