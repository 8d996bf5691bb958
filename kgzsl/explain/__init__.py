"""Floor 6: which facts drove a prediction, where they were found, and how it is shown."""
