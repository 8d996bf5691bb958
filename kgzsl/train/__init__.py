"""Floor 5a: objectives and the fit loop. Sees images of seen classes only."""
