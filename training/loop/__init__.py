"""What the training loops of ranked and plain autoencoders share: schedule, processes, checkpoints' times, logs."""
