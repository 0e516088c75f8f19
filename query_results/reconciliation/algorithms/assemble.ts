// WebAssembly from our own text.

import initWabt from "wabt";

const wabt = await initWabt();

/** Assembles and instantiates a module without imports. `name` appears in error messages. */
export function assemble(name: string, wat: string): WebAssembly.Exports {
  const parsed = wabt.parseWat(name, wat);
  try {
    const module = new WebAssembly.Module(new Uint8Array(parsed.toBinary({}).buffer));
    return new WebAssembly.Instance(module).exports;
  } finally {
    parsed.destroy();
  }
}
