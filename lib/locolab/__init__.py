"""LoCoLab: the Covenant-72B story rebuilt at a scale one machine can check.

The rooms of the package, in the order the data walks through them: ``corpus`` (text),
``model`` (a small LLaMA), ``compress`` (what is sent), ``network`` (how it travels),
``train`` (peers and rounds), ``report`` (records, figures, verdicts), ``run`` (the command line).
"""

__version__ = "0.1.0"
