// error, warning, ping and pong (BOLT 1).

import { type Codec, HASH_BYTES, NOTHING } from "./codec.ts";

/** error or warning. */
export interface Complaint<Type extends 1 | 17> {
  readonly type: Type;
  readonly channelId: Uint8Array;
  readonly data: Uint8Array;
  readonly extra?: Uint8Array;
}

/** warning: something went wrong, and we may go on. */
export type Warning = Complaint<1>;

/** error: the channel, or with an all-zero id the connection, is over. */
export type ErrorMessage = Complaint<17>;

/** ping. */
export interface Ping {
  readonly type: 18;
  /** Length of `ignored` in the pong that is asked for; from 65,532 on none is (BOLT 1). */
  readonly numPongBytes: number;
  readonly ignored: Uint8Array;
  readonly extra?: Uint8Array;
}

/** pong. */
export interface Pong {
  readonly type: 19;
  readonly ignored: Uint8Array;
  readonly extra?: Uint8Array;
}

function complaintCodec<Type extends 1 | 17>(type: Type): Codec<Complaint<Type>> {
  return {
    decode: (reader) => ({
      type,
      channelId: reader.take(HASH_BYTES),
      data: reader.sized16(),
      extra: reader.rest(),
      raw: reader.bytes,
      known: true,
    }),
    encode(writer, message) {
      writer.fixed(message.channelId, HASH_BYTES);
      writer.sized16(message.data);
      writer.bytes(message.extra ?? NOTHING);
    },
  };
}

/** Codec of {@link Warning}. */
export const warningCodec: Codec<Warning> = complaintCodec(1);

/** Codec of {@link ErrorMessage}. */
export const errorCodec: Codec<ErrorMessage> = complaintCodec(17);

/** Codec of {@link Ping}. */
export const pingCodec: Codec<Ping> = {
  decode: (reader) => ({
    type: 18,
    numPongBytes: reader.u16(),
    ignored: reader.sized16(),
    extra: reader.rest(),
    raw: reader.bytes,
    known: true,
  }),
  encode(writer, message) {
    writer.u16(message.numPongBytes);
    writer.sized16(message.ignored);
    writer.bytes(message.extra ?? NOTHING);
  },
};

/** Codec of {@link Pong}. */
export const pongCodec: Codec<Pong> = {
  decode: (reader) => ({
    type: 19,
    ignored: reader.sized16(),
    extra: reader.rest(),
    raw: reader.bytes,
    known: true,
  }),
  encode(writer, message) {
    writer.sized16(message.ignored);
    writer.bytes(message.extra ?? NOTHING);
  },
};
