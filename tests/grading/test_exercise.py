"""Checks accept every right answer, refuse every wrong one, and say which mistake it is."""

import dataclasses
import functools
import inspect
import itertools
import re
import types

import nbclient
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bnbook import chapters, course, norm_numpy
from bnbook.grading import compare, desk, message
from bnbook.grading.exercise import AT_MOST, CheckFailed, Exercise, Known, _all_calls_once
from bnbook.grading.message import fold
from bnbook.grading.question import _same
from bnbook.norm_numpy import batch_axes

EXERCISES = [exercise for _, exercise in chapters.exercises()]
QUESTIONS = [question for _, question in chapters.questions()]
# Every exercise under its name (batch_norm is 02's), and every question, as if in one room.
checks = types.SimpleNamespace(**{exercise.name: exercise for exercise in reversed(EXERCISES)})
checks.hint, checks.solution, checks.answer = desk(EXERCISES, QUESTIONS)


def name_of(exercise):
    """Its name; with its notebook where two have the same."""
    alone = [other.name for other in EXERCISES].count(exercise.name) == 1
    return exercise.name if alone else f"{exercise.name}-{exercise.room.split('.')[2][1:3]}"


def every_slip():
    return [pytest.param(e, slip, id=f"{name_of(e)}-{slip.__name__}") for e in EXERCISES for slip in e.slips()]


def plain(text):
    """The text in one line."""
    return " ".join(text.split())


def run(exercise, yours, capsys):
    """What a learner sees: the printed text, and the exception if there is one."""
    try:
        error = exercise(yours)
    except Exception as raised:
        error = raised
    return capsys.readouterr().out, error


# --- what each outcome looks like --------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_finished_function_agrees(exercise, capsys):
    out, result = run(exercise, exercise.finished, capsys)
    assert re.fullmatch(rf"{exercise.name}: agrees with bnbook on \d+ inputs\n", out) and result is None


def raises_not_implemented(*args):
    """A stub with a docstring."""
    raise NotImplementedError


def only_an_ellipsis(*args): ...


def only_pass(*args):
    pass


def stub_with_a_default(x, gamma, beta, eps=1e-5):
    """As in the notebook."""
    raise NotImplementedError  # return y, mean, var


@pytest.mark.parametrize("stub", [raises_not_implemented, only_an_ellipsis, only_pass])
@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_an_untouched_stub_is_not_written_yet_and_raises_nothing(exercise, stub, capsys):
    out, result = run(exercise, stub, capsys)
    assert out == f"{exercise.name}: not written yet\n" and result is None


def test_a_forgotten_return_is_pointed_out(capsys):
    def forgot(x, gamma, beta, eps=1e-5):
        mean = x.mean(0)
        y = x - mean
        del y

    out, result = run(checks.batch_norm, forgot, capsys)
    assert "It returned None: is the line `return y, mean, var` there?" in out and result is None


def test_a_forgotten_return_is_pointed_out_even_where_only_arguments_are_given_new_values(capsys):
    def forgot(x, gamma, beta, eps=1e-5):
        x = gamma * x + beta

    out, result = run(checks.batch_norm, forgot, capsys)
    assert "It returned None: is the line `return y, mean, var` there?" in plain(out) and result is None


def test_the_worst_entry_is_shown_and_not_the_first(capsys):
    def yours(x, axes, eps=1e-5):
        x_hat, mean, var = norm_numpy.normalize(x, axes, eps)
        x_hat.flat[1] += 0.25
        x_hat.flat[5] -= 0.5
        return x_hat, mean, var

    out, _ = run(checks.normalize, yours, capsys)
    assert "x_hat (5, 3) is off by up to 0.5, worst at [1, 2]: yours " in plain(out)


def in_float32(x, axes, eps=1e-5):
    results = norm_numpy.normalize(np.float32(x), axes, eps)
    mean = np.float32(x).mean(axes, keepdims=True)
    x_hat = (np.float32(x) - mean) / np.sqrt(np.float32(x).var(axes, keepdims=True) + np.float32(eps))
    return np.float64(x_hat), np.float64(mean), np.float64(np.float32(results[2]))


