"""Pages of one site: found by its links, by its sitemap, or in its feed."""
