"""Pictures of a program: SVG, PNG, and a page that folds and unfolds."""
