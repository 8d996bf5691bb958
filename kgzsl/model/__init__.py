"""Floor 4: the networks. No losses, no optimizers."""
