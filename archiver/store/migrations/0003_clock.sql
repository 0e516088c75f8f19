-- One row a measurement, about every minute, of how far the archiver's clock was from a collector's. Added to that
-- collector's instants, offset_microseconds gives the archiver's; the true offset differs from it by at most
-- uncertainty_microseconds. sampled_at is by the collector's clock, as received_at is.
CREATE TABLE clock_samples (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  sampled_at TIMESTAMPTZ NOT NULL,
  offset_microseconds BIGINT NOT NULL,
  uncertainty_microseconds BIGINT NOT NULL
);

-- One row a jump of a collector's wall clock, forward or (negative) back. Its instants follow the monotonic clock and
-- did not jump with it.
CREATE TABLE clock_steps (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  noticed_at TIMESTAMPTZ NOT NULL,
  step_microseconds BIGINT NOT NULL
);
