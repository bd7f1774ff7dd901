"""How fast a model answers: contenders measured in turn, compared, and told."""
