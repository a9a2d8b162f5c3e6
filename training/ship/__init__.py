"""From a trained checkpoint to a shipped model: card, hashes, golden files."""
