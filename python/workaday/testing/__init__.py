"""Tests of your own: the fixture `workaday_test` runs jobs through the real engine, on a clock that only the test moves."""
