"""Triples to facts and axioms about classes, as a profile says."""
