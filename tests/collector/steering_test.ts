import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { WISHES } from "../../shared/fleet/wish.ts";
import { seededRandom } from "../../shared/random.ts";
import { parseConfig } from "../../shared/config.ts";
import { systemClock } from "../../shared/clock.ts";
import { isoTime } from "../../shared/time.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { type Course, readCourse } from "../../collector/steering/course.ts";
import { followWishes } from "../../collector/steering/follow.ts";
import { Steering } from "../../collector/steering/steering.ts";
import { NatsLink } from "../../collector/uplink/nats_link.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { loopbackBook, loopbackPolicy } from "../support/fixtures/dialling.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startFleetBroker } from "../support/servers/fleet_broker.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const config = parseConfig("name: vps1\npeers: {target: 7}", CollectorConfigSchema, "c");
const address = (label: string) => ({
  nodeId: testKey(label).id,
  end: { kind: "ipv4" as const, host: "127.0.0.1", port: 9735 },
});
const line = (label: string) => formatNodeAddress(address(label));

Deno.test("a wish goes over the config, and what it leaves out is the config's", () => {
  const text = JSON.stringify({ kinds: ["onion", "ipv4"], peers: [line("a")], rotate_every: "6h" });
  const course = readCourse(text, config, loopbackPolicy);
  deepEqual([course.target, course.kinds, course.rotateEveryMs, course.paused], [
    7,
    ["onion", "ipv4"],
    21_600_000,
    false,
  ]);
  deepEqual(course.peers, [address("a")]);
});

Deno.test("what a collector cannot follow is refused in one line that says why", () => {
  const refused: [unknown, RegExp][] = [
    ["no JSON", /^it is not JSON: /],
    [{ target: -1, kinds: [] }, /^target: -1 — should be .*; kinds: .*at least one kind$/],
    [{ colour: "red" }, /^colour: unknown key/],
    [{ until: "soon" }, /should be an instant such as/],
    [{ target: 0 }, /^target: 0 — should be from 1, or use paused/],
    [{ peers: [`02${"0".repeat(64)}@h:1`] }, /^.0200.* should be a public key/],
    [{ peers: [`${testKey("a").id}@10.0.0.1:9735`] }, /^peers: none can be dialled, such as 0/],
  ];
  for (const [wish, message] of refused) {
    const text = typeof wish === "string" ? wish : JSON.stringify(wish);
    throws(() => readCourse(text, config, loopbackPolicy), { name: "UserError", message });
  }
});

Deno.test("a book that is limited hands out the listed nodes alone, until it is not", () => {
  const book = loopbackBook([address("a"), address("b")]);
  book.limitTo(new Set([testKey("b").id]));
  deepEqual([book.take(1)?.nodeId, book.take(1)], [testKey("b").id, undefined]);
  equal(book.isWanted(address("a")), false);
  book.limitTo(null);
  equal(book.take(1)?.nodeId, testKey("a").id);
});

/** A steering whose courses are recorded. */
function steer(path: string, clock: ManualClock) {
  const courses: Course[] = [];
  const apply = (course: Course) => courses.push(course);
  const steering = new Steering({ config, path, policy: loopbackPolicy, clock, apply });
  return { steering, targets: () => courses.map(({ target }) => target) };
}

Deno.test("a refused wish leaves the last one in force, also at the next start without a broker", async () => {
  using log = new CapturedLog();
  await using dir = await tempDir();
  const clock = new ManualClock();
  const first = steer(dir.join("wish.json"), clock);
  first.steering.take({ revision: 1, text: '{"target":5}' });
  first.steering.take({ revision: 1, text: '{"target":5}' });
  first.steering.take({ revision: 2, text: '{"target":-5}' });
  first.steering.take({ revision: 2, text: '{"target":-5}' });
  deepEqual(first.targets(), [5]);
  equal(first.steering.report.revision, 1);
  match(first.steering.report.refused!.reason, /^target: -5/);
  equal(log.lines("Refusing wish 2").length, 1);

  const second = steer(dir.join("wish.json"), clock);
  second.steering.restore();
  equal(second.steering.report.revision, 1);
  second.steering.take({ revision: 3, text: null });
  deepEqual(second.targets(), [5, 7]);
  deepEqual(second.steering.report, { revision: null, listed: null, refused: null, paused: false });
  const third = steer(dir.join("wish.json"), clock);
  third.steering.restore();
  deepEqual(third.targets(), []);
  await Deno.writeTextFile(dir.join("wish.json"), "damaged");
  third.steering.restore();
  equal(log.lines("Ignoring the kept wish").length, 1);
});

Deno.test("a pause is a target of 0; until pauses when its time comes", async () => {
  using _ = new CapturedLog();
  await using dir = await tempDir();
  const clock = new ManualClock();
  const { steering, targets } = steer(dir.join("wish.json"), clock);
  using _steering = steering;
  const end = isoTime(clock.now() + 7_200_000_000);
  steering.take({ revision: 1, text: JSON.stringify({ until: end }) });
  await clock.advance(7_100_000);
  deepEqual([targets(), steering.report.paused], [[7], false]);
  await clock.advance(200_000);
  deepEqual([targets(), steering.report.paused], [[7, 0], true]);
  steering.take({ revision: 2, text: '{"paused":true}' });
  steering.take({ revision: 3, text: '{"paused":false}' });
  deepEqual(targets(), [7, 0, 0, 7]);
});

Deno.test("a wish reaches 20 collectors over a real broker in 5 s, and each hears its own alone", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const names = Array.from({ length: 20 }, (_, i) => `vps${i}`);
  const broker = stack.use(await startFleetBroker(names));
  const archiver = await broker.connect("archiver");
  const bucket = await archiver.jetstream().views.kv(WISHES);
  await bucket.put("vps0", "before it connects");
  const heard = new Map<string, string | null>();
  const followers = names.map((collector) => {
    const access = broker.access(collector);
    const { servers } = access;
    const link = stack.use(
      new NatsLink({ collector, servers, readAccess: () => Promise.resolve(access) }),
    );
    stack.use(followWishes(link, ({ text }) => heard.set(collector, text), systemClock));
    return link;
  });
  await Promise.all(followers.map(async (link) => (await link.connection()).flush()));
  await until(() => heard.size === 20);
  equal(heard.get("vps0"), "before it connects");
  const random = seededRandom(1);
  for (let round = 0; round < 3; round++) {
    const wish = (name: string) => `${name} ${round} ${random.next()}`;
    const wishes = new Map(names.map((name) => [name, wish(name)]));
    const began = performance.now();
    for (const [name, text] of wishes) await bucket.put(name, text);
    await until(() => names.every((name) => heard.get(name) === wishes.get(name)));
    ok(performance.now() - began < 5000);
  }
  await bucket.delete("vps3");
  await until(() => heard.get("vps3") === null);
  // A broker that was away tells at the next connect.
  await broker.server.kill();
  await broker.server.restart();
  const again = await broker.connect("archiver");
  await (await again.jetstream().views.kv(WISHES)).put("vps4", "after the restart");
  await Promise.all(followers.map((link) =>
    until(async () => {
      return await link.connection().then(() => true, () => false);
    })
  ));
  await until(() => heard.get("vps4") === "after the restart");
});
