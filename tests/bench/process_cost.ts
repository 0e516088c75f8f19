// What a process costs, as Linux counts it, and on which cores it may run.

/** The kernel counts a process's CPU in hundredths of a second. */
const TICK_MICROSECONDS = 10_000;

/** CPU that a process has used so far, user and system, all its threads, µs: proc(5), fields 14 and 15 of its stat. */
export async function cpuMicroseconds(pid: number): Promise<number> {
  const stat = await output("cat", `/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

/** The most memory that a process has had resident so far, bytes: VmHWM of its status, proc(5). */
export async function peakRss(pid: number): Promise<number> {
  const status = await output("cat", `/proc/${pid}/status`);
  return Number(status.match(/^VmHWM:\s+(\d+) kB$/m)![1]) * 1024;
}

/** The memory that a process has resident now, bytes. */
export async function rss(pid: number): Promise<number> {
  const status = await output("cat", `/proc/${pid}/status`);
  return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)![1]) * 1024;
}

/** Lets a process with all its threads, and those that they start, run on these cores alone: a list as in `0,2-3`. */
export async function pin(pid: number, cores: string): Promise<void> {
  await output("taskset", "--all-tasks", "--cpu-list", "--pid", cores, String(pid));
}

/** The cores that a process may run on, as {@link pin} takes them. */
export async function coresOf(pid: number): Promise<string> {
  const text = await output("taskset", "--cpu-list", "--pid", String(pid));
  return text.slice(text.lastIndexOf(":") + 1).trim();
}

/** Deno itself reads /proc with --allow-all alone. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
