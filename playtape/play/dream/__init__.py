"""A person plays inside a world model, in the browser: `serve` is what `playtape play human WORLD` calls.

`page` talks to browsers, `sleeper` is what one of them dreams, `held` what its hands do, `said` what may be said. Needs the extra
`pages`.
"""
