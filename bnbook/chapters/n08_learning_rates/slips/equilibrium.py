"""Wrong answers to the exercise `equilibrium`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- equilibrium(lr, weight_decay, gradient) -> length, angle --------------------------------------------------------


@slip_of("equilibrium")
def equilibrium_without_the_2(lr, weight_decay, gradient):
    """forgetting that |w|^2 is shortened twice: w loses the share lr * decay, but its *square* loses 2 * lr * decay,
    since (1 - x)^2 is about 1 - 2 x. Your angle is {angle}, expected {right_angle}."""
    return (lr * gradient**2 / weight_decay) ** 0.25, np.sqrt(lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_of_squares(lr, weight_decay, gradient):
    """a square root for the length: that would be right if `gradient` were the gradient at w itself. It is the one at
    length 1, and at w it is gradient / |w|: one more |w|^2, so the 4th root. Yours {length}, not {right_length}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.5, np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_without_root(lr, weight_decay, gradient):
    """returning length^4: lr * gradient^2 / (2 * decay) is {length}; the length is its 4th root, {right_length}."""
    return lr * gradient**2 / (2 * weight_decay), np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_of_the_wrong_2(lr, weight_decay, gradient):
    """putting the 2 above: 2 * lr * decay * |w|^4 = lr^2 * gradient^2, so when you solve for |w|^4 the 2 goes below.
    Yours {length}, expected {right_length}."""
    return (2 * lr * gradient**2 / weight_decay) ** 0.25, np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_with_2_left_in_one_place(lr, weight_decay, gradient):
    """sqrt(lr * decay) for the angle: the length has its 2, the angle has lost it. angle = lr * gradient / |w|^2; with
    the length put in, a factor sqrt(2) = 1.41 stays: {right_angle}, not {angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_with_half_the_angle(lr, weight_decay, gradient):
    """sqrt(lr * decay / 2): when lr is divided by |w|^2 the root of 2 * decay comes up from below: sqrt(2), not its
    inverse 0.707. Your angle is {angle}, expected {right_angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(lr * weight_decay / 2)


@slip_of("equilibrium")
def equilibrium_without_the_root_of_the_angle(lr, weight_decay, gradient):
    """2 * lr * decay: that is the share that |w|^2 loses per step, and the *square* of the angle: a step at right
    angles lengthens w by a square. Its root is the angle, {right_angle}; yours is {angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, 2 * lr * weight_decay


@slip_of("equilibrium")
def equilibrium_in_degrees(lr, weight_decay, gradient):
    """giving degrees: {angle}; asked are radians, {right_angle}: for small angles that is the step divided by |w|."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.degrees(np.sqrt(2 * lr * weight_decay))


@slip_of("equilibrium")
def equilibrium_of_a_gradient_to_the_first(lr, weight_decay, gradient):
    """not squaring the gradient: the step is at right angles to w, and Pythagoras adds *squares*, lr^2 * |g|^2. Your
    length is {length}, expected {right_length}: 4 times the gradient makes it 2 times as long."""
    return (lr * gradient / (2 * weight_decay)) ** 0.25, np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_of_decoupled_decay(lr, weight_decay, gradient):
    """a decay that does not know lr: w <- (1 - decay) * w - lr * g is another rule. Here lr multiplies the decay too,
    as in torch.optim.SGD, so one lr of lr^2 cancels in the length, {right_length} and not {length}, and the
    angle keeps one, {right_angle}."""
    return (lr**2 * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(2 * weight_decay)


@slip_of("equilibrium")
def equilibrium_upside_down(lr, weight_decay, gradient):
    """the length upside down: more decay must make the weights *shorter*, and yours, {length}, grows with it. Solve
    2 * lr * decay * |w|^2 = lr^2 * gradient^2 / |w|^2 for |w|: {right_length}."""
    return (2 * weight_decay / (lr * gradient**2)) ** 0.25, np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_of_a_ratio(lr, weight_decay, gradient):
    """sqrt(2 * decay / lr) for the angle: a larger learning rate turns the weights by more, and yours turns them by
    less: {angle}. The product counts: {right_angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(2 * weight_decay / lr)


@slip_of("equilibrium")
def equilibrium_with_the_gradient_of_length_1(lr, weight_decay, gradient):
    """lr * gradient / |w| for the angle: `gradient` is the one at length 1. At length |w| = {right_length} the net's
    gradient is gradient / |w|, so |w| stands below twice: {right_angle}, not {angle}."""
    length = (lr * gradient**2 / (2 * weight_decay)) ** 0.25
    return length, lr * gradient / length


@slip_of("equilibrium")
def equilibrium_at_length_1(lr, weight_decay, gradient):
    """lr * gradient for the angle: that is the angle while |w| is 1. In equilibrium |w| is {right_length}, and the
    angle lr * gradient / |w|^2 = {right_angle}: the gradient drops out of it."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, lr * gradient


@slip_of("equilibrium")
def equilibrium_with_the_square_kept(lr, weight_decay, gradient):
    """keeping (lr * decay)^2 in (1 - lr * decay)^2: closer to the truth by a share lr * decay, but the formula asked
    for leaves it out, as lr * decay is small against 1: {right_angle}, yours {angle}."""
    loss = 2 * lr * weight_decay - (lr * weight_decay) ** 2
    return (lr**2 * gradient**2 / loss) ** 0.25, np.sqrt(loss)


@slip_of("equilibrium")
def equilibrium_swapped(lr, weight_decay, gradient):
    """returning the angle first: the order is length, angle; your length is {length}, which is the angle. Expected
    {right_length}."""
    return np.sqrt(2 * lr * weight_decay), (lr * gradient**2 / (2 * weight_decay)) ** 0.25


@slip_of("equilibrium")
def equilibrium_of_a_quarter(lr, weight_decay, gradient):
    """`** 1/4` for the length: a power is taken before anything is divided, so this is length^4 / 4. Write ** (1/4) or
    ** 0.25: {right_length} on the example, yours is {length}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 1 / 4, np.sqrt(2 * lr * weight_decay)


@slip_of("equilibrium")
def equilibrium_of_a_half(lr, weight_decay, gradient):
    """`** 1/2` for the angle: a power is taken before anything is divided, so this is half of 2 * lr * decay. Write
    ** 0.5 or np.sqrt: {right_angle}; yours is {angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, (2 * lr * weight_decay) ** 1 / 2


@slip_of("equilibrium")
def equilibrium_of_two_powers_without_brackets(lr, weight_decay, gradient):
    """`** 1/4` and `** 1/2`: Python raises to the power of 1 and divides afterwards. The exponents need brackets, or
    decimals: ** 0.25 for the length, {right_length} and not {length}, and ** 0.5 for the angle."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 1 / 4, (2 * lr * weight_decay) ** 1 / 2


@slip_of("equilibrium")
def equilibrium_multiplying_by_the_decay(lr, weight_decay, gradient):
    """`/ 2 * decay` without brackets: Python goes from left to right, divides by 2 and *multiplies* by the decay.
    lr * gradient^2 / (2 * decay) has both below: {right_length}, yours is {length}."""
    return (lr * gradient**2 / 2 * weight_decay) ** 0.25, np.sqrt(2 * lr * weight_decay)
