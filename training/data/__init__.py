"""Music to train on: collections, decoded shards, augmented batches, and music made of nothing."""
