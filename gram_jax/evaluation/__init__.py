"""Figures for ranked products: TREC files, measures, significance and reports."""
