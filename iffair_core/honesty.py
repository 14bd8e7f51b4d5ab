"""What the numbers of a study cannot tell, and which parts of the method are the paper's: said wherever results go."""

LIMITS = (
    "A gap is a fact about this model on these rows, not its cause, and not a verdict. Whether it is acceptable is "
    "for people to say who know what the decision does.",
    "Recorded outcomes may themselves be unfair. Equal opportunity and equalized odds take them as the truth.",
    "Intervals are 95 % and hold the fitted model fixed: they cover the sampling of the rows it is judged on, not "
    "of the rows it was trained on. Rates: Wilson; disparities, gaps and changes: bootstrap.",
    "The chance band is what a disparity would show in 95 of 100 tables whose group labels mean nothing. Inside it, "
    "a disparity cannot be told from chance.",
    "Validation rows chose the strength; test rows only report. Small groups make both uncertain: read the intervals.",
    "Numbers marked ○ are predicted from influences without a refit, numbers marked ● come from a model that was "
    "really refitted. Where they differ, believe ●.",
    "Influence says how this model's numbers move when a row weighs more or less. It does not say that a row is "
    "wrong, or what would happen in another model.",
    "A smaller gap can come from treating one group worse. The table of rates before and after shows who pays.",
    "A rate without rows in its denominator is not estimable and is said to be; a disparity is then taken over the "
    "other groups.",
)
"""One or two sentences each, without numbers of a study."""

ORIGIN = (
    "From the abstract and public summaries of IFFair (Yang et al., arXiv 2512.07249): reweighting training rows by "
    "group-oriented influence, before training and without touching model, features or threshold; the variants "
    "Uniform and Diverse; trade-off constraints between fairness and utility.",
    "The paper's full method was not available to us. The formulas for the weights, the variant Efficient, the "
    "meaning of strength, the path of refits, the predicted curve, the recommendation and the fidelity badge are "
    "our own. None of the paper's numbers are claimed here.",
    "Influence itself is standard: Cook and Weisberg (1982), Koh and Liang (2017), leave-one-out with leverage "
    "after Rad and Maleki (2020). Metrics follow Fairlearn, AIF360 (Theil index) and scikit-learn; reweighing is "
    "Kamiran and Calders (2012).",
)
"""What is the paper's, what is ours, and what is standard."""
