"""How do people judge play? Episodes shown blind, six published faults counted, pairs compared; then the results.

The rubric is that of Pixels2Play (Yue et al., arXiv 2601.04575, section 4.2 and appendix D.4). `episodes` finds what is to be
judged, `ratings` keeps what was judged, `page` serves both to a browser, and `results` computes; only `page` needs the extra
`pages`. Knows no model: players are names.
"""

from playtape.evaluate.human.results import report
from playtape.evaluate.human.text import report_text

__all__ = ["report", "report_text"]
