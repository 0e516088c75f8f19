// Counts of the Postgres endpoint since its start, for `/metrics`.

/** Why a client or a statement was turned away. */
export type Limit =
  | "connections"
  | "statement_timeout"
  | "idle_timeout"
  | "rows"
  | "memory"
  | "statements"
  | "login";

/** Counters of this process. */
export class PostgresCounters {
  /** Log-ins, and how many of them are still there. */
  sessions = 0;
  open = 0;
  statements = 0;
  rows = 0;
  cancels = 0;
  /** Statements that failed, by SQLSTATE. */
  readonly errors: Map<string, number> = new Map();
  readonly limits: Map<Limit, number> = new Map();

  failed(code: string): void {
    // A client cannot make up codes, but the catalogue may have many.
    const key = this.errors.size < 200 || this.errors.has(code) ? code : "other";
    this.errors.set(key, (this.errors.get(key) ?? 0) + 1);
  }

  limited(limit: Limit): void {
    this.limits.set(limit, (this.limits.get(limit) ?? 0) + 1);
  }
}

/** The endpoint, for `/metrics`. */
export interface PostgresSource {
  readonly counters: PostgresCounters;
  /** Statements of DuckDB's under way and waiting, and how often the catalogue was started again. */
  status(): { readonly running: number; readonly waiting: number; readonly restarts: number };
}
