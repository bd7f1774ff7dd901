"""From a syntax tree to a bound spec: names, imports, arguments, values of expressions."""
