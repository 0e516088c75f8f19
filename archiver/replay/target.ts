// Where a replay goes: a broker or an archiver's API; and which archive is behind it.

import type { NatsConnection } from "nats";
import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { authorization, readApiToken } from "../../shared/api_token.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { NatsServerConfig } from "../../shared/nats/access.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { connectNats, NatsError, natsErrorText } from "../../shared/nats/connect.ts";
import { decodeClockReply } from "../../shared/nats/message.ts";
import { batchSubject, clockSubject } from "../../shared/subjects.ts";
import { printable } from "../../shared/text.ts";

const ANSWER_MS = 30_000;

/** Takes batches; disposing closes its connection. */
export interface ReplayTarget extends AsyncDisposable {
  readonly maxOutstanding: number;
  /** Of the archive that takes this collector's batches. @throws {UserError} when none answers. */
  identity(collector: string): Promise<string>;
  /** Resolves once it is safe there. @throws {UserError} when it never will be; {@link Away} when it may be later. */
  send(batch: Batch): Promise<void>;
}

/** The target does not take the batch for the moment. */
export class Away extends Error {}

/** An archiver's API. */
export async function httpTarget(url: string, tokenFile: string): Promise<ReplayTarget> {
  const token = await readApiToken(tokenFile);
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    try {
      return await fetch(new URL(path, url), { ...init, signal, redirect: "error" });
    } catch (error) {
      throw new Away(errorText(error), { cause: error });
    }
  };
  return {
    // Several are committed at once.
    maxOutstanding: 8,
    async identity() {
      const response = await ask("/status", {}).catch((error) => noAnswer(url, error));
      const { archive } = await response.json().catch((error) => noAnswer(url, error));
      return String(archive?.id ?? noAnswer(url, "it does not say which archive it has"));
    },
    async send(batch) {
      const body = encodeBatch(batch) as Uint8Array<ArrayBuffer>;
      const response = await ask("/batches", {
        method: "POST",
        headers: authorization(token),
        body,
      });
      const answer = await response.text();
      if (response.ok) return;
      if (response.status === 503) throw new Away(printable(answer, 200));
      throw new UserError(
        `${url} refuses batch ${batch.number}: HTTP status ${response.status}: ${
          printable(answer, 300)
        }`,
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A broker's stream. @param name of the inbox that answers come to. */
export function natsTarget(config: NatsServerConfig, stream: string, name: string): ReplayTarget {
  let connection: NatsConnection | null = null;
  const connect = async (): Promise<NatsConnection> => {
    if (connection && !connection.isClosed()) return connection;
    const access = await readNatsAccess(config);
    return connection = await connectNats({
      ...access,
      name: "gossip replay",
      inboxPrefix: `_INBOX.${name}`,
    });
  };
  const shown = config.servers.join(", ");
  return {
    maxOutstanding: 16,
    async identity(collector) {
      try {
        const connection = await connect();
        const reply = await connection.request(clockSubject(collector), "", { timeout: 5000 });
        return decodeClockReply(reply.data).archive ??
          noAnswer(shown, "its archiver does not say which archive it has");
      } catch (error) {
        if (error instanceof UserError) throw error;
        return noAnswer(shown, natsErrorText(error));
      }
    },
    async send(batch) {
      try {
        const ack = await (await connect()).jetstream().publish(
          batchSubject(batch.collector),
          encodeBatch(batch),
          { expect: { streamName: stream }, timeout: ANSWER_MS },
        );
        if (ack.stream !== stream) throw new UserError(`${shown}: stream ${ack.stream} takes it`);
      } catch (error) {
        if (error instanceof UserError) throw error;
        const isRefusal = error instanceof NatsError &&
          (error.code === "PERMISSIONS_VIOLATION" || error.code === "AUTHORIZATION_VIOLATION");
        const text = natsErrorText(error);
        if (isRefusal) {
          throw new UserError(`${shown} refuses the replay: ${text}`, { cause: error });
        }
        throw new Away(text, { cause: error });
      }
    },
    async [Symbol.asyncDispose]() {
      await connection?.close();
    },
  };
}

function noAnswer(target: string, why: unknown): never {
  throw new UserError(
    `Cannot replay to ${target}: whether its archive is another one is not known: ${
      printable(errorText(why), 300)
    }`,
  );
}
