"""Music to train on: collections, decoded shards, augmented batches, synthesized music."""
