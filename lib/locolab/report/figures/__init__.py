"""One module per chapter's figures: tidy table in, figure out; titles come from the notebook's outcomes."""