def test_what_is_computed_in_float32_is_told_so_and_a_small_mistake_is_not():
    verdict = checks.normalize.judge(in_float32)
    assert verdict.kind == "wrong" and "seems to be computed in float32" in verdict.message
    for factor in (1 + 1e-5, 1 - 1e-6):
        small = checks.normalize.judge(lambda *args, f=factor: tuple(f * v for v in norm_numpy.normalize(*args)))
        assert small.kind == "wrong" and "float32" not in small.message


@pytest.mark.parametrize("eps", [1e-8, 1e-6, 1e-2])
def test_another_default_is_told_by_where_it_shows(eps):
    verdict = checks.normalize.judge(lambda x, axes, given=eps: norm_numpy.normalize(x, axes, given))
    assert (
        "It is right wherever eps is given, and off where it is not: its default is to be eps=1e-05" in verdict.message
    )


def test_a_mistake_in_one_call_without_eps_is_not_taken_for_another_default():
    def guards(x, axes, eps=1e-5):
        x_hat, mean, var = norm_numpy.normalize(x, axes, eps)
        return np.where(var == 0, 1.0, x_hat), mean, var

    verdict = checks.normalize.judge(guards)
    assert verdict.kind == "wrong" and "default" not in verdict.message


def test_a_sentence_about_the_whole_is_not_told_of_a_part():
    def yours(dy, x, gamma, num_groups, eps=1e-5):
        dx, _, dbeta = checks.group_norm_backward.finished(dy, x, gamma, num_groups, eps)
        x_hat = norm_numpy.normalize(x, batch_axes(x.ndim), eps)[0]
        return dx, (dy * x_hat).sum(batch_axes(x.ndim)), 3 * dbeta

    verdict = checks.group_norm_backward.judge(yours)
    assert 'A part of it is known: "dgamma" is what either of these gives:' in verdict.message
    assert "- the projection of BatchNorm\n" in verdict.message
    assert "cannot reach image 1" not in verdict.message and "   dgamma   yours    [" in verdict.message


def test_an_error_of_the_same_type_for_another_reason_is_not_called_by_a_slips_name():
    def reshapes(x, gamma, beta, eps=1e-5):
        if x.ndim > 2:
            raise ValueError("something else")
        return norm_numpy.batch_norm(x, gamma, beta, eps)

    verdict = checks.batch_norm.judge(reshapes)
    assert verdict.kind == "raised" and verdict.slip is None and "That is what" not in verdict.message


def test_losing_digits_in_another_way_is_not_called_the_one_pass_variance():
    def one_number_off(x, axes, eps=1e-5):
        x_hat, mean, var = norm_numpy.normalize(x, axes, eps)
        scale = 0.9 if x.dtype == np.float32 else 1.0
        return x_hat, mean, scale * var

    verdict = checks.normalize.judge(one_number_off)
    assert verdict.kind == "wrong" and verdict.slip is None


def test_a_wrong_answer_is_printed_and_raised_as_an_assertion_error(capsys):
    out, error = run(checks.batch_norm, lambda x, g, b, eps=1e-5: (2 * x, x.mean(0), x.var(0)), capsys)
    assert isinstance(error, CheckFailed) and isinstance(error, AssertionError)
    assert out.startswith("batch_norm: y (5, 3) is off by up to ") and str(error) == out.rstrip("\n")
    assert 'checks.hint("batch_norm")' in out
    assert error._render_traceback_() == ["CheckFailed: not right yet, see the message above."]


def test_a_wrong_answer_without_a_name_shows_the_small_example(capsys):
    out, _ = run(checks.batch_norm, lambda x, g, b, eps=1e-5: norm_numpy.batch_norm(x, g**4, b, eps), capsys)
    assert "x = [[1, 10], [3, 40], [8, 10]]" in out
    # by hand: gamma^4 is (16, 1); (1 - 4) / sqrt(26/3 + .1) = -1.0132, (10 - 20) / sqrt(200 + .1) = -0.7069
    assert "[[-15.21, 4.293], " in out and "[[-1.026, 5.707], " in out


