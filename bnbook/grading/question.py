"""Questions with a definite answer, each wrong answer with the misconception behind it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question of a notebook.

    name     as in the notebook
    right    the answer
    because  why it is right
    wrong    {answer: (why it is wrong, what to type to see it, what that shows)}
    """

    name: str
    right: object
    because: str
    wrong: dict[object, tuple[str, str, str]]

    def answer(self, yours):
        """Print what is right or wrong about yours."""
        print(f"{self.name}: {self._reply(yours)}")

    def _reply(self, yours):
        if yours is None:
            return "not answered yet"
        if _same(yours, self.right):
            return f"right. {self.because}"
        for option, (why, code, shows) in self.wrong.items():
            if _same(yours, option):
                return f"not {yours!r}. {why}\nSee for yourself:  {code}  gives {shows}"
        options = sorted([self.right, *self.wrong], key=str)
        return f"{yours!r} is not one of the answers: {', '.join(map(repr, options))}"


def _same(yours, option):
    """Equal, with 'B' for 'b' and 16.0 for 16, but not True for 1."""
    if isinstance(yours, str) and isinstance(option, str):
        return yours.strip().lower() == option.lower()
    return isinstance(yours, bool) == isinstance(option, bool) and yours == option
