"""Networks and what they are made of: norms, layers, penalties on weights."""