def test_two_mistakes_at_once_name_the_one_that_can_be_told(capsys):
    def two(x, gamma, beta, eps=1e-5):
        y, mean, var = norm_numpy.batch_norm(x, gamma, beta + 0.3, eps)
        m = x.size / x.shape[1]
        return y, mean, var * m / (m - 1)

    out, _ = run(checks.batch_norm, two, capsys)
    assert 'A part of it is known: "var" is what either of these gives:' in out
    assert (
        "- dividing the variance by m - 1: BatchNorm normalizes" in out
        and "var is [13, 300], it should be" in plain(out)
    )
    assert "- returning the variance divided by m - 1\n" in out, "its sentence says that y is right, and y is not"


def test_an_exception_is_theirs_with_their_line(capsys):
    source = (
        "def normalize(x, axes, eps=1e-5):\n    mean = x.mean(axes)\n    return x - mean.no_such_thing, mean, mean\n"
    )
    space = {}
    exec(compile(source, "their_cell", "exec"), space)
    out, error = run(checks.normalize, space["normalize"], capsys)
    assert "your code raised AttributeError when called with x (5, 3), axes (0,), eps 0.1, in your line 3" in plain(out)
    assert type(error) is AttributeError
    frames = [frame.filename for frame in inspect.getinnerframes(error.__traceback__)]
    assert frames[-1] == "their_cell" and not any(name.endswith("compare.py") for name in frames)


A_LEARNERS_CELLS = (
    "import numpy as np\nfrom bnbook.chapters.n02_forward import checks",
    "def normalize(x, axes, eps=1e-5):\n    return helper(x), x, x\ndef helper(v):\n    return v.no_such_thing",
    "checks.normalize(normalize)",
    "checks.batch_norm(lambda x: x)",
    "checks.normalize(3)",
    "checks.normalize(lambda x, axes, eps=1e-5: (x, x, x))",
)


def test_in_a_notebook_no_line_of_ours_is_shown_of_an_exception():
    cells = [nbformat.v4.new_code_cell(source) for source in A_LEARNERS_CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
    shown = ["\n".join(o.traceback) for cell in cells for o in cell.outputs if o.output_type == "error"]
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in shown]
    assert len(shown) == 4 and not any("bnbook/" in text or "__call__" in text for text in shown), shown
    assert "return helper(x), x, x" in shown[0] and "----> 4     return v.no_such_thing" in shown[0]
    assert plain(shown[1]) == "TypeError: <lambda>() takes 1 positional argument but 4 were given"
    assert plain(shown[2]).startswith("TypeError: checks.normalize got int, expected your function")
    assert plain(shown[3]) == "CheckFailed: not right yet, see the message above."


def test_a_function_with_other_arguments_is_not_told_a_line_of_ours(capsys):
    out, error = run(checks.normalize, lambda x: x, capsys)
    assert (
        "your code raised TypeError when called with x (5, 3), axes (0,), eps 0.1" in plain(out)
        and "in your line" not in out
    )
    assert type(error) is TypeError


@pytest.mark.parametrize("thing", [3, np.ones(3), "batch_norm", None])
def test_a_result_in_place_of_a_function_gets_one_sentence(thing):
    with pytest.raises(
        TypeError, match=r"expected your function: write checks.batch_norm\(batch_norm\), without calling"
    ):
        checks.batch_norm(thing)


@pytest.mark.parametrize(
    "result, says",
    [
        (lambda y, mean, var: (y, mean), "returned 2 outputs, expected 3 outputs, y, mean, var"),
        (lambda y, mean, var: y, "returned an array of float64 (5, 3), expected 3 outputs"),
        (lambda y, mean, var: (y, mean[None], var), "mean has shape (1, 3), expected (3,)"),
        (lambda y, mean, var: (y, "mean", var), "mean is str, expected numbers of shape (3,)"),
        (lambda y, mean, var: (y, None, var), "mean is NoneType, expected numbers of shape (3,)"),
        (lambda y, mean, var: (y * np.nan, mean, var), "y (5, 3) is not finite everywhere, first at [0, 0]: yours nan"),
        (lambda y, mean, var: (y + 0j, mean, var), "y is an array of complex128 (5, 3), expected numbers"),
        (lambda y, mean, var: (y, mean, var * (1 + 1e-6)), "var (3,) is off by up to"),
    ],
)
def test_results_of_the_wrong_kind_are_described(result, says, capsys):
    out, error = run(checks.batch_norm, lambda *args: result(*norm_numpy.batch_norm(*args)), capsys)
    assert says in out and isinstance(error, CheckFailed)


