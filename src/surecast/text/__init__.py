"""Words made to fit: measuring as each platform counts, facets, shortening, templates. `fit` is the entrance."""
