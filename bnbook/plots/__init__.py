"""One drawing per experiment: what the function of the same name in `experiments` returned goes in.

Read after experiments.
Used from notebook 00 on.

Every function here returns two things: the matplotlib axes (one, or an array of them) and a text alternative, which
says in words and rounded numbers what the figure shows. Titles and texts are computed from the data, so they cannot
say what the picture does not. Each arm has one colour and one line style throughout the course, told apart by
colour-blind readers and in grey.

    axes, text = plots.first_look(results)
"""

from .backward import backward_graph as backward_graph
from .backward import projection as projection
from .batch_size import accumulation as accumulation
from .batch_size import batch_sizes as batch_sizes
from .batch_size import fine_tuning as fine_tuning
from .batch_size import ghost_batches as ghost_batches
from .batch_size import one_class as one_class
from .batch_size import outputs_by_batch as outputs_by_batch
from .batch_size import shared_nuisance as shared_nuisance
from .batch_size import statistics_error as statistics_error
from .claims import adding as adding
from .claims import claims as claims
from .claims import dimensions as dimensions
from .claims import folklore as folklore
from .claims import generalization as generalization
from .claims import random_labels as random_labels
from .claims import robustness as robustness
from .cnn import averaged_axes as averaged_axes
from .cnn import channel_histograms as channel_histograms
from .cnn import feature_maps as feature_maps
from .cnn import photographs as photographs
from .cnn import sample_size as sample_size
from .cnn import shared_statistic as shared_statistic
from .depth import gradient_growth as gradient_growth
from .depth import only_norms as only_norms
from .depth import skip_connections as skip_connections
from .depth import trainability as trainability
from .forward import batch_norm_stages as batch_norm_stages
from .forward import eps_placement as eps_placement
from .forward import images as images
from .forward import same_shape as same_shape
from .forward import shared_mean as shared_mean
from .forward import variance_errors as variance_errors
from .pytorch import autograd_function as autograd_function
from .pytorch import graph_nodes as graph_nodes
from .pytorch import same_losses as same_losses
from .rates import band_widths as band_widths
from .rates import extreme_rates as extreme_rates
from .rates import learning_rates as learning_rates
from .rates import matched_rates as matched_rates
from .rates import rate_heat_map as rate_heat_map
from .relatives import cubes as cubes
from .relatives import invariances as invariances
from .relatives import relatives as relatives
from .scale import along_gradient as along_gradient
from .scale import equivalent_rates as equivalent_rates
from .scale import norm_growth as norm_growth
from .scale import scale_invariance as scale_invariance
from .scale import weight_decay_equilibrium as weight_decay_equilibrium
from .shift import gradient_shift as gradient_shift
from .shift import input_drift as input_drift
from .shift import noisy_batch_norm as noisy_batch_norm
from .shift import unit_inputs as unit_inputs
from .speed import fewer_passes as fewer_passes
from .speed import roofline as roofline
from .speed import threads as threads
from .start import first_look as first_look
from .style import ARMS as ARMS
from .train_eval import companions as companions
from .train_eval import folding_errors as folding_errors
from .train_eval import forgotten_eval as forgotten_eval
from .train_eval import running_average as running_average
from .train_eval import train_eval_gap as train_eval_gap
from .why import after_training as after_training
from .why import last_layer as last_layer
from .why import twenty_layers as twenty_layers
