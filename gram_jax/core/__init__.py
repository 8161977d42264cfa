"""What every room speaks of: records, runs, batches, protocols, errors and safe writes."""
