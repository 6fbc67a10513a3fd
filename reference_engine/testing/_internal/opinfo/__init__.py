"""Operations as test suites describe them."""
