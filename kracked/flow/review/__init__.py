"""What own fills were worth: the mids that followed, the place they came from, and chance.

The same code reviews a live account and a recording. It opens nothing and knows no clock.
"""

from kracked.flow.review.fill_review import FillReview
from kracked.flow.review.mids import HORIZONS_S, Mark, MarkState, MidPath
from kracked.flow.review.reviewed_fill import Passage, ReviewedFill
from kracked.flow.review.summary import AdverseShare, FillSummary, HorizonSummary

__all__ = [
    "HORIZONS_S",
    "AdverseShare",
    "FillReview",
    "FillSummary",
    "HorizonSummary",
    "Mark",
    "MarkState",
    "MidPath",
    "Passage",
    "ReviewedFill",
]
