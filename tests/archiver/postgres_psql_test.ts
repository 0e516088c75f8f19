/** psql on the archiver's Postgres endpoint. */
import assert from "node:assert/strict";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { type Endpoint, startEndpoint } from "../support/servers/postgres_endpoint.ts";
import { tempDir } from "../support/temp_dir.ts";

/** What psql writes for these lines of input. */
async function psql({ env }: Endpoint, ...lines: string[]): Promise<{ out: string; err: string }> {
  const args = ["-X", "-A", "-t", "-q"];
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command("psql", { args, env, ...piped }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n") + "\n"));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { out: text.decode(stdout).trimEnd(), err: text.decode(stderr).trimEnd() };
}

async function withEndpoint(
  test: (endpoint: Endpoint) => Promise<void>,
  config: Record<string, unknown> = {},
): Promise<void> {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  await using store = await openArchive(path);
  await using endpoint = await startEndpoint(store, config);
  await test(endpoint);
}

Deno.test("psql sees the archive's tables, and queries them", () =>
  withEndpoint(async (endpoint) => {
    const answers: [command: string, answer: RegExp][] = [
      ["SELECT count(*) FROM receipts", /^\d+$/],
      ["SELECT count(*) FROM public.receipts r JOIN public.peers p USING (peer_id)", /^\d+$/],
      ["\\d receipts", /^received_at\|timestamp with time zone\|\|not null\|/],
      ["\\dt", /^public\|analytics_queries\|table\|postgres/],
      ["\\dv+", /message_list\|view.*scid and type in readable form/],
      ["\\dv compat.*", /^compat\|messages\|view/],
      ["\\df", /^$/],
      ["\\l", /^postgres\|/],
      ["EXPLAIN SELECT count(*) FROM receipts", /─/],
      ["SELECT 1 AS a, 'x' AS b \\gdesc", /^a\|integer\nb\|text$/],
      ["SELECT name FROM collectors ORDER BY 1 LIMIT 1", /^alpha$/],
      ["SELECT quantile_cont(size, 0.5) FROM messages", /^\d/],
      ["COPY (SELECT name FROM collectors ORDER BY 1) TO STDOUT", /^alpha\nbeta\ngamma$/],
    ];
    for (const [command, answer] of answers) {
      const { out, err } = await psql(
        endpoint,
        /^\\|gdesc/.test(command) ? command : `${command};`,
      );
      assert.equal(err, "", command);
      assert.match(out, answer, command);
    }
  }));
