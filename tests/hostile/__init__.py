"""What strangers may send: a corpus of hostile files and words, and the guard that watches lmrun answer them."""
