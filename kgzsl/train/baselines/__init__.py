"""How the baselines are fitted: one file a family, and the two phases that they share."""
