-- title: Do differences add up
-- section: Set reconciliation
-- order: 11
-- question: Do differences equal the rate of messages times how long each differs: λ·E[Δ] without syncs, λ·E[min(Δ, T)] with one every T?
-- inputs: replay_identities, of receipts, sessions
-- pitfall: Observed. An identity holds within 2 %; where it does not, why_not says what its assumption of steady traffic
--   breaks on, or that rounds are few.
-- pitfall: Δ of a message that only one of two peers delivers is infinite; "common" leaves it out.
SELECT * FROM replay_identities
