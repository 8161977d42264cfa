"""Code examples on their way into batches: SeqIO on the outside, plain arrays in memory."""
