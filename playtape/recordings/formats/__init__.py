"""One file a format: `find(root)`, `read(path) -> Recording`, `write(...)` where it makes sense, `example(tmp)`."""
