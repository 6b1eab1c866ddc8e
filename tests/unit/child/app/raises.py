print("before it broke")
raise RuntimeError("no database password")
