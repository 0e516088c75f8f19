-- title: What stands out
-- section: Patterns
-- order: 300
-- worker: patterns
-- question: What was remarkable in the window, without knowing what to look for?
-- inputs: messages, receipts, sessions, and gaps, epochs, stalls, clock_steps for what a fault of the data explains
-- pitfall: Each detector keeps its false discovery rate at 0.2 % under its own null model. What real traffic does and the
--   model does not, such as the rhythm of a day, is found too.
-- pitfall: A kind "data fault: …" is a finding that a gap, silence, restart, stall, clock step, torn clock, quota or young
--   sessions explain; "data fault" is the fault itself. Neither is a pattern.
-- pitfall: Of a window longer than a week, the last week is looked at. Where a clock was moved, evidence_sql reads the times
--   as they were stamped.
-- pitfall: Delays and missing origins are of a sample: up to 16,000 wide messages, 8 of an origin. A message is narrow when at
--   most a tenth of the peers delivered it.
SELECT "rank", kind, entity, "from", "until", observed, expected, q_value, effect, evidence_sql, data_faults
FROM pattern_findings
ORDER BY "rank"
