// A worker that never ends and hears nothing.

/// <reference lib="deno.worker" />

self.postMessage({ kind: "progress", query: "hung", index: 0, count: 1, milliseconds: 0 });
const never = new Int32Array(new SharedArrayBuffer(4));
self.onmessage = () => Atomics.wait(never, 0, 0);