def test_writing_into_an_argument_is_noticed_whichever_it_is(capsys):
    def scribbles(x, gamma, beta, eps=1e-5):
        result = norm_numpy.batch_norm(x, gamma, beta, eps)
        beta += 1
        return result

    out, error = run(checks.batch_norm, scribbles, capsys)
    assert "wrote into its argument beta" in out and isinstance(error, CheckFailed)


def test_numbers_that_look_alike_in_four_digits_are_shown_in_more(capsys):
    out, _ = run(checks.normalize, checks.normalize.slips()[20], capsys)
    mine, right = re.search(r"yours (\S+), expected (\S+)", plain(out)).groups()
    assert mine != right


# --- slips ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise, slip", every_slip())
def test_every_slip_is_refused_and_named_with_its_own_explanation(exercise, slip):
    verdict = exercise.judge(slip)
    assert verdict.kind in ("wrong", "raised")
    assert verdict.slip is slip, verdict.message
    start = "That is what (?=.* gives: )|One way to get this is "  # the second where only rounding errors tell
    explanation = re.split(start, verdict.message, maxsplit=1)[1].split('checks.hint("')[0]
    assert ": " in explanation and "{" not in explanation
    assert re.search(r"\d", explanation), "an explanation cites a number"


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_no_two_slips_of_a_check_look_the_same_on_its_probes(exercise):
    calls = {slip.__name__: exercise._all_calls(slip) for slip in exercise.slips()}
    ours = exercise._all_calls(exercise.finished)
    positions = range(len(exercise.outputs))
    for a in calls:
        for b in calls:
            same = all(exercise._same(*c, positions) for c in zip(calls[a], calls[b], ours, strict=True))
            assert same == (a == b), (a, b)


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_a_check_has_six_slips_or_more_each_with_a_sentence_of_its_own(exercise):
    sentences = [slip.__doc__ for slip in exercise.slips()]
    assert len(sentences) >= 6
    words = [frozenset(re.findall(r"\w+", s.lower())) for s in sentences]
    for i, a in enumerate(words):
        for b in words[:i]:
            assert len(a & b) / len(a | b) < 0.6, "near-clones of one template"


# --- answers that share some outputs with a slip --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Mixed:
    """An answer with some outputs of a slip, and all others right."""

    slip: object
    positions: tuple

    def __call__(self, *args):
        raise NotImplementedError  # `Mixing` calls the two that it is made of


class Mixing(Exercise):
    """An exercise that also judges mixed answers, of functions and of classes alike."""

    def _call(self, function, probe, kept):
        if not isinstance(function, Mixed):
            return (
                once(self, function, probe.says) if function is self.finished else super()._call(function, probe, kept)
            )
        right, wrong = (once(self, f, probe.says) for f in (self.finished, function.slip))
        pairs = zip(*(compare.as_outputs(call.result, len(self.outputs)) for call in (right, wrong)), strict=True)
        mixed = [pair[position in function.positions] for position, pair in enumerate(pairs)]
        return compare.Call(kept, tuple(mixed))

    def _difference_at(self, position, call, ours):
        """Mixed answers are made of the same few objects: each two are compared once, or it takes ten times as long."""
        outputs = [compare.as_outputs(each.result, len(self.outputs)) for each in (call, ours) if each.error is None]
        if len(outputs) < 2 or None in outputs:
            return super()._difference_at(position, call, ours)
        pair = [each[position] for each in outputs]
        key = (self.name, position, *map(id, pair), ours.probe.says, ours.probe.tolerance)
        if key not in COMPARED:  # with the pair, so that nothing else gets its address
            COMPARED[key] = super()._difference_at(position, call, ours), pair
        return COMPARED[key][0]


COMPARED = {}


@functools.cache
def mixing(exercise):
    return Mixing(**{field.name: getattr(exercise, field.name) for field in dataclasses.fields(exercise)})


@functools.cache
def once(exercise, function, says):
    """The call of a function with the probe of that name, or with the example."""
    examples = [[compare.Probe("the example", exercise.example())] for _ in range(2)]
    pairs = [pair for two in (examples, (exercise.probes(), exercise.probes())) for pair in zip(*two, strict=True)]
    return next(Exercise._call(exercise, function, *pair) for pair in pairs if pair[0].says == says)


