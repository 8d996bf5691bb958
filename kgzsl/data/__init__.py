"""Floor 3: images, features, labels, splits, and the embedded benchmark."""
