// NATS servers and credentials in a config file. Both programs' schemas hold these keys.

import * as v from "valibot";
import { text } from "../config.ts";

const MAX_SERVERS = 32;
/** What a JetStream stream may be called here. */
export const STREAM_NAME: RegExp = /^[A-Za-z0-9_-]{1,64}$/;

const path = text(/^[^\0]{1,4096}$/, "the path of a file");
const variable = text(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "the name of an environment variable");

const SOME_SERVERS = "should be a list of at least one server, such as [nats://127.0.0.1:4222]";
const SERVER = "a server such as nats://127.0.0.1:4222 or tls://nats.example.org:4222; " +
  "user and password have keys of their own";

/** Credentials and TLS. Secrets come only from files or the environment. */
export interface NatsAuthConfig {
  /** With a password: the user. */
  readonly user?: string;
  /** The file that holds the user's password. */
  readonly password_file?: string;
  readonly password_env?: string;
  readonly token_file?: string;
  readonly token_env?: string;
  readonly nkey_file?: string;
  readonly nkey_env?: string;
  /** A credentials file as `nsc` writes it: a user's JWT and its nkey's seed. */
  readonly creds_file?: string;
  readonly creds_env?: string;
}

/** Servers and credentials. */
export interface NatsServerConfig {
  /** `nats://host:port` or `tls://host:port` of one or more. One `tls://` means TLS with all. */
  readonly servers: readonly string[];
  /** Who the program is; absent where the server does not ask. */
  readonly auth?: NatsAuthConfig;
  /** Absent: TLS only where a server or `tls://` wants it, with the well-known authorities. */
  readonly tls?: {
    /** Certificates of authorities, PEM, that are trusted beside the well-known ones. */
    readonly ca_file?: string;
  };
}

/** A way to prove who one is: the keys of which exactly one is given. */
const WAYS = ["password", "token", "nkey", "creds"] as const;

const auth: v.GenericSchema<unknown, NatsAuthConfig> = v.pipe(
  v.strictObject({
    user: v.optional(text(/^\S{1,256}$/, "a user's name without spaces")),
    password_file: v.optional(path),
    password_env: v.optional(variable),
    token_file: v.optional(path),
    token_env: v.optional(variable),
    nkey_file: v.optional(path),
    nkey_env: v.optional(variable),
    creds_file: v.optional(path),
    creds_env: v.optional(variable),
  }, "should be a group of keys"),
  v.check(
    (given) => {
      const ways = WAYS.flatMap((way) =>
        [given[`${way}_file`], given[`${way}_env`]].filter((source) => source !== undefined)
          .map(() => way)
      );
      return ways.length === 1 && (given.user !== undefined) === (ways[0] === "password");
    },
    "should have user with password_file or password_env, or one of token_, nkey_ or creds_ with _file or _env",
  ),
);

/** The keys that {@link NatsServerConfig} describes, for a schema of the program's own. */
export const natsServerEntries: {
  readonly servers: v.GenericSchema<readonly string[]>;
  readonly auth: v.GenericSchema<unknown, NatsAuthConfig | undefined>;
  readonly tls: v.GenericSchema<unknown, NatsServerConfig["tls"]>;
} = {
  servers: v.pipe(
    v.array(text(/^((nats|tls):\/\/)?[^\s/@]+$/, SERVER), SOME_SERVERS),
    v.minLength(1, SOME_SERVERS),
    v.maxLength(MAX_SERVERS, `should name at most ${MAX_SERVERS} servers`),
  ),
  auth: v.optional(auth),
  tls: v.optional(v.strictObject({ ca_file: v.optional(path) }, "should be a group of keys")),
};
