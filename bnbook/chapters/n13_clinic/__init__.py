"""Notebook 13, the clinic: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What is wrong with this training run?"
AIMS = (
    "Twelve ways in which BatchNorm spoils a run, by their symptoms",
    "the one measurement that tells the two likeliest causes apart",
    "what `bnbook.diagnose` sees, and what it cannot know",
    "how to repair a layer that somebody wrote by hand",
    "how to teach `diagnose` a rule of your own",
)
MINUTES = 95
BUILDS = "`ForgetfulNorm`, `HeavyNorm`, `GrowingNorm`, `FarNorm`, `CloseNorm`, the rule `noisy_statistics`"