def mixed_answers(exercise):
    """All that share one wrong output with a slip, or two where there are three or more, and are right elsewhere."""
    for slip in exercise.slips():
        calls = [*exercise._all_calls(slip), once(exercise, slip, "the example")]
        if any(call.error or call.wrote_into for call in calls):
            continue
        if any(compare.as_outputs(call.result, len(exercise.outputs)) is None for call in calls):
            continue
        spoiled = exercise._spoiled(slip)
        pairs = itertools.combinations(spoiled, 2) if len(exercise.outputs) < 8 else itertools.pairwise(spoiled)
        for positions in [*((p,) for p in spoiled), *pairs]:
            if len(positions) < len(spoiled):  # else it is the slip itself
                yield Mixed(slip, positions)


NUMBERS = r"\[+[^\]]*\]+|(?<![\w.])-?\d[\d.]*(?:e[-+]?\d+)?(?<!\.)"
AGAINST = re.compile(
    r"(?: on the example| in the first row| numbers of the example \w+ \w+)?[,:;]? *"
    r"(?:(?:and|but|it|yours|its \w+|the \w+|where|is|was|right) ?)*"
    r"(?:should|expected|not|in place of|instead of|against|the sum is|the mean is|its square is)"
    r"(?:[ ,]|be|become|start|with|to)*"
)


def same_number_as_yours_and_expected(message):
    """Where a message sets a number against itself, below its first line, in which numbers are shapes, too."""
    text = message.partition("\n")[2]
    pairs = itertools.pairwise(re.finditer(NUMBERS, text))
    alike = [(a, b) for a, b in pairs if a[0] == b[0]]
    return [text[a.start() : b.end()] for a, b in alike if AGAINST.fullmatch(text, a.end(), b.start())]


def called_wrong(message, names):
    """The outputs that a message calls wrong."""
    prose = r'[Yy]our {0} (?:is|are|starts|should)\b|"{0}".* (?:is|are) (?:off|what)'
    says = prose + r"|^\w+: {0}(?: \(.*?\))?(?: is|:)|^   {0} +yours"
    return {name for name in names if re.search(says.format(re.escape(name)), message, re.MULTILINE)}


SEVERAL_OUTPUTS = [e for e in EXERCISES if len(e.outputs) > 1]


@pytest.mark.parametrize("exercise", SEVERAL_OUTPUTS, ids=name_of)
def test_no_message_calls_something_wrong_that_is_right(exercise):
    exercise = mixing(exercise)
    bad, made = [], 0
    for answer in mixed_answers(exercise):
        made += 1
        verdict, right = (
            exercise.judge(answer),
            {o for p, o in enumerate(exercise.outputs) if p not in answer.positions},
        )
        wrong = set(exercise.outputs) - right
        said_right = {o for o in wrong if re.search(rf"\b{re.escape(o)} is right\b", verdict.message)}
        assert verdict.kind == "wrong"
        if same_number_as_yours_and_expected(verdict.message) or called_wrong(verdict.message, right) or said_right:
            bad.append(verdict.message)
    assert not bad, "\n\n".join(bad)
    assert made or all(len(exercise._spoiled(slip)) < 2 for slip in exercise.slips()), "nothing was tried"


def test_the_readers_of_messages_find_what_they_look_for():
    for bad in (
        "Your var is [2.667, 66.67], it should be [2.667, 66.67]. (So.)",
        "Your dbeta is [3, 3], the sum is [3, 3].",
        "the length is 4.472 and not 4.472",
        "10 numbers of the example are trained in place of 10",
        "   var      yours [[1, 2]]   expected [[1, 2]]",
        "[0, 0.6] on the example, expected [0, 0.6].",
    ):
        assert same_number_as_yours_and_expected("first line\n" + bad), bad
    for good in (
        "var is [2.667, 66.67], it should be [2.667, 66.7]",
        "divided by 4, not by 4.5",
        "times 2, not divided by 2",
    ):
        assert not same_number_as_yours_and_expected("first line\n" + good), good
    names = {"y", "var", "y in step 1"}
    assert called_wrong("batch_norm: y (4, 3) is off by up to 0.3", names) == {"y"}
    assert called_wrong('a\nOnly "y in step 1" is off: it is what', names) == {"y in step 1"}
    assert called_wrong("a\n   var      yours 3   expected 4", names) == {"var"}


