// How long a wish takes to 20 collectors over a broker with a fleet's accounts, until the archiver has heard that they run
// it.

import { Heartbeats } from "../../archiver/intake/heartbeats.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { followWishes } from "../../collector/steering/follow.ts";
import { Steering } from "../../collector/steering/steering.ts";
import { sendHeartbeats } from "../../collector/uplink/heartbeats.ts";
import { NatsLink } from "../../collector/uplink/nats_link.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { WISHES } from "../../shared/fleet/wish.ts";
import { loopbackPolicy } from "../support/fixtures/dialling.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { startFleetBroker } from "../support/servers/fleet_broker.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { type Benchmark, figure } from "./figure.ts";

const COLLECTORS = 20;
const ROUNDS = 5;
/** Listed in each wish. */
const PEERS = 200;

/** Wishes put one after the other, each with a list of peers. */
export const fleetBenchmark: Benchmark = {
  name: "fleet",
  what: `a wish's way to ${COLLECTORS} collectors and back`,
  async run() {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir());
    const names = Array.from({ length: COLLECTORS }, (_, i) => `vps${i}`);
    const broker = stack.use(await startFleetBroker(names));
    const archiver = await broker.connect("archiver");
    const heard = new Heartbeats(systemClock);
    heard.listen(archiver);
    await archiver.flush();
    const bucket = await archiver.jetstream().views.kv(WISHES);
    for (const collector of names) {
      const access = broker.access(collector);
      const link = stack.use(
        new NatsLink({ ...access, collector, readAccess: () => Promise.resolve(access) }),
      );
      const facts = () => ({
        ...{ epoch: 1, version: "1", peers: 0, receipts: 0, spool_bytes: 0 },
        steering: steering.report,
      });
      const steering: Steering = stack.use(
        new Steering({
          config: parseConfig(`name: ${collector}`, CollectorConfigSchema, collector),
          path: dir.join(`${collector}.json`),
          policy: loopbackPolicy,
          clock: systemClock,
          apply: () => {},
          onChange: () => heartbeats.beat(),
        }),
      );
      const heartbeats = stack.use(sendHeartbeats(link, facts, systemClock));
      stack.use(followWishes(link, (wish) => steering.take(wish), systemClock));
    }
    await until(() => names.every((name) => heard.last.has(name)));
    const peers = Array.from({ length: PEERS }, (_, i) => {
      const end = { kind: "ipv4" as const, host: "127.0.0.1", port: 1000 + i };
      return formatNodeAddress({ nodeId: testKey(`fleet ${i}`).id, end });
    });
    const seconds: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const began = performance.now();
      const revisions = new Map<string, number>();
      for (const name of names) {
        revisions.set(name, await bucket.put(name, JSON.stringify({ target: round, peers })));
      }
      await until(() =>
        names.every((name) => heard.last.get(name)?.steering?.revision === revisions.get(name))
      );
      seconds.push((performance.now() - began) / 1000);
    }
    const bar = { sense: "<=", limit: 5 } as const;
    return [figure(`a wish's way to ${COLLECTORS} collectors, reported back`, seconds, "s", bar)];
  },
};
