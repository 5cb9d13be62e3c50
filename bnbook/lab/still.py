"""What stands in for ipywidgets where they are not installed: nothing moves, pictures stay at their first position."""


class VBox:
    """Holds nothing, and says once why."""

    def __init__(self, children):
        print("ipywidgets are not installed, so these sliders do not move: the picture shows their first position.")

    def _repr_mimebundle_(self, **kwargs):
        return {}


class Widget:
    """A value that nobody can change."""

    def __init__(self, value=None, **options):
        self.value = value

    def observe(self, handler, names=None):
        """Nothing will happen that one could be told of."""


Checkbox = Dropdown = FloatSlider = HTML = Image = IntSlider = Widget
