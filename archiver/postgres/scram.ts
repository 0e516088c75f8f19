// SCRAM-SHA-256 on the server's side (RFC 5802, RFC 7677), with verifiers in PostgreSQL's form:
// SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY, in base64.

import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

const ITERATIONS = 4096;
const SALT_BYTES = 16;
const NONCE_BYTES = 18;
const VERIFIER =
  /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;

/** No other user's rights. Extensions may follow. */
const CLIENT_FIRST = /^((?:[ny]|p=tls-server-end-point),,)(n=[^,]*,r=([!-+\--~]{1,256})(?:,.*)?)$/s;
const CLIENT_FINAL = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)),p=([A-Za-z0-9+/=]{44})$/;

/** What a server knows of a password. */
export interface Verifier {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

const hmac = (key: Uint8Array, text: string | Uint8Array) =>
  createHmac("sha256", key).update(text).digest();
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** What is stored of a password. */
export function makeVerifier(password: string, salt: Uint8Array = randomBytes(SALT_BYTES)): string {
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, 32, "sha256");
  const [stored, server] = [hash(hmac(salted, "Client Key")), hmac(salted, "Server Key")];
  const base64 = (bytes: Uint8Array) => bytes.toBase64();
  return `SCRAM-SHA-256$${ITERATIONS}:${base64(salt)}$${base64(stored)}:${base64(server)}`;
}

/** Reads a verifier; null when it is none. */
export function readVerifier(text: string): Verifier | null {
  const [whole, iterations, ...parts] = text.match(VERIFIER) ?? [];
  if (whole === undefined) return null;
  try {
    const [salt, storedKey, serverKey] = parts.map((part) => Uint8Array.fromBase64(part));
    if (storedKey.length !== 32 || serverKey.length !== 32) return null;
    return { iterations: Number(iterations), salt, storedKey, serverKey };
  } catch {
    return null;
  }
}

/** For a name without a user: looks the same to the client each time, and takes no password. */
function mockVerifier(name: string, secret: Uint8Array): Verifier {
  const salt = hmac(secret, name).subarray(0, SALT_BYTES);
  const none = new Uint8Array(randomBytes(32));
  return { iterations: ITERATIONS, salt, storedKey: none, serverKey: none };
}

/** One log-in. Each step returns its answer, or null when the client is refused. */
export class ScramServer {
  readonly #verifier: Verifier;
  readonly #nonce: string;
  readonly #endPoint: Uint8Array | null;
  #clientFirst = "";
  #binding = "";
  #serverFirst = "";

  /** @param secret of this process, for names without a user. @param endPoint RFC 5929's, where binding is offered. */
  constructor(
    verifier: Verifier | null,
    name: string,
    secret: Uint8Array,
    { nonce = randomBytes(NONCE_BYTES).toBase64(), endPoint = null }: {
      nonce?: string;
      endPoint?: Uint8Array | null;
    } = {},
  ) {
    this.#verifier = verifier ?? mockVerifier(name, secret);
    this.#nonce = nonce;
    this.#endPoint = endPoint;
  }

  /** Takes client-first-message. @param isBound whether the mechanism's name ends in -PLUS. */
  first(text: string, isBound = false): string | null {
    const [, binding, bare, clientNonce] = text.match(CLIENT_FIRST) ?? [];
    if (bare === undefined || isBound !== binding.startsWith("p")) return null;
    // The client can bind, and heard of no server that can: somebody in between took the offer out.
    if (this.#endPoint ? binding.startsWith("y") : isBound) return null;
    this.#binding = binding;
    this.#clientFirst = bare;
    const { salt, iterations } = this.#verifier;
    this.#serverFirst = `r=${clientNonce}${this.#nonce},s=${salt.toBase64()},i=${iterations}`;
    return this.#serverFirst;
  }

  /** Takes client-final-message. */
  final(text: string): string | null {
    const [, bare, binding, nonce, proofText] = text.match(CLIENT_FINAL) ?? [];
    if (bare === undefined) return null;
    const bound = this.#binding.startsWith("p") ? this.#endPoint! : new Uint8Array(0);
    if (binding !== Buffer.concat([Buffer.from(this.#binding), bound]).toBase64()) return null;
    if (!this.#serverFirst.startsWith(`r=${nonce},`)) return null;
    const { storedKey, serverKey } = this.#verifier;
    const signed = `${this.#clientFirst},${this.#serverFirst},${bare}`;
    const signature = hmac(storedKey, signed);
    let proof: Uint8Array;
    try {
      proof = Uint8Array.fromBase64(proofText);
    } catch {
      return null;
    }
    if (proof.length !== signature.length) return null;
    const key = proof.map((byte, i) => byte ^ signature[i]);
    if (!timingSafeEqual(hash(key), storedKey)) return null;
    return `v=${hmac(serverKey, signed).toBase64()}`;
  }
}
