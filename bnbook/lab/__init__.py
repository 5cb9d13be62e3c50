"""Where nets are trained to find something out: many at once, what came of it, how it is drawn, sliders.

Read after train.
Used from notebook 00 on, by the rooms' `experiments`, `plots` and `sliders`.

An experiment is a grid of Settings (`setting`), run together (`engine`), and returned as a dict of plain lists, numbers
and strings: `save` (`results`) writes it as JSON, and the function of the same name in the room's `plots` draws it and
returns the axes and a text that says in words and rounded numbers what the figure shows. Summaries of arms in which a
run diverged are None: such digits differ between machines, and only the verdict "did not train" may be printed. What a
long grid has finished is kept (`kept`) until all is done; other processes may train it (`workers`).
"""
