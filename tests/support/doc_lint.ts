/**
 * `deno doc --lint` over the project's own modules, with two exceptions:
 * - types from npm packages, which it calls "private", and the packages' own declarations;
 * - missing docs on anything but exported functions and classes, and any export of `shared/`: a name that says it all
 *   needs no sentence that repeats it.
 *
 * @module
 */

const root = new URL("../../", import.meta.url).pathname;
const colours = new RegExp(String.fromCharCode(27) + "\\[[0-9;]*m", "g");

/** The modules to lint: all of the three programs' own, without their tests. */
async function modules(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await modules(path));
    else if (path.endsWith(".ts") && !path.endsWith("_test.ts")) found.push(path);
  }
  return found.sort();
}

/** True when `name` is imported from a package (a bare specifier) by the module at `path`. */
function comesFromPackage(source: string, name: string): boolean {
  const imports = source.matchAll(/import\s+(?:type\s+)?([^;]*?)\s+from\s+"([^"]+)"/g);
  for (const [, names, specifier] of imports) {
    if (specifier.startsWith(".")) continue;
    if (names.startsWith("* as") || new RegExp(`\\b${name}\\b`).test(names)) return true;
  }
  return false;
}

/** Whether the declaration at a line needs a docstring. */
function needsDocs(path: string, source: string, line: number): boolean {
  const text = source.split("\n")[line - 1];
  if (path.startsWith(`${root}shared/`)) return text.startsWith("export ");
  return /^export (default )?(abstract )?(async )?(function|class)\b/.test(text);
}

const folders = ["shared", "collector", "archiver", "query_results", "tests"];
const paths = (await Promise.all(folders.map((folder) => modules(root + folder)))).flat();
const output = await new Deno.Command("deno", { args: ["doc", "--lint", ...paths], cwd: root })
  .output();
const report = new TextDecoder().decode(output.stderr).replaceAll(colours, "");
const faults: string[] = [];
for (
  const [, rule, message, path, line] of report.matchAll(
    /error\[([a-z-]+)\]: (.*)\n\s*--> (\S+?):(\d+):\d+/g,
  )
) {
  if (!path.startsWith(root) || path.includes("/node_modules/")) continue;
  const referenced = message.match(/private type '([^'.<]+)/)?.[1];
  if (rule === "private-type-ref" && referenced) {
    // A type inferred from a function: ReturnType<typeof f>.
    if (/^[a-z]/.test(referenced)) continue;
    if (comesFromPackage(await Deno.readTextFile(path), referenced)) continue;
  }
  if (rule === "missing-jsdoc" && !needsDocs(path, await Deno.readTextFile(path), Number(line))) {
    continue;
  }
  faults.push(`${path.slice(root.length)}:${line} ${message} (${rule})`);
}
if (faults.length > 0) {
  console.error(faults.join("\n"));
  console.error(`doc lint: ${faults.length} faults in ${paths.length} modules`);
  Deno.exit(1);
}
// A crash of the linter itself must not pass for a clean run.
if (!output.success && !/documentation lint error/.test(report)) {
  console.error(report);
  Deno.exit(1);
}
console.log(`doc lint: ${paths.length} modules, no faults`);