CONTRADICT_THEMSELVES = set()


@pytest.mark.parametrize("exercise, slip", every_slip())
def test_no_explanation_of_a_slip_sets_a_number_against_itself(exercise, slip):
    found = same_number_as_yours_and_expected(exercise.judge(slip).message)
    assert bool(found) == (slip.__name__ in CONTRADICT_THEMSELVES), found


def share(exercise, a, b, position):
    """Whether two slips give the same numbers in one output on all probes."""
    calls = (_all_calls_once(exercise, f) for f in (a, b, exercise.finished))
    return all(exercise._same(*three, [position]) for three in zip(*calls, strict=True))


@pytest.mark.parametrize("exercise", SEVERAL_OUTPUTS, ids=name_of)
def test_slips_that_share_an_output_on_all_probes_are_named_together_or_not_at_all(exercise):
    exercise = mixing(exercise)
    single = {(m.slip, m.positions[0]): m for m in mixed_answers(exercise) if len(m.positions) == 1}
    bad = []
    for slip, position in single:
        known = exercise._known(exercise._all_calls(single[slip, position]))
        alike = [s for s in exercise.slips() if share(exercise, slip, s, position)]
        names = {known.slip} if known.slip else set(known.slips)
        if known.slip is None and names != (set(alike) if len(alike) <= AT_MOST else set()):
            bad.append(
                (slip.__name__, exercise.outputs[position], {s.__name__ for s in names}, [s.__name__ for s in alike])
            )
        message = exercise.judge(single[slip, position]).message
        missing = [
            s.__name__ for s in names if inspect.cleandoc(s.__doc__).split(": ")[0].replace("\n", " ") not in message
        ]
        bad += [(slip.__name__, exercise.outputs[position], missing)] if missing else []
    assert not bad, bad


# --- how a message is laid out ---------------------------------------------------------------------------------------

MESSAGES = [
    "y: " + "a word or two " * 20,
    "code " * 14 + "`np.mean(x, axis = (0, 2, 3), keepdims = True)` and more " + "words " * 20,
    "numbers " * 9 + "[[1.5, 2.25], [3.125, 4]] and [0.1, 0.2, 0.3] " * 4,
    "first line\n"
    + "   var      yours [1, 2, 3] "
    + "x " * 50
    + "\n    code = that_is_left(as_it_is) "
    + "; pass" * 20,
]


@pytest.mark.parametrize("text", MESSAGES)
def test_lines_are_folded_between_words_and_never_in_a_list_or_in_code(text):
    folded = fold(text)
    assert all(len(line) <= 88 or line.startswith("    ") for line in folded.split("\n"))
    assert plain(folded) == plain(text), "no word is cut"
    for whole in re.findall(r"`[^`]*`|\[+[^\[\]]*\]+", text):
        assert whole in folded, "in one piece"


@pytest.mark.parametrize("exercise, slip", every_slip())
def test_every_message_has_lines_of_88_characters_at_most(exercise, slip):
    lines = fold(exercise.judge(slip).message).split("\n")
    long = [line for line in lines if len(line) > 88]
    assert not [line for line in long if len(re.sub(r"[\[(].*[\])]", "", line)) > 80], "but for a list longer than that"


@pytest.mark.parametrize("exercise", SEVERAL_OUTPUTS, ids=name_of)
def test_the_sentence_about_a_part_fits_every_name_of_an_output(exercise):
    slip = exercise.slips()[0]
    for position, name in enumerate(exercise.outputs):
        for wrong in [(position,), tuple(range(len(exercise.outputs)))]:
            known = Known(wrong, (position,), (slip,))
            first = message.wrong(exercise, slip, exercise.probes()[0], "y is off", known).split("\n")[1]
            start = (
                f'Only "{name}" is off: it is what '
                if wrong == (position,)
                else f'A part of it is known: "{name}" is what '
            )
            assert first.startswith(start + inspect.cleandoc(slip.__doc__).replace("\n", " ").split(": ")[0])


