// Quoting for SQL.

export {
  identifier,
  isUndecided,
  literal,
  literals,
  UNDECIDED,
} from "../../query_results/archive/sql.ts";
