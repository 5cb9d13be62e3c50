"""How an answer is judged: exercises, questions, the comparison and its inputs. Knows no chapter.

Read after lab.
Used from notebook 00 on, by `checks` of every room.
"""

from .listening import tell


def desk(exercises, questions):
    """What `checks` of a room brings beside its exercises: `hint, solution, answer = desk(EXERCISES, QUESTIONS)`.

    exercises  Exercises, as a sequence       questions  Questions
    Returns three functions that take a name: hint prints the next hint, smallest first; solution prints the finished
    source; answer(name, yours) prints what is right or wrong about yours, None being 'not answered yet'. They raise
    ValueError with the names that there are, if there is none of that name.
    """
    room = next((each.room for each in exercises), "")
    exercises, questions = ({each.name: each for each in group} for group in (exercises, questions))

    def find(known, kind, name):
        if name not in known:
            raise ValueError(f"there is no {kind} called {name!r}; the {kind}s are {', '.join(known)}.")
        return known[name]

    def hint(name):
        """Print the next hint for the exercise called name; asked again, a larger one."""
        find(exercises, "exercise", name).hint()

    def solution(name):
        """Print the finished source of the exercise called name."""
        find(exercises, "exercise", name).solution()

    def answer(name, yours):
        """Print what is right or wrong about your answer to the question called name; None is 'not answered yet'."""
        question = find(questions, "question", name)
        option = question.answer(yours)
        if option is not None:
            tell(room, "question", name, "right" if option == question.right else "wrong", str(option))

    return hint, solution, answer