# --- hints, solutions, answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_hints_come_smallest_first_and_the_last_one_says_so(exercise, capsys, monkeypatch):
    monkeypatch.setattr("bnbook.grading.exercise._hints_shown", {})
    hint, _, _ = desk([exercise], [])
    for number, text in enumerate(exercise.hints, 1):
        hint(exercise.name)
        out = capsys.readouterr().out
        assert plain(out).startswith(plain(f"{exercise.name}, hint {number} of 3: {text}"))
        assert ("That is the last hint" in out) == (number == 3)
    hint(exercise.name)
    assert plain(f"hint 3 of 3: {exercise.hints[2]}") in plain(capsys.readouterr().out)


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_solution_is_the_finished_source_and_then_what_it_calls_with_a_label(exercise, capsys):
    _, solution, _ = desk([exercise], [])
    solution(exercise.name)
    first, *parts = capsys.readouterr().out.split(f"\n\n# what {exercise.name} calls\n")
    assert [first, *parts] == [inspect.getsource(f) for f in (exercise.finished, *exercise.also)]


@pytest.mark.parametrize("ask", [checks.hint, checks.solution])
def test_an_unknown_exercise_lists_the_known_ones(ask):
    with pytest.raises(ValueError, match="no exercise called 'batchnorm'; the exercises are batch_axes, "):
        ask("batchnorm")


def test_an_unknown_question_lists_the_known_ones():
    with pytest.raises(ValueError, match="no question called 'x'; the questions are "):
        checks.answer("x", 1)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_a_question_has_a_reply_for_no_answer_the_right_one_each_wrong_one_and_any_other(question, capsys):
    _, _, answer = desk([], [question])

    def reply(value):
        assert answer(question.name, value) is None
        return capsys.readouterr().out

    assert reply(None) == f"{question.name}: not answered yet\n"
    assert reply(question.right).startswith(f"{question.name}: right. ")
    assert len(question.wrong) >= 2
    replies = {reply(option) for option in question.wrong}
    assert len(replies) == len(question.wrong) and all("See for yourself" in r for r in replies)
    assert "is not one of the answers: asked is " in reply("something else")


@pytest.fixture
def says(capsys, monkeypatch):
    """What is said to an answer, as at the first try."""
    monkeypatch.setattr("bnbook.grading.question._tries", {})

    def says(name, answer):
        checks.answer(name, answer)
        return plain(capsys.readouterr().out)

    return says


@pytest.mark.parametrize(
    "name, answers",
    [
        (
            "forward-table-means",
            ["3", " 3.0", "'3'", "three", "3 means", 3.0, np.int64(3), np.array([3]), torch.tensor(3), [3]],
        ),
        ("images-m", ["15,052", "15052 values", 15052.0]),
        ("why-relu-half", ["1/2", "0.5", ".5", "50 %", "0,5", np.float32(0.5)]),
        ("forward-constant", [5.5e-17, "0", -0.0, torch.zeros(1)]),
        ("forward-divisor", ["M", " m ", '"m"', "`m`"]),
        ("why-saturated", ["below 5%", "Below  5 %.", "below 5"]),
        ("rates-extreme", ["about 80%", "80 %", 80, 0.8, "~80%"]),
        ("rates-ratio", ["3-30", "3 \u2013 30"]),
        ("forward-identity", ["c)", "(C)", "C.", "answer c"]),
        ("forward-units", ["same", "The  same", "the_same"]),
        ("relatives-dgamma", ["N, H, W", "nhw"]),
        ("claims-interval", [False, "False"]),
        ("why-any-gain", [all]),
        ("why-tanh-one", ["shrink", "shrnks", "it shrinks"]),
        ("shift-spread", ["without BatchNorm"]),
    ],
)
def test_the_right_answer_is_accepted_however_it_is_written(name, answers, says):
    assert [says(name, answer).startswith(f"{name}: right") for answer in answers] == [True] * len(answers)


@pytest.mark.parametrize(
    "name, answer, option",
    [
        ("forward-divisor", "m-1", "m - 1"),
        ("forward-divisor", "(m \u2212 1)", "m - 1"),
        ("forward-constant", np.nan, "nan"),
    ],
)
def test_a_wrong_answer_is_recognized_however_it_is_written(name, answer, option, says):
    assert says(name, answer).startswith(f"{name}: not {option!r}. ")


def test_a_near_miss_is_accepted_with_what_was_understood(says):
    assert says("why-tanh-one", "shrnks").startswith("why-tanh-one: right, 'shrinks' (which I read in 'shrnks'). ")


