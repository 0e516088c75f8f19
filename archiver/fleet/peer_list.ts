// The peers to plan for: `pubkey@host:port` lines, and a CSV with a column node_id and columns that name groups.

import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

const LINE = /^(0[23][0-9a-f]{64})@\S{3,300}$/i;
const MAX_LINES = 100_000;
/** Of a group's name. */
const MAX_NAME = 100;

/** Addresses by node. @throws {UserError} naming the first line that is no peer. */
export function readPeerList(text: string, name: string): Map<string, string[]> {
  const peers = new Map<string, string[]>();
  for (const [at, content] of linesOf(text, name)) {
    const line = content.replace(/#.*/, "").trim();
    if (line === "") continue;
    const [, nodeId] = LINE.exec(line) ?? [];
    if (nodeId === undefined) {
      throw new UserError(
        `Cannot use ${name}: line ${at} is "${printable(line, 80)}"; it should be pubkey@host:port`,
      );
    }
    const lines = peers.get(nodeId.toLowerCase()) ?? [];
    if (!lines.includes(line)) lines.push(line);
    peers.set(nodeId.toLowerCase(), lines);
  }
  if (peers.size === 0) throw new UserError(`Cannot use ${name}: it names no peer`);
  return peers;
}

/** A column of a CSV, by node. @throws {UserError} naming what is wrong. */
export function readGroups(text: string, column: string, name: string): Map<string, string> {
  const lines = linesOf(text, name);
  const header = (lines[0]?.[1] ?? "").split(",").map((cell) => cell.trim());
  const [nodeAt, groupAt] = ["node_id", column].map((wanted) => header.indexOf(wanted));
  if (nodeAt < 0 || groupAt < 0) {
    throw new UserError(
      `Cannot use ${name}: its first line should name the columns node_id and ${column}`,
    );
  }
  const groups = new Map<string, string>();
  for (const [at, line] of lines.slice(1)) {
    if (line.trim() === "") continue;
    const cells = line.split(",").map((cell) => cell.trim());
    const [nodeId, group] = [cells[nodeAt]?.toLowerCase() ?? "", cells[groupAt] ?? ""];
    if (cells.length !== header.length || line.includes('"') || !LINE.test(`${nodeId}@any`)) {
      throw new UserError(
        `Cannot use ${name}: line ${at} should have ${header.length} cells without quotes, and a node id of 66 hex digits`,
      );
    }
    if (group === "") continue;
    const short = group.slice(0, MAX_NAME);
    if ((groups.get(nodeId) ?? short) !== short) {
      throw new UserError(
        `Cannot use ${name}: line ${at} names another ${column} of ${nodeId} than a line before`,
      );
    }
    groups.set(nodeId, short);
  }
  return groups;
}

function linesOf(text: string, name: string): [number, string][] {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  if (lines.length > MAX_LINES) {
    throw new UserError(`Cannot use ${name}: ${lines.length} lines are more than ${MAX_LINES}`);
  }
  return lines.map((line, index) => [index + 1, line]);
}
