"""Files, folders, streams and endpoints to triples: bounded, checked, without a network unless asked."""
