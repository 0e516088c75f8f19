// The transport of BOLT 8 after the handshake: one cipher per direction, each rotating its key on its own.

import { Nonce, open, openUint16, seal, TAG_BYTES } from "./aead.ts";
import { NoiseFault } from "./fault.ts";
import { hkdf } from "./primitives.ts";

/** Without framing. */
export const MAX_MESSAGE_BYTES = 65535;
/** Encrypted length and tag. */
export const HEADER_BYTES: number = 2 + TAG_BYTES;
export const FRAME_OVERHEAD_BYTES: number = HEADER_BYTES + TAG_BYTES;

/** A key is replaced after this many uses: 500 messages of two uses each. */
const USES_PER_KEY = 1000;

class RotatingKey {
  readonly nonce = new Nonce();
  #key: Uint8Array;
  #chainingKey: Uint8Array;

  constructor(key: Uint8Array, chainingKey: Uint8Array) {
    this.#key = key;
    this.#chainingKey = chainingKey;
  }

  /** To be followed by one use and `nonce.advance()`. */
  current(): Uint8Array {
    // BOLT 8, key rotation, steps 1 to 5
    if (this.nonce.counter === USES_PER_KEY) {
      [this.#chainingKey, this.#key] = hkdf(this.#chainingKey, this.#key);
      this.nonce.reset();
    }
    return this.#key;
  }
}

/** Encrypts the messages of one direction, in order. */
export class SendingCipher {
  readonly #key: RotatingKey;
  readonly #length = new Uint8Array(2);

  /** `sk`, and `ck` as act three left it. */
  constructor(key: Uint8Array, chainingKey: Uint8Array) {
    this.#key = new RotatingKey(key, chainingKey);
  }

  /** Writes the frame of the next message into `target` from `at` on. @returns where the frame ends. */
  seal(message: Uint8Array, target: Uint8Array, at: number): number {
    const key = this.#key;
    // BOLT 8, encrypting and sending messages, steps 1 to 4
    this.#length[0] = message.length >>> 8;
    this.#length[1] = message.length & 0xff;
    seal(key.current(), key.nonce, this.#length, target, at);
    key.nonce.advance();
    seal(key.current(), key.nonce, message, target, at + HEADER_BYTES);
    key.nonce.advance();
    return at + FRAME_OVERHEAD_BYTES + message.length;
  }
}

/** Decrypts the messages of one direction, in order: a length, its message, the next length. */
export class ReceivingCipher {
  readonly #key: RotatingKey;

  /** `rk`, and `ck` as act three left it. */
  constructor(key: Uint8Array, chainingKey: Uint8Array) {
    this.#key = new RotatingKey(key, chainingKey);
  }

  /** The message length in the {@link HEADER_BYTES} from `start` on. @throws {NoiseFault} `bad_mac`. */
  openLength(bytes: Uint8Array, start: number): number {
    // BOLT 8, receiving and decrypting messages, steps 2 and 3
    const key = this.#key;
    const length = openUint16(key.current(), key.nonce, bytes, start);
    if (length < 0) throw badMac();
    key.nonce.advance();
    return length;
  }

  /** The message from `start` to `end`, tag included, decrypted in place. @throws {NoiseFault} `bad_mac`. */
  openMessage(bytes: Uint8Array, start: number, end: number): Uint8Array {
    // BOLT 8, receiving and decrypting messages, step 5
    const key = this.#key;
    const message = open(key.current(), key.nonce, bytes, start, end);
    if (message === null) throw badMac();
    key.nonce.advance();
    return message;
  }
}

function badMac(): NoiseFault {
  return new NoiseFault("bad_mac", "frame: its tag does not fit");
}
