// Whether a log shows what its source needs, and the one command that makes it.

import type { LogKind } from "../../shared/node_logs/logs.ts";
import { storeVersion } from "../../shared/node_logs/gossip_store.ts";
import { errorText } from "../../shared/errors.ts";
import { readFull } from "../../shared/files.ts";
import type { SourceConfig } from "./config.ts";

/** An idle node with one peer logs a ping in each minute. */
const TAIL_BYTES = 1_048_576;

interface Level {
  readonly mark: RegExp;
  readonly command: (path: string) => string;
}

const LEVELS: Readonly<Record<LogKind, Level>> = {
  cln_io_log: {
    mark: /-connectd: \[(IN|OUT)\] /,
    command: (path) =>
      "restart lightningd with " +
      `--log-level=info --log-file=MAIN_LOG --log-file=${path} --log-level=io:connectd:${path}`,
  },
  lnd_trace_log: {
    mark: /\[TRC\] PEER.*: Peer\(/,
    command: () => "run: lncli debuglevel --level=PEER=trace",
  },
  lnd_debug_log: {
    mark: /\[(DBG|TRC)\] PEER.*: Peer\(/,
    command: () => "run: lncli debuglevel --level=PEER=debug",
  },
};

/** Looks at the end of a source's file. @returns a line on what it shows, or on what to do. */
export async function describeLevel({ name, kind, path }: SourceConfig): Promise<string> {
  const about = `Source ${name}, ${path}: `;
  try {
    const { isFifo, size } = await Deno.stat(path);
    if (isFifo) return `${about}a FIFO, not looked into; it is emptied from the start on`;
    using file = await Deno.open(path);
    if (kind === "cln_gossip_store") {
      const first = new Uint8Array(1);
      await file.read(first);
      return `${about}gossip_store of version ${storeVersion(first[0])}`;
    }
    await file.seek(Math.max(0, size - TAIL_BYTES), Deno.SeekMode.Start);
    const tail = await readFull(file, new Uint8Array(Math.min(size, TAIL_BYTES)));
    const { mark, command } = LEVELS[kind];
    if (mark.test(new TextDecoder("latin1").decode(tail))) {
      return `${about}shows what ${kind} needs`;
    }
    return `${about}nothing in its last ${tail.length} bytes is what ${kind} needs; ${
      command(path)
    }`;
  } catch (error) {
    return `${about}cannot be read: ${errorText(error)}`;
  }
}
