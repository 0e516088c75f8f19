import { join } from "node:path";
import { generatePrivateKey, PRIVATE_KEY_BYTES, publicKeyOf } from "../../shared/secp256k1.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { writeWholeFile } from "../../shared/files.ts";

export interface Identity {
  /** 32 bytes; never printed. */
  readonly privateKey: Uint8Array;
  /** 33 bytes, lower-case hex. */
  readonly nodeId: string;
}

/** Where the key is in a data folder. */
export function keyPath(dataDir: string): string {
  return join(dataDir, "key");
}

const KEY_FILE_MODE = 0o600;
/** Of group and others. */
const OTHERS = 0o077;

/**
 * Reads the private key at `path`, 64 hex digits, or makes one. Lightning nodes keep one connection per key, so each
 * collector has its own.
 * @throws {UserError} when the file cannot be used, or others may read it. No error shows what the file holds.
 */
export async function loadIdentity(path: string): Promise<Identity> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return await createIdentity(path);
    throw new UserError(`Cannot read key file ${path}: ${errorText(error)}`, { cause: error });
  }
  const { mode } = await Deno.stat(path);
  if (mode !== null && (mode & OTHERS) !== 0) {
    const shown = (mode & 0o777).toString(8);
    throw new UserError(
      `Cannot use key file ${path}: its mode is ${shown}, so others may read it; make it 600 (chmod 600)`,
    );
  }
  const digits = text.trim();
  if (digits.length !== 2 * PRIVATE_KEY_BYTES) {
    throw new UserError(
      `Cannot use key file ${path}: it holds ${digits.length} characters; a key is 64 hex digits`,
    );
  }
  try {
    return identityOf(Uint8Array.fromHex(digits));
  } catch {
    // No cause: its message may quote the file.
    throw new UserError(
      `Cannot use key file ${path}: it holds 64 characters that are not a private key in hex; ` +
        "put the right file back, or remove it to start under a new key",
    );
  }
}

async function createIdentity(path: string): Promise<Identity> {
  const identity = identityOf(generatePrivateKey());
  try {
    const line = new TextEncoder().encode(`${identity.privateKey.toHex()}\n`);
    await writeWholeFile(path, [line], KEY_FILE_MODE);
  } catch (error) {
    throw new UserError(`Cannot write key file ${path}: ${errorText(error)}`, { cause: error });
  }
  return identity;
}

function identityOf(privateKey: Uint8Array): Identity {
  return { privateKey, nodeId: publicKeyOf(privateKey).toHex() };
}
