// `deno task archive release`: lets go of collectors in place of an archiver that cannot do it itself any more.

import type { NatsConnection } from "nats";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { connectNats, NatsError, natsErrorText } from "../../shared/nats/connect.ts";
import { decodeClockReply } from "../../shared/nats/message.ts";
import { expectPermitted, natsNeeds, readNeeds } from "../../shared/sandbox.ts";
import { clockSubject } from "../../shared/subjects.ts";
import { printable } from "../../shared/text.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { readerLimits } from "../config.ts";
import { collectorNames } from "./names.ts";
import { Claims } from "../intake/claims.ts";
import { resetConsumer, takerOfAll } from "../intake/stream.ts";
import { archivedRanges, collectorsIn } from "../store/claimed.ts";
import { rowsOf } from "../store/database.ts";
import { archiveIdentity } from "../store/identity.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";

/** For the archiver that has a collector to answer. */
const ANSWER_MS = 3000;

const COMMAND = "deno task archive release";

export const releaseCommand: Subcommand = subcommand({
  name: COMMAND,
  summary:
    "Let go of collectors in place of an archiver that is gone for good, so that another one takes them.\n" +
    "One that can be started once more does it itself, without these collectors in nats.collectors.",
  flags: {
    collectors: { value: "NAMES", help: "comma-separated", required: true },
    of: {
      value: "FILE",
      help: "its archive, or the newest snapshot: the next archiver refuses batches that this has",
    },
    lost: { type: "boolean", help: "there is no such file" },
    config: { ...CONFIG_FLAG, help: "the config of an archiver on the same broker" },
  },
  examples: [
    `${COMMAND} --collectors vps1,vps2 --of archive/gossip.duckdb`,
    `${COMMAND} --collectors vps1 --lost`,
  ],
}, async ({ collectors, of: path, lost, config: configPath }) => {
  const names = collectorNames(collectors, COMMAND);
  if ((path === undefined) !== lost) throw new UserError(`${COMMAND}: give either --of or --lost`);
  const config = await readArchiverConfig(configPath);
  const { nats } = config;
  if (!nats) throw new UserError(`${COMMAND}: ${configPath} names no broker (nats)`);
  expectPermitted([...natsNeeds("nats", nats), ...readNeeds({ "--of": path })], "archiver");
  using file = path === undefined ? null : await openArchive(path, readerLimits(config));
  const archive = file && {
    read: (sql: string, values?: string[]) => rowsOf(file.connection, sql, values),
  };
  const identity = archive && await archiveIdentity(archive);
  const claims = new Claims({
    archive: identity ?? "",
    replicas: nats.replicas,
    clock: systemClock,
    claimed: new Map(),
    known: () => archive ? collectorsIn(archive) : Promise.resolve([]),
    archived: (name) => archive ? archivedRanges(archive, name) : Promise.resolve([]),
  });
  const broker = nats.servers.join(", ");
  try {
    const access = await readNatsAccess(nats);
    await using stack = new AsyncDisposableStack();
    const connection = await connectNats({ ...access, name: "gossip release" });
    stack.defer(() => connection.close());
    const taker = await takerOfAll(connection, nats.stream);
    if (taker !== null) {
      const why = await whyNot(connection, names[0], taker.archive, identity);
      if (why !== null) throw new UserError(`Cannot release what takes all: ${why}`);
      await claims.tell(connection, []);
      const { archive } = taker;
      await resetConsumer(connection, { stream: nats.stream, archive, collector: null });
      console.log(`archive ${printable(archive)} takes all collectors no longer`);
    }
    for (const name of names) {
      const owner = await claims.owner(connection, name);
      if (owner === null) {
        console.log(`${name} is free: the archiver takes it that names it in nats.collectors`);
        continue;
      }
      const why = await whyNot(connection, name, owner, identity);
      if (why !== null) throw new UserError(`Cannot release ${name}: ${why}`);
      await resetConsumer(connection, { stream: nats.stream, archive: owner, collector: name });
      const known = await claims.handOver(connection, name);
      console.log(`${name} is free: the next archiver refuses ${known} batches that others have`);
    }
  } catch (error) {
    if (!(error instanceof NatsError)) throw error;
    throw new UserError(`Cannot release at ${broker}: ${natsErrorText(error)}`, { cause: error });
  }
});

/** Why an archive's collector should not be let go in its place; null when it may be. @param given the archive at hand. */
async function whyNot(
  connection: NatsConnection,
  collector: string,
  owner: string,
  given: string | null,
): Promise<string | null> {
  if (given !== null && given !== owner) {
    return `archive ${printable(owner)} has it, and --of names archive ${given}`;
  }
  const running = await connection.request(clockSubject(collector), "", { timeout: ANSWER_MS })
    .then(({ data }) => decodeClockReply(data).archive).catch(() => null);
  if (running !== owner) return null;
  return `the archiver of archive ${
    printable(owner)
  } runs: restart it without ${collector} in its nats.collectors`;
}
