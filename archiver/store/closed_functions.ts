// Which of DuckDB's functions clients may call: those that only compute, from the archive's rows and their arguments.

/** All others read files, call hosts, or change the process. */
export const TABLE_FUNCTIONS: readonly string[] = [
  ...["range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"],
  "pg_timezone_names",
];

/** Scalar functions and macros that read settings, sequences or the process, run SQL, write, or wait. All others only compute. */
export const REFUSED_FUNCTIONS: readonly string[] = [
  ...["getenv", "current_setting", "getvariable", "currval", "nextval", "write_log", "setseed"],
  ...["get_block_size", "json_execute_serialized_sql", "query", "query_table", "in_search_path"],
  ...["sleep_ms", "pg_sleep", "json_serialize_plan", "which_secret", "stats"],
  ...["current_connection_id", "current_query_id", "current_transaction_id"],
];

/** Functions with side effects that do no harm. */
const HARMLESS = [
  ...["random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "error", "current_query"],
];

/** A query for those that DuckDB itself, or an extension of it, says to have side effects, but those that do no harm. */
export const SIDE_EFFECTS: string = `SELECT DISTINCT function_name FROM duckdb_functions()
  WHERE has_side_effects AND function_name NOT IN (${
  HARMLESS.map((name) => `'${name}'`).join(", ")
})`;
