// The uplink to an archiver on the same host: each batch is one HTTP POST, answered after it is committed.

import * as v from "valibot";
import { batchId, type ResendRequest } from "../../shared/batch/batch.ts";
import { checkResendRequest, MAX_RESEND_REQUEST_BYTES } from "../../shared/batch/resend_request.ts";
import { authorization, readApiToken } from "../../shared/api_token.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { printable } from "../../shared/text.ts";
import { type DeliveryOutcome, type OutgoingBatch, type Uplink, UplinkFault } from "./uplink.ts";

const log = logger("collector", "uplink");

/** An archiver commits several batches at once, so a few may wait for the same commit. */
const MAX_OUTSTANDING = 4;
/** How long a commit may take before the batch is sent again. */
const ANSWER_TIMEOUT_MS = 30_000;
/** The longest answer: a resend request and a few words. */
const MAX_ANSWER_BYTES = MAX_RESEND_REQUEST_BYTES + 4096;

export interface LocalUplinkOptions {
  readonly url: string;
  /** With the archiver's token; read again when the archiver refuses it. */
  readonly tokenFile: string;
  readonly collector: string;
  readonly onResendRequest: (resend: ResendRequest) => void;
}

const answerSchema = v.object({
  status: v.picklist(["committed", "duplicate"]),
  resend: v.optional(v.unknown(), null),
});

/** Batches by HTTP POST to `/batches`. */
export class LocalUplink implements Uplink {
  readonly target: string;
  readonly maxOutstanding: number = MAX_OUTSTANDING;
  readonly #options: LocalUplinkOptions;
  #token: string | null = null;

  constructor(options: LocalUplinkOptions) {
    this.#options = options;
    this.target = new URL("/batches", options.url).href;
  }

  async send(batch: OutgoingBatch, signal: AbortSignal): Promise<DeliveryOutcome> {
    const { status, body } = await this.#post(batch.bytes, signal);
    if (status === 200) return this.#accepted(body);
    const answer = printable(new TextDecoder().decode(body), 200);
    if (status === 422) {
      const id = batchId({ ...batch, collector: this.#options.collector });
      log.error("The archive could not read batch {id} and set it aside: {answer}", { id, answer });
      return "set_aside";
    }
    if (status === 401) this.#token = null;
    const code = status === 503 ? "busy" : "refused";
    throw new UplinkFault(code, `HTTP status ${status}: ${answer}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #post(
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ status: number; body: Uint8Array }> {
    signal.throwIfAborted();
    const token = this.#token ??= await this.#readToken();
    const end = new AbortController();
    const onAbort = () => end.abort(signal.reason);
    signal.addEventListener("abort", onAbort);
    const late = new Error("no answer in time");
    const timer = setTimeout(() => end.abort(late), ANSWER_TIMEOUT_MS);
    try {
      const response = await fetch(this.target, {
        method: "POST",
        headers: { "content-type": "application/octet-stream", ...authorization(token) },
        body: bytes as Uint8Array<ArrayBuffer>,
        signal: end.signal,
      });
      return { status: response.status, body: await readBody(response, MAX_ANSWER_BYTES) };
    } catch (error) {
      signal.throwIfAborted();
      throw new UplinkFault("unreachable", errorText(error), { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #readToken(): Promise<string> {
    try {
      return await readApiToken(this.#options.tokenFile);
    } catch (error) {
      throw new UplinkFault("refused", `${errorText(error)} (uplink.token_file)`, { cause: error });
    }
  }

  #accepted(body: Uint8Array): DeliveryOutcome {
    let resend: ResendRequest | null;
    let status: "committed" | "duplicate";
    try {
      const answer = v.parse(answerSchema, JSON.parse(new TextDecoder().decode(body)));
      resend = answer.resend === null ? null : checkResendRequest(answer.resend);
      status = answer.status;
    } catch (error) {
      throw new UplinkFault("refused", `the answer is not an archiver's: ${errorText(error)}`, {
        cause: error,
      });
    }
    if (resend) this.#options.onResendRequest(resend);
    return status === "duplicate" ? "duplicate" : "stored";
  }
}

/** The whole body of an answer. @throws {Error} when it is longer than `maxBytes`; the rest is left unread. */
export async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
