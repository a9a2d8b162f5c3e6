"""A page that shows a study: tables, players, a blind listening test."""
