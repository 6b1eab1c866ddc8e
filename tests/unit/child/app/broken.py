import jobs_that_do_not_exist  # noqa: F401
