-- What several_processes.sql says, of a window in which one clock stamped all and no peer was held by two processes.

CREATE OR REPLACE TEMP MACRO first_receipts(window_from, window_to, include_warmup) AS TABLE (
  FROM counted_receipts(window_from, window_to, include_warmup)
);

CREATE OR REPLACE TEMP MACRO corrected_delays(window_from, window_to, include_warmup) AS TABLE (
  FROM stamped_delays(window_from, window_to, include_warmup)
);

CREATE OR REPLACE TEMP MACRO clock_error(error_us) AS 0;
