// An authority and a server certificate for loopback, made by openssl.

import { startProcess } from "./process.ts";
import type { TempDir } from "../temp_dir.ts";

/** Where they are, PEM. */
export interface Certificates {
  /** The authority's certificate. */
  readonly caFile: string;
  /** The server's certificate, for localhost and 127.0.0.1. */
  readonly certFile: string;
  /** The server's key. */
  readonly keyFile: string;
}

/** Makes a fresh authority and a certificate that it vouches for. */
export async function makeCertificates(dir: TempDir): Promise<Certificates> {
  const stem = dir.join(crypto.randomUUID());
  const [ca, caKey, cert, key] = ["ca.pem", "ca.key", "server.pem", "server.key"]
    .map((name) => `${stem}-${name}`);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const request = ["req", "-x509", ...newKey, "-days", "2"];
  await openssl(...request, "-subj", "/CN=test authority", "-keyout", caKey, "-out", ca);
  await openssl(
    ...[...request, "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
    ...["-CA", ca, "-CAkey", caKey],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    // An authority's certificate is refused as a server's.
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return { caFile: ca, certFile: cert, keyFile: key };
}

async function openssl(...args: string[]): Promise<void> {
  await using child = startProcess("openssl", args);
  const { code } = await child.wait();
  if (code !== 0) throw new Error(`openssl ${args[0]} failed:\n${child.lines.join("\n")}`);
}
