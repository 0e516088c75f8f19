// What a config needs of Deno's sandbox, held against what this process may do before anything fails half-way.

import { resolve } from "node:path";
import project from "../deno.json" with { type: "json" };
import { UserError } from "./errors.ts";
import type { NatsServerConfig } from "./nats/access.ts";
import type { S3Config } from "./s3/access.ts";

/** One address or path that a config names. */
export interface Need {
  readonly kind: "net" | "read" | "write";
  /** Its key in the config, such as `metrics.port`. */
  readonly key: string;
  /** `host:port`, or a path. */
  readonly value: string;
}

/** What is used of a permission set in `deno.json`. */
interface PermissionSet {
  readonly net?: readonly string[] | { readonly allow: readonly string[] };
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** The programs by their permission set. */
export type Program = "collector" | "archiver" | "query" | "where" | "lab" | "fleet";

const DOING = { net: "using", read: "reading", write: "writing" } as const;
const TASKS = {
  collector: "collect",
  archiver: "archive",
  query: "query",
  where: "where",
  lab: "lab",
  fleet: "fleet",
} as const satisfies Record<Program, keyof typeof project.tasks>;
const NATS_PORT = 4222;
/** By this process: a flag of the next one replaces those of this one. */
const asked: Need[] = [];

/** Those of the needs that the sandbox does not open. */
export function forbidden(needs: readonly Need[]): Need[] {
  return needs.filter((need) => Deno.permissions.querySync(descriptorOf(need)).state !== "granted");
}

/** Does nothing when the sandbox opens all of them. @throws {UserError} with the one command that opens them. */
export function expectPermitted(needs: readonly Need[], program: Program): void {
  asked.push(...needs);
  const closed = forbidden(needs);
  if (closed.length === 0) return;
  const lines = closed.map(({ key, kind, value }) => `  ${key}: ${DOING[kind]} ${value}`);
  const what = "The sandbox does not open what the config or command line names:";
  throw new UserError([what, ...lines, openingText([], program)].join("\n"));
}

/** How to start the program so that the sandbox opens these, and all that {@link expectPermitted} was asked for. */
export function openingText(more: readonly Need[], program: Program): string {
  const needs = [...asked, ...more];
  if (!Deno.build.standalone) return `Run it as:\n  ${commandWith(needs, program)}`;
  const closed = forbidden(needs);
  const flags = valuesOf(closed, "net").join(",");
  return [
    ...flags === "" ? [] : [`Build it with: deno task compile --allow-cidr ${flags}`],
    ...closed.every(({ kind }) => kind === "net")
      ? []
      : ["Keep its files in /etc/gossip-observer and /var/lib/gossip-observer"],
  ].join("\n");
}

/** What connecting to the NATS servers of a config needs. @param key of their group. */
export function natsNeeds(key: string, { servers, auth = {}, tls }: NatsServerConfig): Need[] {
  return [
    ...servers.map((server): Need => ({
      kind: "net",
      key: `${key}.servers`,
      value: hostOf(server, NATS_PORT),
    })),
    ...Object.entries(auth).flatMap(([name, value]): Need[] =>
      name.endsWith("_file") && value !== undefined
        ? [{ kind: "read", key: `${key}.auth.${name}`, value }]
        : []
    ),
    ...tls?.ca_file !== undefined
      ? [{ kind: "read", key: `${key}.tls.ca_file`, value: tls.ca_file } as const]
      : [],
  ];
}

/** What using an S3 service needs of the sandbox. @param key of its group in the config. */
export function s3Needs(key: string, config: S3Config): Need[] {
  const { endpoint, access_key_file: access, secret_key_file: secret } = config;
  const files = Object.entries({ access_key_file: access, secret_key_file: secret });
  return [
    {
      kind: "net",
      key: `${key}.endpoint`,
      value: hostOf(endpoint, endpoint.startsWith("https") ? 443 : 80),
    },
    ...files.flatMap(([name, value]): Need[] =>
      value === undefined ? [] : [{ kind: "read", key: `${key}.${name}`, value }]
    ),
  ];
}

/** Reading the files that flags name. */
export function readNeeds(files: Readonly<Record<string, string | undefined>>): Need[] {
  return Object.entries(files).flatMap(([key, value]): Need[] =>
    value === undefined ? [] : [{ kind: "read", key, value }]
  );
}

/** Reading and writing a path. */
export function bothNeeds(key: string, value: string): Need[] {
  return [{ kind: "read", key, value }, { kind: "write", key, value }];
}

/** The `host:port` of a URL. */
export function hostOf(url: string, defaultPort: number): string {
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, "http:"));
  return `${hostname}:${port || defaultPort}`;
}

function descriptorOf({ kind, value }: Need): Deno.PermissionDescriptor {
  return kind === "net" ? { name: kind, host: value } : { name: kind, path: value };
}

/** A flag beside `-P` replaces all that the set has of its kind. */
function commandWith(needs: readonly Need[], program: Program): string {
  const set = program === "where" ? "query" : program;
  const { net = [], read, write }: PermissionSet = project.permissions[set];
  const own = { net: "allow" in net ? net.allow : net, read, write };
  const flags = (["net", "read", "write"] as const).flatMap((kind) => {
    const more = valuesOf(needs, kind).filter((value) =>
      !own[kind].some((one) => covers(one, value))
    );
    const all = [...own[kind], ...more].map(quoted).join(",");
    return more.length > 0 ? [`--allow-${kind}=${all}`] : [];
  });
  const [command, ...rest] = Deno.args;
  const args = command === "check-config" ? ["run", ...rest] : Deno.args;
  const words = project.tasks[TASKS[program]].command.split(" ");
  const script = words.pop()!;
  return [...words, ...flags, script, ...args.map(quoted)].join(" ");
}

/** Whether an entry of a set is the value, or the folder that it is in. */
function covers(entry: string, value: string): boolean {
  return entry === value || resolve(value).startsWith(`${resolve(entry)}/`) ||
    resolve(entry) === resolve(value);
}

function valuesOf(needs: readonly Need[], kind: Need["kind"]): string[] {
  return [...new Set(needs.filter((need) => need.kind === kind).map(({ value }) => value))];
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
