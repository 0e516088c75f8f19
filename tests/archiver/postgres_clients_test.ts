/** Real Postgres clients on the archiver's endpoint. */
import assert from "node:assert/strict";
import pg from "pg";
import postgres from "postgres";
import startup from "../vectors/postgres_startup.json" with { type: "json" };
import { type Endpoint, startSmallEndpoint } from "../support/servers/postgres_endpoint.ts";
import { startPostgres } from "../support/servers/postgres_server.ts";

/** What a program writes, given these lines of input. */
async function run(program: string, args: string[], { env }: Endpoint, ...lines: string[]) {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { args, env, ...piped }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { out: text.decode(stdout).trimEnd(), err: text.decode(stderr).trimEnd() };
}

const psql = (endpoint: Endpoint, ...lines: string[]) =>
  run("psql", ["-X", "-A", "-t", "-q"], endpoint, ...lines);

Deno.test("real Postgres clients", async (t) => {
  await using endpoint = await startSmallEndpoint();
  await t.step("psql describes the archive, and queries it", async () => {
    const answers: [command: string, answer: RegExp][] = [
      ["SELECT count(*) FROM public.receipts r JOIN public.peers p USING (peer_id);", /^15$/],
      ["\\d", /^public\|analytics_queries\|table\|/],
      ["\\d receipts", /^received_at\|timestamp with time zone\|\|not null\|/],
      ["\\dt", /^public\|analytics_queries\|table\|postgres/],
      ["\\d+ receipts", /The message\./],
      ["\\dv+", /message_list\|view.*scid and type in readable form/],
      ["\\dv compat.*", /^compat\|messages\|view/],
      ["\\df", /^$/],
      ["\\l", /^gossip\|/],
      ["EXPLAIN SELECT count(*) FROM receipts;", /─/],
      [
        "SELECT 1 AS a, count(*), avg(size) FROM messages \\gdesc",
        /^a\|integer\ncount\|bigint\navg\|numeric$/,
      ],
      [
        "SELECT name ~* 'ALP', name !~* 'ALP', json_build_object('n', name) FROM collectors ORDER BY 1 DESC LIMIT 1;",
        /^t\|f\|{"n":"alpha"}$/,
      ],
      ["SELECT quantile_cont(size, 0.5) FROM messages;", /^100.0$/],
      [
        "\\copy (SELECT name FROM collectors ORDER BY 1) TO STDOUT WITH (FORMAT csv, HEADER)",
        /^name\nalpha\nbeta\ngamma$/,
      ],
      [
        "SELECT 7 / 2, 'abc' ~ 'b', encode(sha256, 'hex') IS NOT NULL FROM messages LIMIT 1;",
        /^3\|t\|t$/,
      ],
      ["SET search_path = compat; SELECT count(hash) FROM metadata;", /^6$/],
      [
        "SET TimeZone = 'Asia/Kolkata'; SELECT min(received_at) FROM receipts;",
        /^2025-01-01 05:37:30\+05:30$/,
      ],
      [
        "BEGIN; DECLARE c CURSOR FOR SELECT i FROM range(5) t(i), schema_version; FETCH 2 FROM c; COMMIT;",
        /^0\n1$/,
      ],
      [
        "DECLARE c CURSOR WITH HOLD FOR SELECT i FROM range(5) t(i), schema_version; FETCH 2 FROM c;" +
        "BEGIN; FETCH 1 FROM c; COMMIT; FETCH 5 FROM c; CLOSE c;",
        /^0\n1\n2\n3\n4$/,
      ],
      [
        "BEGIN; SET LOCAL search_path = compat; SET TimeZone = 'Asia/Tokyo'; COMMIT; SHOW search_path;" +
        "BEGIN; SET search_path = compat; ROLLBACK; SHOW search_path; SHOW TimeZone;" +
        "DISCARD ALL; SHOW TimeZone; SELECT current_database();",
        /^public\npublic\nAsia\/Tokyo\nGMT\ngossip$/,
      ],
      [
        "SELECT count(*), '{{1,2},{3,NULL}}'::int[][], '\\x00ff41'::bytea FROM messages " +
        "WHERE message_id = ANY('{1,2}');",
        /^2\|\{\{1,2\},\{3,NULL\}\}\|\\x00ff41$/,
      ],
    ];
    for (const [command, answer] of answers) {
      const { out, err } = await psql(endpoint, command);
      assert.equal(err, "", command);
      assert.match(out, answer, command);
    }
  });

  await t.step("psycopg in text and binary, and SQLAlchemy's reflection", async () => {
    const script = new URL("../support/fixtures/postgres_clients.py", import.meta.url).pathname;
    assert.deepEqual(await run("/usr/bin/python3", [script], endpoint), { out: "well", err: "" });
  });

  const jars = [Deno.env.get("POSTGRES_JDBC_JAR"), "/usr/share/java/postgresql.jar"];
  for (const jar of jars.filter((path) => path !== undefined)) {
    const isHere = await Deno.stat(jar).then(() => Deno.stat("/usr/bin/java")).then(
      () => true,
      () => false,
    );
    if (!isHere) {
      console.log(
        `no JDBC: ${jar} or java is not here (libpostgresql-jdbc-java, or a jar in POSTGRES_JDBC_JAR)`,
      );
    }
    await t.step({
      name: `JDBC of ${jar}: metadata, types, portions, cancelling`,
      ignore: !isHere,
      fn: async () => {
        const source = new URL("../support/fixtures/PostgresClient.java", import.meta.url).pathname;
        const ran = await run("java", ["-cp", jar, source], endpoint);
        assert.deepEqual(ran, { out: "well", err: "" });
      },
    });
  }

  await t.step("postgres.js and pg: metadata, parameters, cursors, streams", async () => {
    const sql = postgres(endpoint.url, { max: 2 });
    const names = ["alpha", "beta"];
    const rows = await sql`
    SELECT name, collector_id, now() > ${new Date(0)} AS later, ${true}::bool AS yes FROM collectors
    WHERE name = ANY(${names}) ORDER BY name LIMIT ${5}`;
    assert.deepEqual([...rows], [
      { name: "alpha", collector_id: 1, later: true, yes: true },
      { name: "beta", collector_id: 2, later: true, yes: true },
    ]);
    let streamed = 0;
    await sql`SELECT i FROM range(10000) t(i), schema_version`.cursor(300, (rows) => {
      streamed += rows.length;
    });
    assert.equal(streamed, 10_000);
    await sql.end();

    const client = new pg.Client({ connectionString: endpoint.url });
    await client.connect();
    const query = {
      name: "one",
      text: "SELECT sha256, first_seen, size FROM messages WHERE message_id = $1",
    };
    for (const id of [1, 2, 1]) {
      const { rows: [row], fields } = await client.query({ ...query, values: [id] });
      assert.equal(row.sha256.length, 32);
      assert.ok(row.first_seen instanceof Date);
      assert.deepEqual(fields.map(({ dataTypeID }: { dataTypeID: number }) => dataTypeID), [
        17,
        1184,
        23,
      ]);
    }
    await assert.rejects(client.query("SELECT * FROM nothing"), { code: "42P01" });
    await client.end();
  });

  await t.step("postgres_fdw of a real PostgreSQL imports, joins and aggregates", async () => {
    await using server = await startPostgres();

    const { PGUSER, PGPASSWORD } = endpoint.env;
    const found = await server.query(`CREATE EXTENSION postgres_fdw;
    CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${endpoint.port}', dbname 'x');
    CREATE USER MAPPING FOR postgres SERVER archive OPTIONS (user '${PGUSER}', password '${PGPASSWORD}');
    IMPORT FOREIGN SCHEMA public FROM SERVER archive INTO public;
    CREATE TABLE mine AS SELECT 1 AS peer_id;
    SELECT count(*) FROM mine m JOIN receipts r USING (peer_id) JOIN messages s USING (message_id);
    SELECT avg(size), count(DISTINCT type) FROM messages;
    SELECT encode(sha256, 'hex'), first_seen, raw FROM messages ORDER BY message_id LIMIT 1;`);
    assert.deepEqual(found, [
      "6",
      "150.0|3",
      "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b|2025-01-01 00:08:20+00|\\x726177",
    ]);
  });

  await t.step(
    "what DBeaver, Metabase, Grafana, pgAdmin, Npgsql and Tableau ask first is answered",
    async () => {
      for (const [client, statements] of Object.entries(startup)) {
        const sql = postgres(endpoint.url, { max: 1, onnotice: () => {} });
        for (const statement of statements) {
          const note = (error: Error) => assert.fail(`${client}: ${statement}: ${error.message}`);
          await sql.unsafe(statement).simple().catch(note);
          // Several statements have no place in one Parse, nor has a cursor's end a second time.
          if (!/;.|^(close|commit)/is.test(statement)) {
            await sql.unsafe(statement, [], { prepare: true }).catch(note);
          }
        }
        await sql.end();
      }
    },
  );
});
