"""How steps are computed: what is chosen for speed and for memory, and how it is measured."""
