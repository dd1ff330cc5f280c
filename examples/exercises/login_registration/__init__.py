"""Login and Registration: passwords as argon2 hashes, and a page for those who are in."""
