"""Images: the data sets, their files, and what happens to pixels before a network sees them."""