@pytest.mark.parametrize(
    "name, answer", [("why-tanh-one", "not shrinks"), ("forward-divisor", "m - 2"), ("claims-interval", "not false")]
)
def test_the_opposite_and_another_number_are_no_near_misses(name, answer, says):
    assert "is not one of the answers" in says(name, answer)


def test_what_is_no_answer_at_all_gets_one_sentence(says):
    kinds = {
        "an array of 3 numbers": np.ones(3),
        "an array of 2 x 2 numbers": torch.ones(2, 2),
        "dict": {},
        "2 outputs": (3, 4),
    }
    for kind, thing in kinds.items():
        assert says("forward-table-means", thing) == f"forward-table-means: that is {kind}; asked is one number."
    assert "True is not one of the answers: asked is one number." in says("forward-table-means", True)
    assert "asked is a letter, in quotes" in says("forward-identity", 7)


def test_a_number_is_told_which_way_and_the_choices_only_at_the_second_try(says):
    assert says("images-m", 15000) == "images-m: 15000 is not one of the answers: a little too small."
    again = says("images-m", "20000")
    assert again == "images-m: '20000' is not one of the answers: too large. The choices are 2, 7526, 15052, 45156."


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_no_two_options_of_a_question_are_read_as_the_same_and_each_is_read_as_itself(question, says):
    options = [question.right, *question.wrong]
    for option in options:
        spoiled = f" '{option}' ".upper()
        says_right = says(question.name, spoiled).startswith(f"{question.name}: right")
        assert says_right == (option == question.right), spoiled
        assert [o for o in options if _same(option, o)] == [option]


def in_room(room, question):
    """What the wrong options of a question tell to type, evaluated after the first cell of the room's notebook.

    By then the reader has the arithmetic and the room's own functions, too.
    """
    nb = nbformat.read(course.ROOT / "notebooks" / f"{room[1:]}.ipynb", as_version=4)
    first = next(cell.source for cell in nb.cells if cell.cell_type == "code")
    homes = ["bnbook.norm_numpy", *([f"bnbook.chapters.{room}.functions"] * bool(chapters.room(room, "functions")))]
    imports = "\n".join(["import numpy as np, torch", "from bnbook import norm_numpy, data"])
    imports += "".join(f"\nfrom {home} import *" for home in homes)
    spaces = {}
    for option, (_, code, shows) in question.wrong.items():
        *before, last = code.split("; ")
        key = (*before, last if "grad" in last else "")  # a graph is gone after one look
        if key not in spaces:  # options of one question often look at the same training
            spaces[key] = {}
            exec("\n".join([imports, first, *before]), spaces[key])
        yield option, eval(last, spaces[key]), shows, code


@pytest.mark.parametrize("room, question", chapters.questions(), ids=lambda value: getattr(value, "name", ""))
def test_what_a_wrong_answer_is_told_to_type_gives_the_number_it_is_told(room, question):
    for option, result, shows, code in in_room(room, question):
        assert (result if isinstance(result, str) else repr(result)) == shows and re.search(r"\d", shows + code), option


def test_a_message_shows_a_whole_number_as_one_writes_it():
    shown = [compare.full(value) for value in (np.int64(2), 2, (0, 2), np.float64(0.5), None)]
    assert shown == ["2", "2", "(0, 2)", "0.5", "None"]


def test_torchs_functions_on_the_arguments_as_they_come_are_accepted():
    def batch_norm(x, gamma, beta, eps=1e-5):
        x, gamma, beta = (torch.tensor(v.copy()) for v in (x, gamma, beta))
        axes = norm_numpy.batch_axes(x.ndim)
        y = F.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
        return y, x.double().mean(axes), x.double().var(axes, correction=0)

    def batch_norm_eval(x, gamma, beta, mean, var, eps=1e-5):
        x, gamma, beta, mean, var = (torch.tensor(v.copy()) for v in (x, gamma, beta, mean, var))
        return F.batch_norm(x, mean, var, gamma, beta, False, 0.1, eps)

    for exercise, yours in ((checks.batch_norm, batch_norm), (checks.batch_norm_eval, batch_norm_eval)):
        verdict = exercise.judge(yours)
        assert verdict.kind == "agrees", verdict.message
