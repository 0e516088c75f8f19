-- title: The draft's ids
-- section: Set reconciliation
-- order: 690
-- question: Which channels have no 64-bit id in the draft BOLT, and whose update comes before the channel's announcement?
-- inputs: messages, receipts (whether a message is live)
-- summaries: always
-- pitfall: Observed. An id has 15 bits for the transaction's index in its block and 13 for the output.
-- pitfall: Tips of different height cannot be seen from receipts; only the simulator shows rounds that they spoil.
-- pitfall: "updated before announced" is counted where both were first heard in the window, by anyone.
WITH live AS (
  SELECT type, scid, first_seen FROM live_messages($window_from, $window_to, false) WHERE scid IS NOT NULL
), channels AS (
  SELECT scid, min(first_seen) FILTER (type = 256) AS announced_at, min(first_seen) FILTER (type = 258) AS updated_at,
    count(*) AS messages
  FROM live WHERE type IN (256, 258) GROUP BY scid
), judged AS (
  SELECT messages, (scid >> 16) & 16777215 >= 32768 AS is_late_transaction, scid & 65535 >= 8192 AS is_high_output,
    announced_at, updated_at
  FROM channels
), counted AS (
  SELECT [
    {'figure': 'channels', 'channels': count(*), 'messages': sum(messages)},
    {'figure': 'transaction index of 2^15 or more', 'channels': count(*) FILTER (is_late_transaction),
      'messages': sum(messages) FILTER (is_late_transaction)},
    {'figure': 'output of 2^13 or more', 'channels': count(*) FILTER (is_high_output),
      'messages': sum(messages) FILTER (is_high_output)},
    {'figure': 'announced and updated', 'channels': count(*) FILTER (updated_at IS NOT NULL AND announced_at IS NOT NULL),
      'messages': sum(messages) FILTER (updated_at IS NOT NULL AND announced_at IS NOT NULL)},
    {'figure': 'updated before announced', 'channels': count(*) FILTER (updated_at < announced_at),
      'messages': sum(messages) FILTER (updated_at < announced_at)}
  ] AS figures FROM judged HAVING count(*) > 0
), rows AS (SELECT unnest(figures, recursive := true) FROM counted)
SELECT figure, channels, CAST(coalesce(messages, 0) AS BIGINT) AS messages FROM rows
