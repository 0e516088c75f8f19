-- Results of scheduled analytics, kept so that trends need no second look at the receipts.

-- One row a set and window that was run; a run of the same window takes the place of the one before.
CREATE TABLE analytics_runs (
  run_id BIGINT NOT NULL,
  set_name TEXT NOT NULL,
  window_from TIMESTAMPTZ NOT NULL,
  window_to TIMESTAMPTZ NOT NULL,
  settings TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL,
  outcome TEXT NOT NULL,
  error TEXT,
  folder TEXT
);

-- One row a query of a run that was done.
CREATE TABLE analytics_queries (
  run_id BIGINT NOT NULL,
  query TEXT NOT NULL,
  result_rows BIGINT NOT NULL,
  kept_rows BIGINT NOT NULL
);

-- One row a value of a result: which query, which of its rows, which column. A null has none.
CREATE TABLE analytics_results (
  run_id BIGINT NOT NULL,
  query TEXT NOT NULL,
  row_number INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  value_number DOUBLE PRECISION,
  value_time TIMESTAMPTZ,
  value_text TEXT
);

COMMENT ON TABLE analytics_runs IS 'One row a set of queries and a window that it was run on by schedule or on demand.';
COMMENT ON COLUMN analytics_runs.run_id IS 'Names the run inside this archive.';
COMMENT ON COLUMN analytics_runs.set_name IS 'The set''s name, as in the archiver''s config.';
COMMENT ON COLUMN analytics_runs.window_from IS 'Start of the window.';
COMMENT ON COLUMN analytics_runs.window_to IS 'End of the window, which does not belong to it.';
COMMENT ON COLUMN analytics_runs.settings IS 'The parameters that were set, as a JSON object.';
COMMENT ON COLUMN analytics_runs.started_at IS 'When the run began, by the archiver''s clock.';
COMMENT ON COLUMN analytics_runs.finished_at IS 'When it ended.';
COMMENT ON COLUMN analytics_runs.outcome IS 'done or failed.';
COMMENT ON COLUMN analytics_runs.error IS 'Why it failed; else null.';
COMMENT ON COLUMN analytics_runs.folder IS 'Where its report was put; null when it failed.';

COMMENT ON TABLE analytics_queries IS 'One row a query of a run that was done.';
COMMENT ON COLUMN analytics_queries.run_id IS 'The run.';
COMMENT ON COLUMN analytics_queries.query IS 'The query''s name; frame is what all figures of the run rest on.';
COMMENT ON COLUMN analytics_queries.result_rows IS 'Rows of its result.';
COMMENT ON COLUMN analytics_queries.kept_rows IS 'The first so many of them are in analytics_results.';

COMMENT ON TABLE analytics_results IS 'One row a value of a kept result; a null has none.';
COMMENT ON COLUMN analytics_results.run_id IS 'The run.';
COMMENT ON COLUMN analytics_results.query IS 'The query''s name, as in analytics_queries.';
COMMENT ON COLUMN analytics_results.row_number IS 'Which row of the result, from 1.';
COMMENT ON COLUMN analytics_results.column_name IS 'Which column.';
COMMENT ON COLUMN analytics_results.value_number IS 'The value, when it is a number.';
COMMENT ON COLUMN analytics_results.value_time IS 'The value, when it is an instant.';
COMMENT ON COLUMN analytics_results.value_text IS 'The value, when it is text, true or false, or an integer that no double holds.';
