// Tries what a sandboxed program should not be able to do, and prints what became of each try: one JSON object, name
// to `refused`, `done` or what else happened. Run it under the permission set in question.

const dial = (hostname: string, port: number) => async () =>
  (await Deno.connect({ hostname, port, signal: AbortSignal.timeout(1000) })).close();

const TRIES: Record<string, (name?: string) => unknown> = {
  "dial 10.0.0.1": dial("10.0.0.1", 9735),
  "dial 172.16.0.1": dial("172.16.0.1", 9735),
  "dial 192.168.1.1": dial("192.168.1.1", 9735),
  "dial 169.254.169.254": dial("169.254.169.254", 80),
  "dial 100.64.0.1": dial("100.64.0.1", 9735),
  "dial 168.63.129.16": dial("168.63.129.16", 80),
  "dial 192.0.0.192": dial("192.0.0.192", 80),
  "dial 198.18.0.1": dial("198.18.0.1", 9735),
  "dial 203.0.113.9": dial("203.0.113.9", 9735),
  "dial 224.0.0.1": dial("224.0.0.1", 9735),
  "dial ::1": dial("::1", 9735),
  "dial another port of loopback": dial("127.0.0.1", 1),
  "dial a name": dial("localhost", 9735),
  "dial 127.1": dial("127.1", 9735),
  "dial 167772161": dial("167772161", 9735),
  "dial ::ffff:10.0.0.1": dial("::ffff:10.0.0.1", 9735),
  "fetch from 10.0.0.1": () => fetch("http://10.0.0.1/", { signal: AbortSignal.timeout(1000) }),
  "listen": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }).close(),
  "listen on loopback": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "read another file": () => Deno.readTextFile("/etc/passwd"),
  "read its own source": () => Deno.readTextFile(new URL(import.meta.url)),
  "write another file": () => Deno.writeTextFile("/tmp/gossip-observer-probe", ""),
  "run a program": () => new Deno.Command("true").output(),
  "run deno": () => new Deno.Command("deno", { args: ["--version"] }).output(),
  "load a library": () => Deno.dlopen("libc.so.6", {}).close(),
  "ask the system": () => Deno.hostname(),
  "import from a server": (name = "probe") => import(`https://127.0.0.1:1/${name}.ts`),
};

const outcomes: Record<string, string> = {};
for (const [name, attempt] of Object.entries(TRIES)) {
  try {
    await attempt();
    outcomes[name] = "done";
  } catch (error) {
    const refused = error instanceof Deno.errors.NotCapable ||
      error instanceof TypeError && /^Requires import access/.test(error.message);
    outcomes[name] = refused ? "refused" : String(error);
  }
}
outcomes.environment = Deno.env.get("PATH") ?? "undefined";
// Asked, not tried: this one is there.
const publicHost = { name: "net", host: "1.1.1.1:9735" } as const;
outcomes["dial a public address"] = (await Deno.permissions.query(publicHost)).state;
console.log(JSON.stringify(outcomes));
