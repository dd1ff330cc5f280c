"""What the exercises look like: the page around each, and one style sheet."""
