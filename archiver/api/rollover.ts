// Rolling days over through the API: each line goes out as soon as its file is done.

import * as v from "valibot";
import type { Days, RolloverRequest } from "../days/days.ts";
import { dayStart } from "../days/layout.ts";
import type { RolloverLine } from "../days/rollover.ts";
import { firstLine } from "../intake/failure.ts";

/** A line of the answer: what was done, and last how it ended. */
export type RolloverAnswer =
  | RolloverLine
  | { readonly done: true }
  | { readonly error: string };

const DAY = "a day is written 2025-09-26";
const RequestSchema: v.GenericSchema<unknown, RolloverRequest> = v.strictObject({
  day: v.optional(
    v.nullable(v.pipe(v.string(), v.check((day) => !Number.isNaN(dayStart(day)), DAY))),
    null,
  ),
  drop: v.optional(v.nullable(v.picklist(["hot", "files"])), null),
  apply: v.optional(v.boolean(), false),
});

/** Reads the body of a request; a text says why it is none. */
export function parseRolloverRequest(body: string): RolloverRequest | string {
  let value: unknown;
  try {
    value = body === "" ? {} : JSON.parse(body);
  } catch {
    return "the body should be JSON";
  }
  const result = v.safeParse(RequestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  return `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`;
}

/** Does a pass; what is read of the stream is JSON, one {@link RolloverAnswer} a line. */
export function rolloverStream(
  days: Pick<Days, "run">,
  request: RolloverRequest,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isRead = true;
  return new ReadableStream({
    async start(controller) {
      const send = (answer: RolloverAnswer) => {
        if (isRead) controller.enqueue(encoder.encode(JSON.stringify(answer) + "\n"));
      };
      try {
        await days.run(request, send);
        send({ done: true });
      } catch (error) {
        send({ error: firstLine(error) });
      }
      if (isRead) controller.close();
    },
    cancel() {
      // The pass goes on: whoever asked for it may have been cut off.
      isRead = false;
    },
  });
}
