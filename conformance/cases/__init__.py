"""What ``pytest --pyargs conformance`` collects: the suite itself as tests, one a clause, an example and a law."""
