"""kgzsl: zero-shot learning from a knowledge graph, with the facts behind each prediction."""
