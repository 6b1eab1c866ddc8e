"""Lives in a worker process; private. `python -m workaday._child` is started by the supervisor and by nobody else.

`main` starts and ends the child, `run` settles one job, `serial` and `aio` are the two ways of working through many,
`capture` gives every printed or logged line to the job that wrote it.
"""
