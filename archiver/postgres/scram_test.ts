import assert from "node:assert/strict";
import { makeVerifier, readVerifier, ScramServer } from "./scram.ts";

const SALT = Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==");
const NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CLIENT = "rOprNGfwEbeRWgbNEkqO";
const FINAL = `c=biws,r=${CLIENT}${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

function logIn(password: string, final: string): string | null {
  const verifier = readVerifier(makeVerifier(password, SALT));
  const server = new ScramServer(verifier, "user", new Uint8Array(32), { nonce: NONCE });
  assert.equal(
    server.first(`n,,n=user,r=${CLIENT}`),
    `r=${CLIENT}${NONCE},s=${SALT.toBase64()},i=4096`,
  );
  return server.final(final);
}

Deno.test("the exchange of RFC 7677, section 3", () => {
  assert.equal(logIn("pencil", FINAL), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  assert.equal(logIn("pencils", FINAL), null);
  assert.equal(logIn("pencil", FINAL.replace("c=biws", "c=eSws")), null);
  assert.equal(logIn("pencil", FINAL.replace("k0,", "k1,")), null);
});

Deno.test("who can bind to the channel does, where the server offers it", () => {
  const endPoint = new Uint8Array(32).fill(7);
  const start = (mark: string, isBound: boolean, offered: Uint8Array | null) =>
    new ScramServer(null, "user", new Uint8Array(32), { endPoint: offered })
      .first(`${mark},,n=,r=x`, isBound) !== null;
  const plus = "p=tls-server-end-point";
  assert.ok(start(plus, true, endPoint) && start("n", false, endPoint) && start("y", false, null));
  assert.ok(!start("y", false, endPoint) && !start(plus, false, endPoint));
  assert.ok(
    !start("n", true, endPoint) && !start(plus, true, null) && !start("p=x", true, endPoint),
  );
});

Deno.test("a name without a user gets the same salt each time, and never in", () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const salts = [1, 2].map(() =>
    new ScramServer(null, "nobody", secret).first("n,,n=,r=x")!.match(/,s=([^,]+)/)![1]
  );
  assert.equal(salts[0], salts[1]);
});
